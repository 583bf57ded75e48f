//! From β to the cumulative signal ᾱ, and from a timestep to its noise level.

use std::f64::consts::FRAC_PI_2;

use crate::config::{BetaSchedule, FlowConvention, PredictionType, SchedulerConfig};
use crate::error::ConfigError;

/// How much signal and noise there is at a timestep: x = α x_0 + σ ε.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct NoiseLevel {
    /// What the network is told.
    pub timestep: f32,
    /// √ᾱ; of a flow 1 − σ.
    pub alpha: f32,
    /// √(1−ᾱ); of a flow its share of noise.
    pub sigma: f32,
}

/// The levels at `timesteps`, each below the number of training timesteps. β that leave nothing of the signal where it is
/// divided by, or add no noise, in single precision are refused.
pub(crate) fn noise_levels(
    config: &SchedulerConfig,
    alphas: &[f32],
    timesteps: &[usize],
) -> Result<Vec<NoiseLevel>, ConfigError> {
    let level = |&timestep: &usize| {
        let alpha = alphas[timestep];
        NoiseLevel { timestep: timestep as f32, alpha: alpha.sqrt(), sigma: (1.0 - alpha).sqrt() }
    };
    let levels: Vec<NoiseLevel> = timesteps.iter().map(level).collect();
    let divides = config.prediction_type == PredictionType::Epsilon || !config.rescale_betas_zero_snr;
    if let Some(level) = levels.iter().find(|level| level.alpha == 0.0 && divides) {
        if config.rescale_betas_zero_snr {
            let supported = "false, or a network that does not predict epsilon: no signal is left at the last timestep";
            return Err(ConfigError::unsupported("rescale_betas_zero_snr", &true, supported));
        }
        let expected = format!("smaller: no signal is left at timestep {}", level.timestep);
        return Err(ConfigError::out_of_range("beta_end", &config.beta_end, expected));
    }
    if let Some(level) = levels.iter().find(|level| level.sigma == 0.0) {
        let expected = format!("larger: there is no noise at timestep {}", level.timestep);
        return Err(ConfigError::out_of_range("beta_start", &config.beta_start, expected));
    }
    Ok(levels)
}

/// The level of a flow whose share of noise is `sigma`.
pub(crate) fn flow_level(config: &SchedulerConfig, sigma: f64) -> NoiseLevel {
    let convention = config.flow.unwrap_or(FlowConvention::DIFFUSERS);
    let timestep = convention.time(sigma, config.num_train_timesteps);
    NoiseLevel { timestep, alpha: (1.0 - sigma) as f32, sigma: sigma as f32 }
}

/// ᾱ_t = Π_{s ≤ t} (1 − β_s) for `t = 0..T`, in the precision of each step of `diffusers`: β, 1 − β and ᾱ are single, and the
/// product is carried on in double.
///
/// Networks are trained on these, and the rounding is not small everywhere. Near the end of the squared cosine, where β is
/// capped at 0.999, it moves ᾱ by some 1e-5 of itself; at its beginning, where ᾱ is almost 1, it moves 1 − ᾱ by up to 1e-3.
pub(crate) fn cumulative_alphas(config: &SchedulerConfig) -> Vec<f32> {
    let betas = betas(config);
    let betas = if config.rescale_betas_zero_snr { without_terminal_signal(&betas) } else { betas };
    cumulative(&betas).collect()
}

fn cumulative(betas: &[f32]) -> impl Iterator<Item = f32> {
    let mut product = 1.0;
    betas.iter().map(move |beta| {
        product *= f64::from(1.0 - beta);
        product as f32
    })
}

fn betas(config: &SchedulerConfig) -> Vec<f32> {
    let steps = config.num_train_timesteps;
    if let Some(betas) = &config.trained_betas {
        return betas.iter().map(|beta| *beta as f32).collect();
    }
    match config.beta_schedule {
        BetaSchedule::Linear => linspace(config.beta_start, config.beta_end, steps).collect(),
        BetaSchedule::ScaledLinear => {
            linspace(config.beta_start.sqrt(), config.beta_end.sqrt(), steps).map(|root| root * root).collect()
        }
        BetaSchedule::SquaredcosCapV2 => squared_cosine(steps).map(|beta| beta as f32).collect(),
    }
}

/// √ᾱ shifted so that it ends at 0, and scaled so that it begins where it did (Lin et al. 2023, arXiv 2305.08891,
/// algorithm 1), in single precision as `diffusers` computes it: β of the rescaled schedule.
fn without_terminal_signal(betas: &[f32]) -> Vec<f32> {
    let roots: Vec<f32> = cumulative(betas).map(f32::sqrt).collect();
    let (Some(&first), Some(&last)) = (roots.first(), roots.last()) else { return Vec::new() };
    let squares = roots.iter().map(|root| ((root - last) * (first / (first - last))).powi(2));
    let mut before = 1.0;
    squares.map(|alpha| 1.0 - alpha / std::mem::replace(&mut before, alpha)).collect()
}

/// As PyTorch's, to the bit: in single precision, from both ends to the middle, and rounded once.
fn linspace(start: f64, end: f64, count: usize) -> impl Iterator<Item = f32> {
    let (start, end) = (start as f32, end as f32);
    let gap = if count > 1 { (end - start) / (count - 1) as f32 } else { 0.0 };
    (0..count).map(move |i| {
        if i < count / 2 || count == 1 {
            gap.mul_add(i as f32, start)
        } else {
            (-gap).mul_add((count - 1 - i) as f32, end)
        }
    })
}

/// β_t = min(1 − f((t+1)/T) / f(t/T), 0.999) with f(u) = cos²(π/2 · (u + 0.008) / 1.008)
/// (Nichol & Dhariwal 2021, arXiv 2102.09672, eq. 17).
fn squared_cosine(count: usize) -> impl Iterator<Item = f64> {
    let signal = move |t: usize| ((t as f64 / count as f64 + 0.008) / 1.008 * FRAC_PI_2).cos().powi(2);
    (0..count).map(move |t| (1.0 - signal(t + 1) / signal(t)).min(0.999))
}
