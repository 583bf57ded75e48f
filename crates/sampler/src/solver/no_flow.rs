//! The solvers whose noise levels are those of training timesteps.

use super::{Filled, Solver, ddim, ddpm, dpm_solver_pp};
use crate::config::SchedulerConfig;
use crate::error::ConfigError;
use crate::schedule::{cumulative_alphas, noise_levels};
use crate::timesteps::{Spacing, timesteps};

/// ᾱ that `diffusers`' DPM-Solver leaves at the last timestep when β are rescaled, where λ would be −∞.
const LEAST_SIGNAL: f32 = 1.0 / 16_777_216.0;

/// The table of a solver that is not for flows.
pub(super) fn fill(solver: Solver, config: &SchedulerConfig, steps: usize) -> Result<Filled, ConfigError> {
    let mut alphas = cumulative_alphas(config);
    let is_dpm = solver.algorithm().is_some();
    if let (true, true, Some(last)) = (is_dpm, config.rescale_betas_zero_snr, alphas.last_mut()) {
        *last = LEAST_SIGNAL;
    }
    let spacing = Spacing { end: if is_dpm { end(config, &alphas)? } else { alphas.len() }, drop_last: is_dpm };
    let timesteps = timesteps(config, steps, spacing)?;
    let levels = noise_levels(config, &alphas, &timesteps)?;
    let coefficients = match solver {
        Solver::Ddpm => ddpm::coefficients(config, &alphas, &timesteps),
        Solver::Ddim { eta } => ddim::coefficients(config, &alphas, &timesteps, eta),
        _ if dpm_solver_pp::stands_still(config, &timesteps) => {
            let supported = "zero, or other steps: the last of them is at timestep 0, and sigma_min is the noise there";
            return Err(ConfigError::unsupported("final_sigmas_type", &config.final_sigmas_type, supported));
        }
        _ => dpm_solver_pp::coefficients(config, &alphas, &timesteps, solver == Solver::SdeDpmSolverPlusPlus),
    };
    Ok(Filled { levels, coefficients })
}

/// How many timesteps have a log-SNR λ = ln(α/σ) of `lambda_min_clipped` or more.
fn end(config: &SchedulerConfig, alphas: &[f32]) -> Result<usize, ConfigError> {
    let Some(least) = config.lambda_min_clipped else { return Ok(alphas.len()) };
    let end = alphas.partition_point(|alpha| dpm_solver_pp::log_snr(*alpha) >= least);
    if end > 0 {
        return Ok(end);
    }
    Err(ConfigError::out_of_range("lambda_min_clipped", &least, "smaller: no timestep has so little noise"))
}
