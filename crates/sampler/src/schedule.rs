//! From β to the cumulative signal ᾱ.

use std::f64::consts::FRAC_PI_2;

use crate::config::{BetaSchedule, PredictionType, SchedulerConfig};
use crate::error::ConfigError;

/// How much signal and noise there is at a training timestep: x = α x_0 + σ ε.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct NoiseLevel {
    pub timestep: f32,
    /// √ᾱ; of a flow 1 − t/T.
    pub alpha: f32,
    /// √(1−ᾱ); of a flow t/T.
    pub sigma: f32,
}

/// The levels at `timesteps`, each below the number of training timesteps, or of a flow 1 to that number. β that leave nothing of the signal, or add
/// no noise, in single precision are refused.
pub(crate) fn noise_levels(config: &SchedulerConfig, timesteps: &[i64]) -> Result<Vec<NoiseLevel>, ConfigError> {
    if config.prediction_type == PredictionType::Flow {
        return Ok(timesteps.iter().map(|&timestep| straight(config, timestep)).collect());
    }
    let alphas = cumulative_alphas(config);
    let level = |&timestep: &i64| {
        let alpha = alphas[timestep as usize];
        NoiseLevel { timestep: timestep as f32, alpha: alpha.sqrt() as f32, sigma: (1.0 - alpha).sqrt() as f32 }
    };
    let levels: Vec<NoiseLevel> = timesteps.iter().map(level).collect();
    if let Some(level) = levels.iter().find(|level| level.alpha == 0.0) {
        let expected = format!("smaller: no signal is left at timestep {}", level.timestep);
        return Err(ConfigError::out_of_range("beta_end", &config.beta_end, expected));
    }
    if let Some(level) = levels.iter().find(|level| level.sigma == 0.0) {
        let expected = format!("larger: there is no noise at timestep {}", level.timestep);
        return Err(ConfigError::out_of_range("beta_start", &config.beta_start, expected));
    }
    Ok(levels)
}

fn straight(config: &SchedulerConfig, timestep: i64) -> NoiseLevel {
    let sigma = timestep as f64 / config.num_train_timesteps as f64;
    NoiseLevel { timestep: timestep as f32, alpha: (1.0 - sigma) as f32, sigma: sigma as f32 }
}

/// ᾱ_t = Π_{s ≤ t} (1 − β_s) for `t = 0..T`.
///
/// `diffusers` rounds β to single precision, and networks are trained on that: near the end of the squared cosine,
/// where β is capped at 0.999, the rounding moves ᾱ by some 1e-5 of itself. It is kept; the product is double
/// precision.
pub(crate) fn cumulative_alphas(config: &SchedulerConfig) -> Vec<f64> {
    let steps = config.num_train_timesteps;
    let betas: Vec<f64> = match config.beta_schedule {
        BetaSchedule::Linear => linspace(config.beta_start, config.beta_end, steps).collect(),
        BetaSchedule::ScaledLinear => {
            linspace(config.beta_start.sqrt(), config.beta_end.sqrt(), steps).map(|root| root * root).collect()
        }
        BetaSchedule::SquaredcosCapV2 => squared_cosine(steps).collect(),
    };
    let mut product = 1.0;
    betas
        .into_iter()
        .map(|beta| {
            product *= 1.0 - f64::from(beta as f32);
            product
        })
        .collect()
}

fn linspace(start: f64, end: f64, count: usize) -> impl Iterator<Item = f64> {
    let gap = if count > 1 { (end - start) / (count - 1) as f64 } else { 0.0 };
    (0..count).map(move |i| start + gap * i as f64)
}

/// β_t = min(1 − f((t+1)/T) / f(t/T), 0.999) with f(u) = cos²(π/2 · (u + 0.008) / 1.008)
/// (Nichol & Dhariwal 2021, arXiv 2102.09672, eq. 17).
fn squared_cosine(count: usize) -> impl Iterator<Item = f64> {
    let signal = move |t: usize| ((t as f64 / count as f64 + 0.008) / 1.008 * FRAC_PI_2).cos().powi(2);
    (0..count).map(move |t| (1.0 - signal(t + 1) / signal(t)).min(0.999))
}
