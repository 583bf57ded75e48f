//! Flow matching: Euler's method and the midpoint method on dx/dσ = v (Lipman et al. 2023, arXiv 2210.02747), the former as
//! `diffusers`' `FlowMatchEulerDiscreteScheduler`.
//!
//! The path from data to noise is straight, x = (1−σ) x_0 + σ ε, and the network predicts its velocity v = ε − x_0, so
//! x̂0 = x − σ v; or −v ([`FlowConvention`](crate::FlowConvention)). From σ to the next σ', which is 0 after the last, Euler goes
//!
//! ```text
//! x' = x + (σ' − σ) v  =  σ'/σ · x + (1 − σ'/σ) · x̂0
//! x' = (1 − σ') x̂0 + σ' ξ                              with `stochastic_sampling`
//! ```
//!
//! The midpoint method takes its steps in pairs: of the noise levels σ > μ > σ' one is where it is, the next where Euler puts
//! it on trial, and v there carries it from σ to σ'. What it was at σ follows from the trial and the x̂0 before:
//!
//! ```text
//! x_μ = μ/σ · x + (1 − μ/σ) · x̂0
//! x'  = x + (σ' − σ) v_μ  =  σ'/μ · x_μ + (σ − σ')/μ · x̂0_μ − (σ − μ)/μ · x̂0
//! ```
//!
//! Noise levels are evenly spaced, from 1 to 1/n (`trailing`) or to 1/T (`linspace`), then shifted and stretched:
//!
//! ```text
//! σ ← shift σ / (1 + (shift − 1) σ)                  `shift`; under `linspace` the last was shifted before it was spaced
//! σ ← 1 − (1 − σ) (1 − terminal) / (1 − σ_last)      `shift_terminal`
//! ```
//!
//! A change is measured against the variance of x' given x and x_0, as in the other solvers (Kingma et al. 2021,
//! arXiv 2107.00630, eq. 33): σ'²/σ² (σ² − α²/α'² σ'²) with α = 1−σ.

use super::Coefficients;
use crate::config::{SchedulerConfig, TimestepSpacing};
use crate::error::ConfigError;
use crate::timesteps::check_steps;

/// The noise levels of `steps` steps, descending from 1.
pub(crate) fn sigmas(config: &SchedulerConfig, steps: usize) -> Result<Vec<f64>, ConfigError> {
    check_steps(steps, config.num_train_timesteps)?;
    let shifted = |sigma: f64| config.shift * sigma / (1.0 + (config.shift - 1.0) * sigma);
    let last = match config.timestep_spacing {
        TimestepSpacing::Linspace if steps > 1 => {
            // Single precision, as there.
            f64::from(shifted(1.0 / config.num_train_timesteps as f64) as f32)
        }
        _ => 1.0 / steps as f64,
    };
    let gap = if steps > 1 { (1.0 - last) / (steps - 1) as f64 } else { 0.0 };
    let mut sigmas: Vec<f64> = (0..steps).map(|i| shifted(1.0 - gap * i as f64)).collect();
    if let Some(terminal) = config.shift_terminal {
        let scale = (1.0 - sigmas[steps - 1]) / (1.0 - terminal);
        sigmas.iter_mut().for_each(|sigma| *sigma = 1.0 - (1.0 - *sigma) / scale);
    }
    let descends = sigmas.windows(2).all(|pair| pair[0] > pair[1]) && sigmas[0] <= 1.0 && sigmas[steps - 1] > 0.0;
    if descends {
        return Ok(sigmas);
    }
    let field = if config.shift_terminal.is_some() { "shift_terminal" } else { "shift" };
    let value = config.shift_terminal.unwrap_or(config.shift);
    Err(ConfigError::out_of_range(field, &value, format!("such that {steps} noise levels differ")))
}

pub(super) fn euler(config: &SchedulerConfig, sigmas: &[f64]) -> Vec<Coefficients> {
    let ends = sigmas.iter().skip(1).chain([&0.0]);
    let step = |(&sigma, &next): (&f64, &f64)| {
        if config.stochastic_sampling { renewed(sigma, next) } else { forward(sigma, next) }
    };
    sigmas.iter().zip(ends).map(step).collect()
}

/// Of an even number of noise levels.
pub(super) fn midpoint(sigmas: &[f64]) -> Vec<Coefficients> {
    let sigmas: Vec<f64> = sigmas.iter().copied().chain([0.0]).collect();
    let pairs = sigmas.windows(3).step_by(2);
    pairs.flat_map(|at| [forward(at[0], at[1]), carried(at[0], at[1], at[2])]).collect()
}

fn forward(sigma: f64, next: f64) -> Coefficients {
    let state = next / sigma;
    Coefficients { state, denoised: 1.0 - state, variance: variance(sigma, next), ..Coefficients::default() }
}

fn renewed(sigma: f64, next: f64) -> Coefficients {
    Coefficients { denoised: 1.0 - next, noise: next, variance: variance(sigma, next), ..Coefficients::default() }
}

fn carried(sigma: f64, middle: f64, next: f64) -> Coefficients {
    Coefficients {
        state: next / middle,
        denoised: (sigma - next) / middle,
        previous: -(sigma - middle) / middle,
        variance: variance(middle, next),
        ..Coefficients::default()
    }
}

fn variance(sigma: f64, next: f64) -> f64 {
    let ratio = (1.0 - sigma) / (1.0 - next);
    (next / sigma).powi(2) * (sigma * sigma - (ratio * next).powi(2))
}
