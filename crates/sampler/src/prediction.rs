//! From what the network predicts to x̂0.

use crate::config::PredictionType;
use crate::table::Step;

impl PredictionType {
    /// x̂0 of one value, not clipped, with x = √ᾱ x_0 + √(1−ᾱ) ε:
    ///
    /// ```text
    /// epsilon       x̂0 = (x − √(1−ᾱ) ε) / √ᾱ
    /// sample        x̂0
    /// v_prediction  x̂0 = √ᾱ x − √(1−ᾱ) v        (Salimans & Ho 2022, arXiv 2202.00512)
    /// ```
    pub(crate) fn denoised(self, step: &Step, state: f32, prediction: f32) -> f32 {
        match self {
            Self::Epsilon => (state - step.sigma * prediction) / step.alpha,
            Self::Sample => prediction,
            Self::VPrediction => step.alpha * state - step.sigma * prediction,
        }
    }
}
