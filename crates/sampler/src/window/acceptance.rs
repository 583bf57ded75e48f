//! Which new states are kept.

use super::Window;

/// The test that decides how far the window slides.
pub trait Acceptance {
    /// Number of leading steps of `window` whose new states are final; `changes[i]` is the mean squared change of
    /// state `window.left() + 1 + i` in this round. The loop takes at least one.
    fn accepted(&mut self, window: Window<'_>, changes: &[f64]) -> usize;
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
    fn accepted(&mut self, window: Window<'_>, changes: &[f64]) -> usize {
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
        let mut test = RelativeChange::new(0.1, [1.0, 1.0, 4.0, 0.0]);
        assert_eq!(test.accepted(Window(&[0, 1, 2]), &[0.01, 0.02, 0.0]), 2);
        assert_eq!(test.accepted(Window(&[0, 1, 2]), &[0.01, 0.01, 0.05]), 3);
        assert_eq!(test.accepted(Window(&[1, 2, 3]), &[0.0, 0.04, 0.1]), 3);
        assert_eq!(test.accepted(Window(&[1, 2, 3]), &[f64::NAN, 0.0, 0.0]), 1);
    }

    #[test]
    fn where_nothing_may_change_a_step_must_have_been_evaluated() {
        assert_eq!(RelativeChange::new(0.0, [1.0; 4]).accepted(Window(&[0, 2, 3]), &[0.0; 4]), 1);
        assert_eq!(RelativeChange::new(0.1, [1.0; 4]).accepted(Window(&[0, 2, 3]), &[0.0; 4]), 4);
    }
}
