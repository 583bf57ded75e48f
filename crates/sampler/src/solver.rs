//! The solvers: each is a function that fills the affine table.

mod ddim;
mod ddpm;
mod dpm_solver_pp;
mod flow;

use std::fmt;
use std::str::FromStr;

use crate::config::{PredictionType, SchedulerConfig};
use crate::error::ConfigError;

/// How a step is taken once x̂0 is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Solver {
    /// Ancestral sampling (Ho et al. 2020, arXiv 2006.11239).
    Ddpm,
    /// Denoising diffusion implicit model (Song et al. 2021, arXiv 2010.02502).
    Ddim {
        /// From 0, deterministic, to 1, as noisy as DDPM.
        eta: f64,
    },
    /// DPM-Solver++(2M), midpoint, on x̂0 (Lu et al. 2022, arXiv 2211.01095, algorithm 2).
    DpmSolverPlusPlus,
    /// Euler's method, for flow matching (Lipman et al. 2023, arXiv 2210.02747).
    Euler,
    /// The midpoint method, likewise: two steps are one of second order, so their number is even.
    Midpoint,
}

/// One row of the affine table in double precision.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Coefficients {
    /// A, of the state.
    pub state: f64,
    /// B, of this step's x̂0.
    pub denoised: f64,
    /// C, of the step before's x̂0.
    pub previous: f64,
    /// S, of the noise.
    pub noise: f64,
    /// Of the difference between the network's ε and the ε re-derived from the clipped x̂0.
    pub excess: f64,
    /// Variance that a change of the state is measured against.
    pub variance: f64,
}

impl Solver {
    /// The plain solver without noise for networks that predict this: DDIM, or Euler for flows.
    pub fn deterministic(prediction_type: PredictionType) -> Self {
        if prediction_type == PredictionType::Flow { Self::Euler } else { Self::Ddim { eta: 0.0 } }
    }

    /// Checks the solver's own parameters.
    pub(crate) fn validate(self) -> Result<(), ConfigError> {
        match self {
            Self::Ddim { eta } if !(0.0..=1.0).contains(&eta) => {
                Err(ConfigError::out_of_range("eta", &eta, "between 0 and 1"))
            }
            _ => Ok(()),
        }
    }

    /// Checks that it is defined for networks that predict this, and for as many steps.
    pub(crate) fn check(self, prediction_type: PredictionType, steps: usize) -> Result<(), ConfigError> {
        let is_flow = matches!(self, Self::Euler | Self::Midpoint);
        match (prediction_type == PredictionType::Flow, is_flow) {
            (true, false) => {
                Err(ConfigError::unsupported("solver", &self, "euler, midpoint: the network predicts a flow"))
            }
            (false, true) => {
                let supported = "ddpm, ddim, ddim:ETA, dpmsolver++: the network does not predict a flow";
                Err(ConfigError::unsupported("solver", &self, supported))
            }
            _ if self == Self::Midpoint && !steps.is_multiple_of(2) => {
                Err(ConfigError::out_of_range("steps", &steps, "even: midpoint takes them in pairs"))
            }
            _ => Ok(()),
        }
    }

    /// Whether the final timestep of an even spacing is left out (see [`crate::timesteps`]).
    pub(crate) fn drops_last_timestep(self) -> bool {
        self == Self::DpmSolverPlusPlus
    }

    /// Whether x̂0 is clipped where the configuration says so.
    pub(crate) fn clips(self) -> bool {
        matches!(self, Self::Ddpm | Self::Ddim { .. })
    }

    /// Fills the table for the given timesteps, `alphas` being ᾱ over all training timesteps.
    pub(crate) fn coefficients(self, config: &SchedulerConfig, alphas: &[f64], timesteps: &[i64]) -> Vec<Coefficients> {
        match self {
            Self::Ddpm => ddpm::coefficients(config, alphas, timesteps),
            Self::Ddim { eta } => ddim::coefficients(config, alphas, timesteps, eta),
            Self::DpmSolverPlusPlus => dpm_solver_pp::coefficients(config, alphas, timesteps),
            Self::Euler => flow::euler(config, timesteps),
            Self::Midpoint => flow::midpoint(config, timesteps),
        }
    }
}

/// β̃ = (1 − ᾱ') / (1 − ᾱ) · (1 − ᾱ/ᾱ'), the variance of q(x' | x, x_0) between the noise levels ᾱ and ᾱ' > ᾱ
/// (Ho et al. 2020, eq. 7).
fn posterior_variance(alpha: f64, alpha_next: f64) -> f64 {
    (1.0 - alpha_next) / (1.0 - alpha) * (1.0 - alpha / alpha_next)
}

/// Their names.
const KNOWN: &str = "ddpm, ddim, ddim:ETA, dpmsolver++, euler, midpoint";

impl fmt::Display for Solver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ddpm => f.write_str("ddpm"),
            Self::Ddim { eta: 0.0 } => f.write_str("ddim"),
            Self::Ddim { eta } => write!(f, "ddim:{eta}"),
            Self::DpmSolverPlusPlus => f.write_str("dpmsolver++"),
            Self::Euler => f.write_str("euler"),
            Self::Midpoint => f.write_str("midpoint"),
        }
    }
}

impl FromStr for Solver {
    type Err = ConfigError;

    /// Reads `ddpm`, `ddim`, `ddim:ETA`, `dpmsolver++`, `euler` or `midpoint`.
    fn from_str(name: &str) -> Result<Self, ConfigError> {
        let solver = match name {
            "ddpm" => Self::Ddpm,
            "ddim" => Self::Ddim { eta: 0.0 },
            "dpmsolver++" => Self::DpmSolverPlusPlus,
            "euler" => Self::Euler,
            "midpoint" => Self::Midpoint,
            _ => {
                let eta = name.strip_prefix("ddim:").and_then(|eta| eta.parse().ok());
                let Some(eta) = eta else {
                    return Err(ConfigError::unsupported("solver", &name, KNOWN));
                };
                Self::Ddim { eta }
            }
        };
        solver.validate()?;
        Ok(solver)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for name in ["ddpm", "ddim", "ddim:0.5", "dpmsolver++", "euler", "midpoint"] {
            assert_eq!(name.parse::<Solver>().unwrap().to_string(), name);
        }
    }

    #[test]
    fn foreign_names_and_eta_out_of_range_are_refused() {
        let message = |name: &str| name.parse::<Solver>().unwrap_err().to_string();
        assert_eq!(message("heun"), format!("solver: `heun` is not supported; use {KNOWN}"));
        assert_eq!(message("ddim:1.5"), "eta is 1.5, but must be between 0 and 1");
        assert_eq!(message("ddim:NaN"), "eta is NaN, but must be between 0 and 1");
    }
}
