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
    /// Steps that the round before made final; 0 in the first.
    pub advance: usize,
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

/// The same number of rows in every round, spread evenly over the steps that are left, so that every round reaches the end.
///
/// A round before any drift is known evaluates the first steps alone, and fewer rows: states near the end that were guessed
/// without a drift are of no use, and those at the beginning are nearly all noise and lead to much the same drift.
///
/// Where rows so far apart say too little of the steps between them, hardly any step becomes final. Then the reach is halved,
/// down to rows that follow each other; it is doubled again when nearly all that was reached is final. Where that was in vain,
/// twice as many such rounds are waited for before it is tried again.
#[derive(Clone, Copy, Debug)]
pub struct Spread {
    rows: usize,
    /// Steps that a round reaches over, at most.
    reach: usize,
    /// Whether the last round had drifts to guess by.
    guided: bool,
    /// Rounds that said much, before the reach is doubled again, and how many there were.
    patience: usize,
    much: usize,
}

impl Spread {
    /// Share of the steps that a round before any drift is known reaches over.
    const FIRST: f64 = 1.0 / 3.0;
    /// Share of its rows that it has.
    const FIRST_ROWS: f64 = 0.4;
    /// Final steps a row at which a round has said too little.
    const LITTLE: f64 = 1.0 / 2.0;
    /// Final steps a step that was reached at which there may be more.
    const MUCH: f64 = 3.0 / 4.0;

    /// `rows` a round.
    pub fn new(rows: usize) -> Self {
        Self { rows, reach: usize::MAX, guided: false, patience: 1, much: 0 }
    }

    /// Follows how many steps the last round made final.
    fn adapt(&mut self, left: usize, Round { steps, advance, .. }: Round) {
        if left == 0 {
            (self.reach, self.patience, self.much) = (steps, 1, 0);
            return;
        }
        // What the last round could reach at most.
        let reach = self.reach.min(steps - (left - advance));
        if self.guided && advance as f64 <= Self::LITTLE * self.rows as f64 {
            if reach > self.rows && reach <= 2 * self.rows {
                (self.patience, self.much) = (self.patience.saturating_mul(2), 0);
            }
            self.reach = (reach / 2).max(self.rows);
        } else if advance as f64 >= Self::MUCH * reach as f64 {
            self.much += 1;
            if self.much >= self.patience {
                self.reach = self.reach.saturating_mul(2).min(steps);
            }
        }
    }

    /// How far a round from `left` reaches, and its rows.
    fn extent(&self, left: usize, Round { steps, no_drift_yet, most, .. }: Round) -> (usize, usize) {
        let first = (Self::FIRST * steps as f64) as usize;
        let ahead = if no_drift_yet { first.max(self.rows) } else { self.reach };
        let reach = ahead.min(steps - left);
        let rows = self.rows.min(most).min(reach);
        let first_rows = (Self::FIRST_ROWS * rows as f64).ceil() as usize;
        (reach, if no_drift_yet { first_rows } else { rows })
    }
}

impl WindowPolicy for Spread {
    fn extend(&mut self, asked: &mut Vec<usize>, round: Round) {
        let left = asked[0];
        self.adapt(left, round);
        self.guided = !round.no_drift_yet;
        let (reach, rows) = self.extent(left, round);
        // `rows` places from 0 to `reach − 1`, rounded.
        let place = |row: usize| (2 * row * (reach - 1) + rows - 1) / (2 * (rows - 1));
        asked.extend((1..rows).map(|row| left + place(row)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// In the middle of a sample.
    fn spread(rows: usize) -> Spread {
        Spread { reach: 1000, guided: true, ..Spread::new(rows) }
    }

    fn extended(mut policy: impl WindowPolicy, left: usize, steps: usize) -> Vec<usize> {
        let mut asked = vec![left];
        policy.extend(&mut asked, Round { steps, no_drift_yet: left == 0, most: 50, advance: 10 });
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
        assert_eq!(extended(spread(4), 10, 41), [10, 20, 30, 40]);
        assert_eq!(extended(spread(4), 38, 41), [38, 39, 40]);
        assert_eq!(extended(spread(1), 10, 41), [10]);
        assert_eq!(extended(spread(10), 0, 39), [0, 4, 8, 12], "fewer on a third at first");
        assert_eq!(extended(spread(30), 0, 39), (0..12).map(|row| (2 * row * 29 + 11) / 22).collect::<Vec<_>>());
    }

    #[test]
    fn the_reach_is_halved_where_rows_far_apart_settle_nothing_and_grows_again() {
        let mut policy = Spread::new(16);
        let mut last = |left, advance| {
            let mut asked = vec![left];
            policy.extend(&mut asked, Round { steps: 1000, no_drift_yet: left == 0, most: 50, advance });
            asked[asked.len() - 1] - left
        };
        assert_eq!(last(0, 0), 332, "a third at first");
        assert_eq!(last(1, 1), 998, "which says nothing of the next");
        assert_eq!([last(2, 1), last(4, 2), last(6, 2)], [498, 248, 123]);
        assert_eq!([last(8, 2), last(10, 2), last(12, 2), last(14, 2)], [61, 30, 15, 15]);
        // The reach of two steps a row was in vain, so two rounds are waited for.
        assert_eq!([last(20, 6), last(36, 16), last(52, 16), last(77, 25)], [15, 15, 31, 63]);
    }

    #[test]
    fn no_round_has_more_rows_than_it_may() {
        for policy in [&mut FixedWindow(30) as &mut dyn WindowPolicy, &mut spread(30)] {
            for (left, no_drift_yet, most) in [(0, true, 5), (20, false, 5), (20, false, 1), (97, false, 5)] {
                let mut asked = vec![left];
                policy.extend(&mut asked, Round { steps: 100, no_drift_yet, most, advance: 10 });
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
