//! From what the network predicts to x̂0.

use crate::config::{FlowConvention, PredictionType, SchedulerConfig};
use crate::schedule::NoiseLevel;

/// How a prediction is read.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Reading {
    pub prediction_type: PredictionType,
    /// −1 where a flow's velocity is x_0 − ε, else 1.
    sign: f32,
}

impl Reading {
    pub fn of(config: &SchedulerConfig) -> Self {
        let sign = config.flow.map_or(1.0, FlowConvention::sign);
        Self { prediction_type: config.prediction_type, sign }
    }

    /// x̂0 of one value, not limited, with x = √ᾱ x_0 + √(1−ᾱ) ε:
    ///
    /// ```text
    /// epsilon       x̂0 = (x − √(1−ᾱ) ε) / √ᾱ
    /// sample        x̂0
    /// v_prediction  x̂0 = √ᾱ x − √(1−ᾱ) v        (Salimans & Ho 2022, arXiv 2202.00512)
    /// flow          x̂0 = x ∓ σ v                 (x = (1−σ) x_0 + σ ε, Lipman et al. 2023, arXiv 2210.02747)
    /// ```
    pub fn denoised(self, level: NoiseLevel, state: f32, prediction: f32) -> f32 {
        let NoiseLevel { alpha, sigma, .. } = level;
        match self.prediction_type {
            PredictionType::Epsilon => (state - sigma * prediction) / alpha,
            PredictionType::Sample => prediction,
            PredictionType::VPrediction => alpha * state - sigma * prediction,
            PredictionType::Flow => state - sigma * (self.sign * prediction),
        }
    }
}
