//! The list of strategies that can be chosen by name.

use super::{Strategy, StrategyKind};
use super::{anderson, blocks, paradigms, parareal, picard, sequential, speculative};
use crate::error::ConfigError;

/// The strategies of this crate, one a line.
pub(super) const BUILT_IN: &[&dyn StrategyKind] = &[
    &sequential::Kind,
    &paradigms::Kind,
    &picard::Kind,
    &speculative::Kind,
    &anderson::Kind,
    &parareal::Kind,
    &blocks::Kind,
];

/// Strategies that can be chosen by name: the ones of this crate, and what is added to them.
///
/// ```
/// use parapolicy_sampler::{Strategies, Strategy};
///
/// let strategies = Strategies::default();
/// assert_eq!(strategies.names().next(), Some("sequential"));
/// assert_eq!(strategies.parse("speculative")?, Strategy::speculative(12));
/// # Ok::<(), parapolicy_sampler::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Strategies {
    kinds: Vec<&'static dyn StrategyKind>,
}

impl Default for Strategies {
    /// The strategies of this crate.
    fn default() -> Self {
        Self { kinds: BUILT_IN.to_vec() }
    }
}

impl Strategies {
    /// Adds a kind.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if there is a strategy of that name already.
    pub fn with(mut self, kind: &'static dyn StrategyKind) -> Result<Self, ConfigError> {
        if self.names().any(|name| name == kind.name()) {
            return Err(ConfigError::Duplicate { field: "strategy", value: kind.name().to_owned() });
        }
        self.kinds.push(kind);
        Ok(self)
    }

    /// All names, in the order in which they were added.
    pub fn names(&self) -> impl ExactSizeIterator<Item = &'static str> {
        self.kinds.iter().map(|kind| kind.name())
    }

    /// All strategies, in the same order, with their default settings.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Strategy> {
        self.kinds.iter().map(|kind| Strategy::of(*kind))
    }

    /// The strategy of that name, with its default settings.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] with all names if there is none.
    pub fn parse(&self, name: &str) -> Result<Strategy, ConfigError> {
        parse(&self.kinds, name)
    }
}

pub(super) fn parse(kinds: &[&'static dyn StrategyKind], name: &str) -> Result<Strategy, ConfigError> {
    let names = || kinds.iter().map(|kind| kind.name()).collect::<Vec<_>>().join(", ");
    let kind = kinds.iter().find(|kind| kind.name() == name);
    kind.map(|kind| Strategy::of(*kind)).ok_or_else(|| ConfigError::unsupported("strategy", &name, names()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for strategy in Strategies::default().iter() {
            assert_eq!(strategy.to_string().parse(), Ok(strategy));
        }
        assert_eq!(
            "parallel".parse::<Strategy>().unwrap_err().to_string(),
            "strategy: `parallel` is not supported; use sequential, paradigms, picard, speculative, anderson, parareal, blocks"
        );
    }

    #[test]
    fn a_name_is_given_once() {
        let refused = Strategies::default().with(&picard::Kind).unwrap_err();
        assert_eq!(refused.to_string(), "strategy: `picard` is there already");
    }

    #[test]
    fn a_summary_is_one_line() {
        for strategy in Strategies::default().iter() {
            let summary = strategy.summary();
            assert!(!summary.is_empty() && !summary.contains('\n'), "{strategy}");
        }
    }
}
