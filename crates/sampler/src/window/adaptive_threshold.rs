//! DreamPropeller's acceptance.

use super::{Acceptance, Path, Window};

/// A threshold that follows the changes: their exponential moving average (Zhou et al. 2023, arXiv 2311.17082), with
/// c_j the mean squared change of a state,
///
/// ```text
/// keep while  c_j ≤ e
/// e ← min(γ e + (1 − γ) c_mid, bound)      c_mid: of the state in the middle of the window
/// ```
///
/// Optimisers have no noise to measure a change against, and their steps get shorter: what is small at the beginning is
/// all there is at the end. The paper has no bound; without one a threshold that follows changes that do not shrink
/// comes to accept them all. As everywhere, the first state to fail is kept too.
#[derive(Clone, Debug)]
pub struct AdaptiveThreshold {
    decay: f64,
    bound: f64,
    threshold: f64,
}

impl AdaptiveThreshold {
    /// `decay` is γ, in [0, 1]; e begins at `bound` and never exceeds it. With a bound of 0 only what did not change is
    /// kept on trust.
    pub fn new(decay: f64, bound: f64) -> Self {
        Self { decay, bound, threshold: bound }
    }
}

impl Acceptance for AdaptiveThreshold {
    fn accepted(&mut self, window: Window<'_>, path: &Path) -> usize {
        self.followed(window, path.changes())
    }
}

impl AdaptiveThreshold {
    fn followed(&mut self, window: Window<'_>, changes: &[f64]) -> usize {
        if window.left() == 0 {
            self.threshold = self.bound;
        }
        let unchanged = changes.iter().take_while(|change| **change <= self.threshold).count();
        let followed = self.decay * self.threshold + (1.0 - self.decay) * changes[changes.len() / 2];
        if followed.is_finite() {
            self.threshold = followed.min(self.bound);
        }
        (unchanged + 1).min(changes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_threshold_is_the_moving_average_of_the_middle_change() {
        let mut test = AdaptiveThreshold::new(0.5, 1.0);
        assert_eq!(test.followed(Window(&[0, 1, 2]), &[0.1, 0.2, 0.3]), 3, "all are below the bound");
        // e = 0.5 · 1 + 0.5 · 0.2 = 0.6
        assert_eq!(test.followed(Window(&[3, 4, 5]), &[0.55, 0.4, 0.65]), 3, "two are kept, and the one after");
        assert_eq!(test.followed(Window(&[6, 7, 8]), &[0.55, 0.0, 0.0]), 1, "e = 0.5");
        assert_eq!(test.followed(Window(&[0, 1, 2]), &[0.9, 0.9, 0.9]), 3, "another path begins at the bound");
    }

    #[test]
    fn changes_that_do_not_shrink_are_not_all_accepted() {
        let mut test = AdaptiveThreshold::new(0.5, 1.0);
        for round in 0..100 {
            assert_eq!(test.followed(Window(&[round, round + 1, round + 2, round + 3]), &[1e6; 4]), 1);
            assert_eq!(test.followed(Window(&[round, round + 1, round + 2, round + 3]), &[f64::NAN; 4]), 1);
        }
    }
}
