//! DDIM(η) (Song et al. 2021, arXiv 2010.02502, eq. 12 and 16), as `diffusers`' `DDIMScheduler`.
//!
//! With ᾱ at this timestep t and ᾱ' at t − ⌊T/N⌋ (whether or not that is the timestep visited next),
//!
//! ```text
//! x' = √ᾱ' x̂0 + √(1−ᾱ'−σ²) ε + σ ξ,      σ² = η² (1−ᾱ')/(1−ᾱ) (1 − ᾱ/ᾱ')
//! ```
//!
//! The ε re-derived from x̂0 is (x − √ᾱ x̂0)/√(1−ᾱ), hence A = √(1−ᾱ'−σ²)/√(1−ᾱ) and B = √ᾱ' − A√ᾱ. `diffusers` keeps
//! the network's own ε where x̂0 was clipped or thresholded; the difference, the *excess*, enters with √(1−ᾱ'−σ²).
//!
//! A change is measured against DDPM's posterior variance (η = 1) whatever η is, as in the code of Shih et al. 2023
//! (arXiv 2305.16317): a deterministic step has no noise of its own to be compared with.

use super::{Coefficients, posterior_variance};
use crate::config::SchedulerConfig;

pub(super) fn coefficients(
    config: &SchedulerConfig,
    alphas: &[f32],
    timesteps: &[usize],
    eta: f64,
) -> Vec<Coefficients> {
    let stride = config.num_train_timesteps / timesteps.len();
    let alpha_final = if config.set_alpha_to_one { 1.0 } else { alphas[0] };
    let step = |&timestep: &usize| {
        let alpha = alphas[timestep];
        let alpha_next = timestep.checked_sub(stride).map_or(alpha_final, |next| alphas[next]);
        let variance = posterior_variance(alpha, alpha_next);
        // Single precision, as in `diffusers`: where ᾱ is almost 0 and η is 1, the difference is its rounding and little else.
        let noise = eta as f32 * (variance as f32).sqrt();
        let direction = f64::from((1.0 - alpha_next - noise * noise).max(0.0).sqrt());
        let [alpha, alpha_next] = [alpha, alpha_next].map(f64::from);
        let state = direction / (1.0 - alpha).sqrt();
        Coefficients {
            state,
            denoised: alpha_next.sqrt() - state * alpha.sqrt(),
            noise: f64::from(noise),
            excess: if config.clip_sample || config.thresholding { direction } else { 0.0 },
            variance,
            ..Coefficients::default()
        }
    };
    timesteps.iter().map(step).collect()
}
