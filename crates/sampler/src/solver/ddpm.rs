//! DDPM: ancestral sampling (Ho et al. 2020, arXiv 2006.11239, algorithm 2), as `diffusers`' `DDPMScheduler`.
//!
//! With ᾱ at this timestep, ᾱ' at the next visited one (1 after the last) and β = 1 − ᾱ/ᾱ', eq. 7 reads
//!
//! ```text
//! x' = √(1−β) (1−ᾱ')/(1−ᾱ) · x  +  √ᾱ' β/(1−ᾱ) · x̂0  +  σ ξ
//! σ² = (1−ᾱ')/(1−ᾱ) β  (fixed_small)   or   β  (fixed_large);   no noise from timestep 0
//! ```

use super::{Coefficients, posterior_variance};
use crate::config::{SchedulerConfig, VarianceType};

pub(super) fn coefficients(config: &SchedulerConfig, alphas: &[f32], timesteps: &[usize]) -> Vec<Coefficients> {
    let step = |(j, &timestep): (usize, &usize)| {
        let alpha = alphas[timestep];
        let alpha_next = timesteps.get(j + 1).map_or(1.0, |&next| alphas[next]);
        // Single precision, as in `diffusers`.
        let beta = f64::from(1.0 - alpha / alpha_next);
        let variance = match config.variance_type {
            _ if timestep == 0 => 0.0,
            VarianceType::FixedSmall | VarianceType::FixedSmallLog => posterior_variance(alpha, alpha_next),
            VarianceType::FixedLarge => beta,
        };
        let [alpha, alpha_next] = [alpha, alpha_next].map(f64::from);
        Coefficients {
            state: (1.0 - beta).sqrt() * (1.0 - alpha_next) / (1.0 - alpha),
            denoised: alpha_next.sqrt() * beta / (1.0 - alpha),
            noise: variance.sqrt(),
            variance,
            ..Coefficients::default()
        }
    };
    timesteps.iter().enumerate().map(step).collect()
}
