//! The budget of one sample among others.

use std::time::Instant;

use crate::budget::{Budget, RoundCost};
use crate::sample::Ended;

/// A budget being spent, in rounds that are shared: what the others ask for takes its time, too.
pub(super) struct Allowance {
    budget: Budget,
    started: Instant,
    rounds: usize,
}

impl Allowance {
    /// Rounds for which time is left: after so many a plan is good to act on.
    const ROUNDS: u32 = 3;
    /// Rows to which rounds are limited for that.
    const FEWEST: usize = 4;

    pub fn of(budget: Budget) -> Self {
        Self { budget, started: Instant::now(), rounds: 0 }
    }

    pub fn is_unlimited(&self) -> bool {
        self.budget == Budget::default()
    }

    /// Whether a failure of the denoiser now leaves a guess to end with.
    pub fn keeps(&self) -> bool {
        self.budget.keep_on_failure && self.rounds > 0
    }

    pub fn round_done(&mut self) {
        self.rounds += 1;
    }

    /// Rows of this sample for which there is room in the next round, beside `others`; if there is none, what was spent.
    pub fn room(&self, cost: &RoundCost, others: usize) -> Result<usize, Ended> {
        if self.budget.rounds.is_some_and(|rounds| self.rounds >= rounds) {
            return Err(Ended::OutOfRounds);
        }
        let Some(deadline) = self.budget.deadline else { return Ok(usize::MAX) };
        let left = deadline.saturating_sub(self.started.elapsed());
        let own = |rounds: u32| cost.rows_within(left / rounds).saturating_sub(others);
        let made = u32::try_from(self.rounds).unwrap_or(u32::MAX);
        let shares = (2..=Self::ROUNDS.saturating_sub(made)).rev().map(own);
        let room = { shares }.find(|rows| *rows >= Self::FEWEST).unwrap_or_else(|| own(1));
        if room > 0 { Ok(room) } else { Err(Ended::OutOfTime) }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_others_ask_for_leaves_less_room() {
        let mut cost = RoundCost::default();
        // 2 ms and half a millisecond a row.
        [(8, 6), (20, 12)].into_iter().for_each(|(rows, time)| cost.learn(rows, Duration::from_millis(time)));
        let room = |milliseconds, others| {
            let deadline = Some(Duration::from_millis(milliseconds));
            Allowance::of(Budget { deadline, ..Budget::default() }).room(&cost, others)
        };
        // A little less than 20 ms is left: three rounds of 9 rows, two of 15, one of 35.
        assert_eq!([0, 5, 8, 30].map(|others| room(20, others)), [9, 4, 7, 5].map(Ok));
        assert_eq!(room(20, 35), Err(Ended::OutOfTime));
        assert_eq!(room(20, 400), Err(Ended::OutOfTime));
    }
}
