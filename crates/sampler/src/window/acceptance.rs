//! Which new states are kept.

use super::{Path, Window};

/// The test that decides how far the window slides.
pub trait Acceptance {
    /// Forgets the sample before.
    fn begin(&mut self) {}

    /// Looks at the drifts of `window` as they were evaluated, before the roll-out.
    fn observe(&mut self, _window: Window<'_>, _path: &Path) {}

    /// Number of leading steps of `window` whose new states are final, after the roll-out; [`Path::changes`] has how they
    /// changed. The loop takes at least one.
    fn accepted(&mut self, window: Window<'_>, path: &Path) -> usize;

    /// How far, by what this test knows, the sample may be from the sequential one for what has been accepted: the largest
    /// magnitude over its values. None if it does not estimate that.
    fn estimated_error(&self) -> Option<f64> {
        None
    }
}

/// Mean squared change against a variance, of Shih et al. 2023 (arXiv 2305.16317, algorithm 1): a state is kept while
///
/// ```text
/// ‖x_new − x_old‖² / D  ≤  τ² σ²
/// ```
///
/// holds for it and for all states before it in the window. The first state to fail is kept too: it was computed from
/// states that are kept, and will be the next window's left edge. Where nothing at all may change, a step that was not
/// evaluated is not trusted either.
#[derive(Clone, Debug)]
pub struct RelativeChange {
    /// τ²σ² of x_1 to x_N, `[N]`.
    limits: Vec<f64>,
}

impl RelativeChange {
    /// `tolerance` is τ; `variances` holds σ² of x_1 to x_N.
    pub fn new(tolerance: f64, variances: impl IntoIterator<Item = f64>) -> Self {
        Self { limits: variances.into_iter().map(|variance| tolerance * tolerance * variance).collect() }
    }
}

impl Acceptance for RelativeChange {
    fn accepted(&mut self, window: Window<'_>, path: &Path) -> usize {
        self.settled(window, path.changes())
    }
}

impl RelativeChange {
    fn settled(&self, window: Window<'_>, changes: &[f64]) -> usize {
        let limits = &self.limits[window.left()..];
        let after = window.steps().skip(1);
        let mut states = changes.iter().zip(limits).zip(after);
        let settled = |((change, limit), (_, evaluated)): &((&f64, &f64), (usize, bool))| {
            change <= limit && (**limit > 0.0 || *evaluated)
        };
        1 + states.by_ref().take_while(settled).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_unchanged_prefix_and_the_state_after_it() {
        let test = RelativeChange::new(0.1, [1.0, 1.0, 4.0, 0.0]);
        assert_eq!(test.settled(Window(&[0, 1, 2]), &[0.01, 0.02, 0.0]), 2);
        assert_eq!(test.settled(Window(&[0, 1, 2]), &[0.01, 0.01, 0.05]), 3);
        assert_eq!(test.settled(Window(&[1, 2, 3]), &[0.0, 0.04, 0.1]), 3);
        assert_eq!(test.settled(Window(&[1, 2, 3]), &[f64::NAN, 0.0, 0.0]), 1);
    }

    #[test]
    fn where_nothing_may_change_a_step_must_have_been_evaluated() {
        assert_eq!(RelativeChange::new(0.0, [1.0; 4]).settled(Window(&[0, 2, 3]), &[0.0; 4]), 1);
        assert_eq!(RelativeChange::new(0.1, [1.0; 4]).settled(Window(&[0, 2, 3]), &[0.0; 4]), 4);
    }
}
