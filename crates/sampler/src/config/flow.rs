//! What a flow's network was trained to: flow matching has no one convention.

use serde::Serialize;

use super::named::named;

named! {
    /// The time that a flow's network is told.
    FlowTime as "flow.time" {
        /// From 0 to 1.
        Unit = "unit",
        /// From 0 to `num_train_timesteps`.
        TrainTimesteps = "train_timesteps",
    }
}

named! {
    /// What a flow's network predicts.
    FlowVelocity as "flow.velocity" {
        /// ε − x_0.
        NoiseMinusData = "noise_minus_data",
        /// x_0 − ε.
        DataMinusNoise = "data_minus_noise",
    }
}

/// The convention of a flow, `flow` in the scheduler's configuration. With σ the share of noise in a sample
/// x = (1−σ) x_0 + σ ε, the network is told the time σ or 1−σ, times T or not, and predicts ε − x_0 or x_0 − ε.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct FlowConvention {
    /// Where time ends.
    pub time: FlowTime,
    /// The end of time at which a sample is pure noise: 0, its beginning, or 1.
    pub noise_at: u8,
    /// What is predicted.
    pub velocity: FlowVelocity,
}

impl FlowConvention {
    /// That of `diffusers`' `FlowMatchEulerDiscreteScheduler`: time from 0 to T, noise at its end, ε − x_0.
    pub const DIFFUSERS: Self =
        Self { time: FlowTime::TrainTimesteps, noise_at: 1, velocity: FlowVelocity::NoiseMinusData };

    /// That of `diffusers` with `invert_sigmas`: time from 0 to T, noise at 0, x_0 − ε.
    pub(super) const INVERTED: Self =
        Self { time: FlowTime::TrainTimesteps, noise_at: 0, velocity: FlowVelocity::DataMinusNoise };

    /// What to write, for errors.
    pub(super) const WRITTEN: &'static str = "\"flow\": {\"time\": \"unit\" or \"train_timesteps\", \"noise_at\": 0 or 1, \
                                              \"velocity\": \"noise_minus_data\" or \"data_minus_noise\"}";

    /// The time at noise share `sigma`, of a network trained on `trained` timesteps.
    pub(crate) fn time(self, sigma: f64, trained: usize) -> f32 {
        let share = if self.noise_at == 0 { 1.0 - sigma } else { sigma };
        let end = if self.time == FlowTime::Unit { 1.0 } else { trained as f64 };
        (share * end) as f32
    }

    /// 1 if the network predicts ε − x_0, −1 if x_0 − ε.
    pub(crate) fn sign(self) -> f32 {
        if self.velocity == FlowVelocity::NoiseMinusData { 1.0 } else { -1.0 }
    }
}
