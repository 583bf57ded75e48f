//! What is safe, and when plans are drawn: the table `[control]`.

use std::fmt;

use parapolicy_control::controller::{Continuity, ControllerConfig, Replan};
use parapolicy_control::playback::{Between, Blend, Late, Limits, PlaybackConfig};
use parapolicy_policy::Manifest;
use serde::Deserialize;

use super::Ros2Config;
use crate::error::Ros2Error;

/// How many horizons old the observation behind a plan may be, if nothing is said.
const HORIZONS: u32 = 2;

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GivenControl {
    initial: Option<Initial>,
    safe: Option<Vec<f64>>,
    #[serde(default)]
    min: Vec<f64>,
    #[serde(default)]
    max: Vec<f64>,
    #[serde(default)]
    max_change: Vec<f64>,
    replan: Option<String>,
    blend: Option<String>,
    late: Option<String>,
    continuity: Option<String>,
    max_age: Option<f64>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "an action, or the name of the entry that is the robot's position")]
enum Initial {
    Action(Vec<f64>),
    Entry(String),
}

/// What is sent before the first plan.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Resting {
    /// Nothing: a robot is not sent anywhere by a number that nobody gave.
    Nothing,
    /// An action.
    Action,
    /// Numbers of the observation, from here on.
    Observed(usize),
}

impl fmt::Display for Resting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Nothing => "nothing is sent before the first plan",
            Self::Action => "an action is sent before the first plan",
            Self::Observed(_) => "the position is sent before the first plan",
        })
    }
}

impl Ros2Config {
    /// The controller's configuration for the policy of this manifest, and what is sent before the first plan.
    ///
    /// # Errors
    /// A field of `[control]`, or `rate`, that is wrong or does not fit the policy.
    pub(crate) fn controller(&self, manifest: &Manifest) -> Result<(ControllerConfig, Resting), Ros2Error> {
        let GivenControl { initial, safe, min, max, max_change, replan, blend, late, continuity, max_age } =
            &self.given.control;
        let period = self.period()?;
        let horizon = u32::try_from(manifest.horizon).unwrap_or(u32::MAX);
        let default_age = period.saturating_mul(horizon.saturating_mul(HORIZONS));
        let max_age = max_age.map_or(Ok(default_age), |age| self.seconds("control.max_age", age))?;
        let (initial, resting) = self.resting(initial.as_ref(), manifest)?;
        if !max_change.is_empty() && resting == Resting::Nothing {
            return Err(self.wrong("control.max_change", "changes are counted from control.initial: give it, too"));
        }
        let playback = PlaybackConfig {
            period,
            blend: self.named("control.blend", blend.as_deref(), Blend::Switch)?,
            late: self.named("control.late", late.as_deref(), Late::Finish)?,
            limits: Limits { min: min.clone(), max: max.clone(), max_change: max_change.clone() },
            max_age,
            initial,
            safe: safe.clone(),
            between: Between::default(),
        };
        let replan = self.named("control.replan", replan.as_deref(), Replan::Every(manifest.n_action_steps))?;
        let continuity = self.named("control.continuity", continuity.as_deref(), Continuity::Independent)?;
        let config = ControllerConfig { continuity, ..ControllerConfig::of(manifest, playback, replan) };
        config.validate().map_err(|error| self.wrong("control", error))?;
        Ok((config, resting))
    }

    fn named<T: std::str::FromStr<Err: ToString>>(
        &self,
        field: &str,
        text: Option<&str>,
        default: T,
    ) -> Result<T, Ros2Error> {
        text.map_or(Ok(default), |text| text.parse().map_err(|error: T::Err| self.wrong(field, error)))
    }

    /// The action that the controller rests at, which is as long as an action must be, and what is sent of it.
    fn resting(&self, initial: Option<&Initial>, manifest: &Manifest) -> Result<(Vec<f64>, Resting), Ros2Error> {
        let action_dim = manifest.action_dim();
        let wrong = |problem: String| self.wrong("control.initial", problem);
        let entry = match initial {
            Some(Initial::Action(action)) if action.len() == action_dim => {
                return Ok((action.clone(), Resting::Action));
            }
            Some(Initial::Action(action)) => {
                return Err(wrong(format!("it has {} numbers, but an action has {action_dim}", action.len())));
            }
            Some(Initial::Entry(entry)) => Some(entry),
            None => None,
        };
        let GivenControl { min, max, .. } = &self.given.control;
        // It is never sent, but must be one that might be.
        let within = |index| {
            let least: f64 = min.get(index).map_or(0.0, |min: &f64| min.max(0.0));
            max.get(index).map_or(least, |max| least.min(*max))
        };
        let placeholder = (0..action_dim).map(within).collect();
        let Some(name) = entry else { return Ok((placeholder, Resting::Nothing)) };
        let mut first = 0;
        for entry in &manifest.observations {
            if entry.name == *name && entry.len() == action_dim {
                return Ok((placeholder, Resting::Observed(first)));
            }
            first += entry.len();
        }
        let problem = "the policy observes no entry of this name and of an action's length";
        Err(wrong(format!("`{name}`: {problem}, {action_dim}")))
    }
}
