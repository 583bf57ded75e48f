//! Flow matching: Euler's method and the midpoint method on dx/dσ = v (Lipman et al. 2023, arXiv 2210.02747), the former as
//! `diffusers`' `FlowMatchEulerDiscreteScheduler`.
//!
//! The path from data to noise is straight, x = (1−σ) x_0 + σ ε with σ = t/T, and the network predicts its velocity
//! v = ε − x_0, so x̂0 = x − σ v. From σ to the next σ', which is 0 after the last, Euler goes
//!
//! ```text
//! x' = x + (σ' − σ) v  =  σ'/σ · x + (1 − σ'/σ) · x̂0
//! ```
//!
//! The midpoint method takes its steps in pairs: of the timesteps σ > μ > σ' one is where it is, the next where Euler puts
//! it on trial, and v there carries it from σ to σ'. What it was at σ follows from the trial and the x̂0 before:
//!
//! ```text
//! x_μ = μ/σ · x + (1 − μ/σ) · x̂0
//! x'  = x + (σ' − σ) v_μ  =  σ'/μ · x_μ + (σ − σ')/μ · x̂0_μ − (σ − μ)/μ · x̂0
//! ```
//!
//! A change is measured against the variance of x' given x and x_0, as in the other solvers (Kingma et al. 2021,
//! arXiv 2107.00630, eq. 33): σ'²/σ² (σ² − α²/α'² σ'²) with α = 1−σ.

use super::Coefficients;
use crate::config::SchedulerConfig;

pub(super) fn euler(config: &SchedulerConfig, timesteps: &[i64]) -> Vec<Coefficients> {
    let sigmas = sigmas(config, timesteps);
    sigmas.windows(2).map(|pair| forward(pair[0], pair[1])).collect()
}

/// Of an even number of timesteps.
pub(super) fn midpoint(config: &SchedulerConfig, timesteps: &[i64]) -> Vec<Coefficients> {
    let sigmas = sigmas(config, timesteps);
    let pairs = sigmas.windows(3).step_by(2);
    pairs.flat_map(|at| [forward(at[0], at[1]), carried(at[0], at[1], at[2])]).collect()
}

/// The noise levels visited, and 0.
fn sigmas(config: &SchedulerConfig, timesteps: &[i64]) -> Vec<f64> {
    timesteps.iter().chain([&0]).map(|&t| t as f64 / config.num_train_timesteps as f64).collect()
}

fn forward(sigma: f64, next: f64) -> Coefficients {
    let state = next / sigma;
    Coefficients { state, denoised: 1.0 - state, variance: variance(sigma, next), ..Coefficients::default() }
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
