//! What a sample may cost.

use std::time::{Duration, Instant};

use crate::error::ConfigError;

/// Limits on a sample; whatever is reached first ends it. Without limits it is drawn to its end.
///
/// At least one round is made. A deadline is looked at between rounds: one that would end after it, as long as the last
/// one took, is not begun.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// Calls of the network, one after the other.
    pub rounds: Option<usize>,
    /// Time from the first call on.
    pub deadline: Option<Duration>,
}

impl Budget {
    /// Checks that the limits leave room for anything.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if a limit is 0.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if self.rounds == Some(0) {
            return Err(ConfigError::out_of_range("rounds", &0, "at least 1"));
        }
        if self.deadline == Some(Duration::ZERO) {
            return Err(ConfigError::out_of_range("deadline", &0, "more than 0"));
        }
        Ok(())
    }

    /// Whether nothing limits a sample.
    pub(crate) fn is_unlimited(&self) -> bool {
        *self == Self::default()
    }
}

/// A budget being spent.
pub(crate) struct Spending {
    budget: Budget,
    started: Instant,
    rounds: usize,
    last: Duration,
}

impl Spending {
    pub fn of(budget: Budget) -> Self {
        Self { budget, started: Instant::now(), rounds: 0, last: Duration::ZERO }
    }

    /// Counts a round; returns whether there is no room for another one.
    pub fn round_done(&mut self) -> bool {
        let elapsed = self.started.elapsed();
        let round = elapsed - std::mem::replace(&mut self.last, elapsed);
        self.rounds += 1;
        self.budget.rounds.is_some_and(|rounds| self.rounds >= rounds)
            || self.budget.deadline.is_some_and(|deadline| elapsed + round > deadline)
    }
}
