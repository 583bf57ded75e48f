//! What a sample may cost.

use std::time::{Duration, Instant};

use crate::error::{ConfigError, SampleError};
use crate::sample::Ended;

mod round_cost;

pub(crate) use round_cost::RoundCost;

/// Limits on a sample; whatever is reached first ends it. Without limits it is drawn to its end.
///
/// At least one round is made. A deadline is checked between rounds: a round that would end after it, by what rounds have
/// cost so far, is not begun. Strategies with a window evaluate fewer rows a round where that leaves room for more rounds:
/// three rounds of a few rows bring a plan closer than one of many. For that the sampler learns, from plan to plan, what a
/// row costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// Calls of the network, one after the other.
    pub rounds: Option<usize>,
    /// Time from the first call on.
    pub deadline: Option<Duration>,
    /// Whether a denoiser that fails after the first round ends the sample as a limit does, with the best guess there is, in
    /// place of an error: one on another machine may be lost in between. Predictions that are not finite are an error all the
    /// same.
    pub keep_on_failure: bool,
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
    /// When the last round ended.
    last: Duration,
}

impl Spending {
    /// Rounds for which time is left: after so many a plan is good to act on.
    const ROUNDS: usize = 3;
    /// Rows to which rounds are limited for that.
    const FEWEST: usize = 4;

    pub fn of(budget: Budget) -> Self {
        Self { budget, started: Instant::now(), rounds: 0, last: Duration::ZERO }
    }

    /// Counts a round of so many rows, and learns its cost.
    pub fn round_done(&mut self, cost: &mut RoundCost, rows: usize) {
        let elapsed = self.started.elapsed();
        cost.learn(rows, elapsed - std::mem::replace(&mut self.last, elapsed));
        self.rounds += 1;
    }

    /// Whether a failure of the denoiser now leaves a guess to end with.
    pub fn keeps(&self, error: &SampleError) -> bool {
        self.budget.keep_on_failure && self.rounds > 0 && error.is_denoisers()
    }

    /// Rows for which there is room in the next round; if there is no room for another one, what has been spent.
    pub fn room(&self, cost: &RoundCost) -> Result<usize, Ended> {
        if self.budget.rounds.is_some_and(|rounds| self.rounds >= rounds) {
            return Err(Ended::OutOfRounds);
        }
        let Some(deadline) = self.budget.deadline else { return Ok(usize::MAX) };
        let left = deadline.saturating_sub(self.started.elapsed());
        let wanted = Self::ROUNDS.saturating_sub(self.rounds).max(1);
        let mut shares = (2..=wanted).rev().map(|rounds| cost.rows_within(left / rounds as u32));
        let room = shares.find(|rows| *rows >= Self::FEWEST).unwrap_or_else(|| cost.rows_within(left));
        if room > 0 { Ok(room) } else { Err(Ended::OutOfTime) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_shared_among_the_rounds_that_are_to_come() {
        let mut cost = RoundCost::default();
        // 2 ms and half a millisecond a row.
        [(8, 6), (20, 12)].into_iter().for_each(|(rows, time)| cost.learn(rows, Duration::from_millis(time)));
        let room = |milliseconds, rounds| {
            let deadline = Some(Duration::from_millis(milliseconds));
            Spending { rounds, ..Spending::of(Budget { deadline, ..Budget::default() }) }.room(&cost)
        };
        // A little less than 20 ms is left: rounds of a third, of a half, of all of it.
        assert_eq!([0, 1, 2, 3].map(|rounds| room(20, rounds)), [9, 15, 35, 35].map(Ok));
        assert_eq!(room(8, 0), Ok(11), "one round of 11 rows rather than two of 3");
        assert_eq!(room(3, 0), Ok(1));
        assert_eq!(room(2, 0), Err(Ended::OutOfTime));
    }
}
