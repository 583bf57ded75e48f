//! DPM-Solver++ (Lu et al. 2022, arXiv 2211.01095) of order 1 to 3, multistep, of the ordinary and of the stochastic
//! differential equation, as `diffusers`' `DPMSolverMultistepScheduler` with `algorithm_type` `dpmsolver++` and
//! `sde-dpmsolver++`.
//!
//! With α = √ᾱ, σ = √(1−ᾱ), λ = ln(α/σ) and h = λ' − λ, the differential equation and, in brackets, the stochastic one is
//! solved exactly in its linear part:
//!
//! ```text
//! x' = σ'/σ · x + α' (g₀ x̂0 + g₁ D₁ + g₂ D₂)                      k = h
//! x' = σ'/σ e^{−h} · x + α' (g₀ x̂0 + g₁ D₁ + g₂ D₂) + σ' √g₀ ξ     k = 2h
//!
//! g₀ = 1 − e^{−k}
//! g₁ = g₀/2  (midpoint)   or   1 − g₀/k  (heun, and order 3)
//! g₂ = 1/2 − (k − g₀)/k²   or   −1/2 − (k − g₀)/k²  (stochastic; the sign of ½ is diffusers')
//! ```
//!
//! D₁ and D₂ are the derivatives of x̂0 over λ, times h and h², from the last evaluations; with r₀ = (λ − λ₋₁)/h and
//! r₁ = (λ₋₁ − λ₋₂)/h,
//!
//! ```text
//! D₁ = (x̂0 − x̂0₋₁)/r₀                                           order 2
//! d₀ = (x̂0 − x̂0₋₁)/r₀,   d₁ = (x̂0₋₁ − x̂0₋₂)/r₁                 order 3
//! D₁ = d₀ + r₀/(r₀+r₁) (d₀ − d₁),   D₂ = (d₀ − d₁)/(r₀+r₁)
//! ```
//!
//! The first steps are of the order that the evaluations so far allow. The last is of first order where it ends at no noise, where
//! `euler_at_final` says so, and where there are fewer than 15 steps and `lower_order_final` says so; in the last case the step
//! before is of second order at most. A change is measured against DDPM's posterior variance between the two noise levels.

use super::{Coefficients, posterior_variance};
use crate::config::{FinalSigmas, SchedulerConfig, SolverType};

/// `noisy`: of the stochastic differential equation.
pub(super) fn coefficients(
    config: &SchedulerConfig,
    alphas: &[f32],
    timesteps: &[usize],
    noisy: bool,
) -> Vec<Coefficients> {
    let alpha_final = match config.final_sigmas_type {
        FinalSigmas::Zero => 1.0,
        FinalSigmas::SigmaMin => alphas[0],
    };
    let levels: Vec<f32> = timesteps.iter().map(|&t| alphas[t]).chain([alpha_final]).collect();
    let log_snr: Vec<f64> = levels.iter().map(|level| log_snr(*level)).collect();
    let steps = timesteps.len();
    let step = |j: usize| {
        let h = log_snr[j + 1] - log_snr[j];
        let decay = if noisy { (-h).exp() } else { 1.0 };
        let gain = Gain::new(if noisy { 2.0 * h } else { h }, noisy, config.solver_type);
        let [denoised, previous, earlier] = weights(&gain, order(config, j, steps), &log_snr, j);
        let [level, next] = [levels[j], levels[j + 1]].map(f64::from);
        let (alpha, sigma) = (next.sqrt(), (1.0 - next).sqrt());
        Coefficients {
            state: sigma / (1.0 - level).sqrt() * decay,
            denoised: alpha * denoised,
            previous: alpha * previous,
            earlier: alpha * earlier,
            noise: if noisy { sigma * gain.value.sqrt() } else { 0.0 },
            variance: posterior_variance(levels[j], levels[j + 1]),
            ..Coefficients::default()
        }
    };
    (0..steps).map(step).collect()
}

/// Whether the last step has no length, and divides by it: with weights of g₁ or g₂ that have k below them.
pub(super) fn stands_still(config: &SchedulerConfig, timesteps: &[usize]) -> bool {
    let steps = timesteps.len();
    let from_zero = config.final_sigmas_type == FinalSigmas::SigmaMin && timesteps.last() == Some(&0);
    let order = if from_zero { order(config, steps - 1, steps) } else { 1 };
    order == 3 || (order == 2 && config.solver_type == SolverType::Heun)
}

/// λ = ln(α/σ) of ᾱ.
pub(super) fn log_snr(alpha: f32) -> f64 {
    let alpha = f64::from(alpha);
    0.5 * (alpha / (1.0 - alpha)).ln()
}

/// g₀, and g₁ of a step of second and of third order, and g₂.
struct Gain {
    value: f64,
    second: f64,
    third: f64,
    curvature: f64,
}

impl Gain {
    fn new(k: f64, noisy: bool, solver_type: SolverType) -> Self {
        let value = -(-k).exp_m1();
        let third = 1.0 - value / k;
        let half = if noisy { -0.5 } else { 0.5 };
        Self {
            value,
            second: if solver_type == SolverType::Heun { third } else { 0.5 * value },
            third,
            curvature: half - (k - value) / (k * k),
        }
    }
}

/// Of x̂0, x̂0₋₁ and x̂0₋₂.
fn weights(gain: &Gain, order: usize, log_snr: &[f64], j: usize) -> [f64; 3] {
    let h = log_snr[j + 1] - log_snr[j];
    let ratio = |lag: usize| (log_snr[j - lag] - log_snr[j - lag - 1]) / h;
    match order {
        1 => [gain.value, 0.0, 0.0],
        2 => {
            let change = gain.second / ratio(0);
            [gain.value + change, -change, 0.0]
        }
        _ => {
            let (r0, r1) = (ratio(0), ratio(1));
            let bend = (gain.third * r0 + gain.curvature) / (r0 + r1);
            let (last, before) = ((gain.third + bend) / r0, -bend / r1);
            [gain.value + last, before - last, -before]
        }
    }
}

fn order(config: &SchedulerConfig, step: usize, steps: usize) -> usize {
    let few = config.lower_order_final && steps < 15;
    let left = steps - step;
    let allowed = match left {
        1 if config.final_sigmas_type == FinalSigmas::Zero || few || config.euler_at_final => 1,
        2 if few => 2,
        _ => 3,
    };
    config.solver_order.min(step + 1).min(allowed)
}
