//! How firmly a plan is held to the one before it, beyond what will have been sent when it arrives.
//!
//! With d actions that will have been sent and L that the plan before it has in all, action i of the new plan is held with
//! weight
//!
//! ```text
//! 1                                    i < d
//! 0, c_i or c_i (e^c_i − 1) / (e − 1)   d ≤ i < L        c_i = (L − i) / (L − d + 1)
//! 0                                    i ≥ L
//! ```
//!
//! hard, linear or exponential: the last is equation 5 of real-time chunking (Black et al. 2025, arXiv 2506.07339, with L = H − s
//! there), the first its comparison without a soft mask, the linear one LeRobot's.

/// How the agreement with the plan before fades, beyond what will have been sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fade {
    /// At once: later actions are free.
    Hard,
    /// Evenly, to nothing at the end of the plan before.
    Linear,
    /// Faster: real-time chunking's own weights.
    Exponential,
}

impl Fade {
    /// Writes the weight of each action of the plan before, of which the first `sent` will have been sent.
    pub(super) fn write(self, sent: usize, weights: &mut [f64]) {
        let len = weights.len();
        for (i, weight) in weights.iter_mut().enumerate() {
            let share = len.saturating_sub(i) as f64 / (len.saturating_sub(sent) + 1) as f64;
            *weight = match self {
                _ if i < sent => 1.0,
                Self::Hard => 0.0,
                Self::Linear => share,
                Self::Exponential => share * share.exp_m1() / 1.0_f64.exp_m1(),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(fade: Fade, sent: usize, len: usize) -> Vec<f64> {
        let mut weights = vec![f64::NAN; len];
        fade.write(sent, &mut weights);
        weights
    }

    /// LeRobot's `RTCProcessor.get_prefix_weights(2, 6, 6)`, of version 0.6, in its schedules `ZEROS`, `LINEAR` and `EXP`.
    #[test]
    fn weights_are_those_of_lerobot() {
        let expected = [
            (Fade::Hard, [1.0, 1.0, 0.0, 0.0, 0.0, 0.0]),
            (Fade::Linear, [1.0, 1.0, 0.8, 0.6, 0.4, 0.2]),
            (Fade::Exponential, [1.0, 1.0, 0.570_589, 0.287_072, 0.114_492, 0.025_770]),
        ];
        for (fade, expected) in expected {
            let found = weights(fade, 2, 6);
            let far = found.iter().zip(&expected).any(|(found, expected)| (found - expected).abs() > 1e-6);
            assert!(!far, "{fade:?}: {found:?}");
        }
    }

    #[test]
    fn all_that_there_is_may_have_been_sent() {
        for fade in [Fade::Hard, Fade::Linear, Fade::Exponential] {
            assert_eq!(weights(fade, 3, 3), [1.0; 3]);
            assert!(weights(fade, 0, 0).is_empty());
            assert_eq!(weights(fade, usize::MAX, 2), [1.0; 2]);
        }
    }
}
