//! DPM-Solver++(2M), midpoint (Lu et al. 2022, arXiv 2211.01095, algorithm 2), as `diffusers`'
//! `DPMSolverMultistepScheduler` with `algorithm_type` `dpmsolver++` and `solver_order` 2.
//!
//! With α = √ᾱ, σ = √(1−ᾱ), λ = ln(α/σ) and h = λ' − λ from this noise level to the next,
//!
//! ```text
//! x' = σ'/σ · x − α' (e^{−h} − 1) · D,      D = x̂0_j + h/(2 h_{j−1}) (x̂0_j − x̂0_{j−1})
//! ```
//!
//! The first step is of first order (D = x̂0_j), and so is the last where it goes to no noise at all
//! (`final_sigmas_type` zero), where there are fewer than 15 steps (`lower_order_final`), or by `euler_at_final`.
//! x̂0 is never clipped. A change is measured against DDPM's posterior variance between the two noise levels.

use super::{Coefficients, posterior_variance};
use crate::config::{FinalSigmas, SchedulerConfig};

pub(super) fn coefficients(config: &SchedulerConfig, alphas: &[f64], timesteps: &[i64]) -> Vec<Coefficients> {
    let alpha_final = match config.final_sigmas_type {
        FinalSigmas::Zero => 1.0,
        FinalSigmas::SigmaMin => alphas[0],
    };
    let levels: Vec<f64> = timesteps.iter().map(|&t| alphas[t as usize]).chain([alpha_final]).collect();
    let log_snr = |j: usize| 0.5 * (levels[j] / (1.0 - levels[j])).ln();
    let steps = timesteps.len();
    let step = |j: usize| {
        let h = log_snr(j + 1) - log_snr(j);
        let towards = -levels[j + 1].sqrt() * (-h).exp_m1();
        let half_ratio = if first_order(config, j, steps) { 0.0 } else { 0.5 * h / (log_snr(j) - log_snr(j - 1)) };
        Coefficients {
            state: ((1.0 - levels[j + 1]) / (1.0 - levels[j])).sqrt(),
            denoised: towards * (1.0 + half_ratio),
            previous: -towards * half_ratio,
            variance: posterior_variance(levels[j], levels[j + 1]),
            ..Coefficients::default()
        }
    };
    (0..steps).map(step).collect()
}

fn first_order(config: &SchedulerConfig, step: usize, steps: usize) -> bool {
    let last = step + 1 == steps;
    let few = config.lower_order_final && steps < 15;
    step == 0 || last && (config.final_sigmas_type == FinalSigmas::Zero || few || config.euler_at_final)
}
