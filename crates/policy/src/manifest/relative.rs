//! Actions that are relative to an observation.

use serde::{Deserialize, Serialize};

use super::{
    Entry, Manifest,
    validate::{Problem, check},
};

/// What the numbers of an entry of an action are relative to, each by itself: the numbers of one entry of the newest observation
/// that a plan is drawn from, in raw units, the same for all actions of the plan.
///
/// ```text
/// action = denormalised prediction + newest observation
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelativeTo {
    /// Name of the observations' entry.
    pub observation: String,
    /// Of each component of the action's entry, the component of the observation's that it is relative to, in row-major order;
    /// none (`null`) where it is absolute.
    pub components: Vec<Option<usize>>,
}

impl Manifest {
    /// Of each number of an action, the number of an observation `[observation_dim]` that it is relative to; none where it is
    /// absolute.
    pub fn relative_components(&self) -> impl Iterator<Item = Option<usize>> {
        self.actions.iter().flat_map(|entry| {
            let relative = entry.relative_to.as_ref().and_then(|relative| {
                // Validated to be there.
                let (_, numbers) = self.observation_entry(&relative.observation).ok()?;
                Some((&relative.components, numbers.start))
            });
            (0..entry.len()).map(move |index| {
                let (components, first) = relative?;
                Some(first + components.get(index).copied()??)
            })
        })
    }
}

/// Actions alone are relative, to entries that are there, number by number.
pub(super) fn validate_relative(observations: &[Entry], actions: &[Entry]) -> Result<(), Problem> {
    for (index, entry) in observations.iter().enumerate() {
        check(entry.relative_to.is_none(), &format!("observations[{index}].relative_to"), || {
            "is given, but only entries of actions are relative: leave it out".into()
        })?;
    }
    for (index, entry) in actions.iter().enumerate() {
        if let Some(relative) = &entry.relative_to {
            relative.validate(&format!("actions[{index}].relative_to"), entry, observations)?;
        }
    }
    Ok(())
}

impl RelativeTo {
    fn validate(&self, field: &str, entry: &Entry, observations: &[Entry]) -> Result<(), Problem> {
        let Self { observation, components } = self;
        check(!entry.kind.is_rotation(), field, || {
            format!(
                "is given, but a {} is no sum of two, and is not supported: only positions and grippers are",
                entry.kind
            )
        })?;
        let Some(seen) = observations.iter().find(|entry| entry.name == *observation) else {
            let known: Vec<&str> = observations.iter().map(|entry| entry.name.as_str()).collect();
            let problem = format!("is \"{observation}\", but the observations are {}", known.join(", "));
            return Err((format!("{field}.observation"), problem));
        };
        let list = format!("{field}.components");
        check(components.len() == entry.len(), &list, || {
            format!("has {} components, but the entry has {} numbers", components.len(), entry.len())
        })?;
        check(components.iter().any(Option::is_some), &list, || {
            "is null throughout: leave `relative_to` out where all is absolute".into()
        })?;
        let beyond =
            components.iter().enumerate().find_map(|(at, index)| Some((at, index.filter(|i| *i >= seen.len())?)));
        match beyond {
            None => Ok(()),
            Some((at, index)) => Err((
                format!("{list}[{at}]"),
                format!("is {index}, but \"{observation}\" has {} numbers, from 0 on", seen.len()),
            )),
        }
    }
}
