//! Which steps are evaluated together.

/// The steps of a round. It reaches from the first of them, which is exact, to the last.
#[derive(Clone, Copy, Debug)]
pub struct Window<'a>(pub(super) &'a [usize]);

impl<'a> Window<'a> {
    /// The steps that are evaluated, ascending; at least one.
    pub fn asked(&self) -> &'a [usize] {
        self.0
    }

    /// The first step.
    pub fn left(&self) -> usize {
        self.0[0]
    }

    /// The step after the last.
    pub fn right(&self) -> usize {
        self.0[self.0.len() - 1] + 1
    }

    /// All steps that it reaches over, each with whether it is evaluated.
    pub fn steps(&self) -> impl Iterator<Item = (usize, bool)> + use<'a> {
        let mut asked = self.0.iter().peekable();
        (self.left()..self.right()).map(move |step| (step, asked.next_if_eq(&&step).is_some()))
    }
}

/// What a round is about to be, for a [`WindowPolicy`].
#[derive(Clone, Copy, Debug)]
pub struct Round {
    /// Steps of the process, `N`.
    pub steps: usize,
    /// Whether there is no drift yet that its states were guessed by.
    pub no_drift_yet: bool,
    /// Steps that may be evaluated, at least 1: fewer than a policy's own where time is short.
    pub most: usize,
}

/// A rule for which steps are evaluated together.
pub trait WindowPolicy {
    /// Adds to `asked`, which holds the first step that is not final, what else is to be evaluated in `round`: ascending.
    fn extend(&mut self, asked: &mut Vec<usize>, round: Round);
}

/// A window of the same width in every round, each step of which is evaluated (Shih et al. 2023, arXiv 2305.16317).
#[derive(Clone, Copy, Debug)]
pub struct FixedWindow(pub usize);

impl WindowPolicy for FixedWindow {
    fn extend(&mut self, asked: &mut Vec<usize>, round: Round) {
        let left = asked[0];
        asked.extend(left + 1..left.saturating_add(self.0.min(round.most)).min(round.steps));
    }
}

/// The same number of rows in every round, spread evenly over all the steps that are left, so that every round reaches the
/// end.
///
/// A round before any drift is known evaluates the first steps alone, and fewer rows: states near the end that were guessed
/// without a drift are of no use, and those at the beginning are nearly all noise and lead to much the same drift.
#[derive(Clone, Copy, Debug)]
pub struct Spread(pub usize);

impl Spread {
    /// Share of the steps that a round before any drift is known reaches over.
    const FIRST: f64 = 1.0 / 3.0;
    /// Share of the rows that it has.
    const FIRST_ROWS: f64 = 0.4;

    /// How far a round from `left` reaches, and its rows.
    fn extent(&self, left: usize, Round { steps, no_drift_yet, most }: Round) -> (usize, usize) {
        let (first, rows) = ((Self::FIRST * steps as f64) as usize, self.0.min(most));
        let (ahead, rows) = if no_drift_yet {
            (first.max(self.0), (Self::FIRST_ROWS * rows as f64).ceil() as usize)
        } else {
            (steps, rows)
        };
        let reach = ahead.min(steps - left);
        (reach, rows.min(reach))
    }
}

impl WindowPolicy for Spread {
    fn extend(&mut self, asked: &mut Vec<usize>, round: Round) {
        let left = asked[0];
        let (reach, rows) = self.extent(left, round);
        // `rows` places from 0 to `reach − 1`, rounded.
        let place = |row: usize| (2 * row * (reach - 1) + rows - 1) / (2 * (rows - 1));
        asked.extend((1..rows).map(|row| left + place(row)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn extended(mut policy: impl WindowPolicy, left: usize, steps: usize) -> Vec<usize> {
        let mut asked = vec![left];
        policy.extend(&mut asked, Round { steps, no_drift_yet: left == 0, most: 50 });
        asked
    }

    #[test]
    fn a_fixed_window_ends_with_the_steps() {
        assert_eq!(extended(FixedWindow(3), 4, 10), [4, 5, 6]);
        assert_eq!(extended(FixedWindow(3), 8, 10), [8, 9]);
        assert_eq!(extended(FixedWindow(usize::MAX), 7, 10), [7, 8, 9]);
        assert_eq!(extended(FixedWindow(0), 7, 10), [7]);
    }

    #[test]
    fn rows_are_spread_from_the_left_edge_to_the_last_step() {
        assert_eq!(extended(Spread(4), 10, 41), [10, 20, 30, 40]);
        assert_eq!(extended(Spread(4), 38, 41), [38, 39, 40]);
        assert_eq!(extended(Spread(1), 10, 41), [10]);
        assert_eq!(extended(Spread(10), 0, 39), [0, 4, 8, 12], "fewer on a third at first");
        assert_eq!(extended(Spread(30), 0, 39), (0..12).map(|row| (2 * row * 29 + 11) / 22).collect::<Vec<_>>());
    }

    #[test]
    fn no_round_has_more_rows_than_it_may() {
        for policy in [&mut FixedWindow(30) as &mut dyn WindowPolicy, &mut Spread(30)] {
            for (left, no_drift_yet, most) in [(0, true, 5), (20, false, 5), (20, false, 1), (97, false, 5)] {
                let mut asked = vec![left];
                policy.extend(&mut asked, Round { steps: 100, no_drift_yet, most });
                assert!((1..=most.min(100 - left)).contains(&asked.len()));
            }
        }
    }

    #[test]
    fn a_window_reaches_over_what_is_not_evaluated() {
        let window = Window(&[3, 5]);
        assert_eq!((window.left(), window.right()), (3, 6));
        assert_eq!(window.steps().collect::<Vec<_>>(), [(3, true), (4, false), (5, true)]);
    }
}
