//! From what the network predicts to x̂0.

use crate::config::PredictionType;
use crate::schedule::NoiseLevel;

impl PredictionType {
    /// x̂0 of one value, not clipped, with x = √ᾱ x_0 + √(1−ᾱ) ε:
    ///
    /// ```text
    /// epsilon       x̂0 = (x − √(1−ᾱ) ε) / √ᾱ
    /// sample        x̂0
    /// v_prediction  x̂0 = √ᾱ x − √(1−ᾱ) v        (Salimans & Ho 2022, arXiv 2202.00512)
    /// flow          x̂0 = x − σ v                 (x = (1−σ) x_0 + σ ε, Lipman et al. 2023, arXiv 2210.02747)
    /// ```
    pub(crate) fn denoised(self, level: NoiseLevel, state: f32, prediction: f32) -> f32 {
        let NoiseLevel { alpha, sigma, .. } = level;
        match self {
            Self::Epsilon => (state - sigma * prediction) / alpha,
            Self::Sample => prediction,
            Self::VPrediction => alpha * state - sigma * prediction,
            Self::Flow => state - sigma * prediction,
        }
    }
}
