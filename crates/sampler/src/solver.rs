//! The solvers: each is a function that fills the affine table.

mod ddim;
mod ddpm;
mod dpm_solver_pp;
mod flow;
mod no_flow;

use std::fmt;
use std::str::FromStr;

use crate::config::{AlgorithmType, PredictionType, SchedulerConfig};
use crate::error::ConfigError;
use crate::schedule::{NoiseLevel, flow_level};

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
    /// DPM-Solver++, multistep, on x̂0 (Lu et al. 2022, arXiv 2211.01095), of the configuration's order (2M if it does not
    /// say) and type.
    DpmSolverPlusPlus,
    /// The same of the stochastic differential equation.
    SdeDpmSolverPlusPlus,
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
    /// C₂, of the x̂0 of the step before that.
    pub earlier: f64,
    /// S, of the noise.
    pub noise: f64,
    /// Of the difference between the network's ε and the ε re-derived from the limited x̂0.
    pub excess: f64,
    /// Variance that a change of the state is measured against.
    pub variance: f64,
}

/// A table before it is rounded.
pub(crate) struct Filled {
    pub levels: Vec<NoiseLevel>,
    pub coefficients: Vec<Coefficients>,
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

    /// Every solver as it is written, `ddim:ETA` standing for DDIM with an η: what [`FromStr`] reads.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(name, _)| *name)
    }

    /// The name under which it is listed, without a parameter.
    fn name(self) -> &'static str {
        let listed = |(_, solver): &&(&str, Self)| std::mem::discriminant(solver) == std::mem::discriminant(&self);
        NAMES.iter().find(listed).map_or("", |(name, _)| *name)
    }

    /// Whether it is for networks that predict a flow.
    fn is_for_flow(self) -> bool {
        matches!(self, Self::Euler | Self::Midpoint)
    }

    /// Checks its own parameters, that it is defined for what the network predicts and for as many steps, and that the
    /// configuration is not for another algorithm.
    pub(crate) fn check(self, config: &SchedulerConfig, steps: usize) -> Result<(), ConfigError> {
        self.validate()?;
        let flow = config.prediction_type == PredictionType::Flow;
        if flow != self.is_for_flow() {
            let others = names_of(|solver| solver.is_for_flow() == flow);
            let predicts = if flow { "predicts" } else { "does not predict" };
            let supported = format!("{others}: the network {predicts} a flow");
            return Err(ConfigError::unsupported("solver", &self, supported));
        }
        if self == Self::Midpoint && !steps.is_multiple_of(2) {
            return Err(ConfigError::out_of_range("steps", &steps, "even: midpoint takes them in pairs"));
        }
        if config.stochastic_sampling && self == Self::Midpoint {
            let supported = "euler: the configuration has stochastic_sampling";
            return Err(ConfigError::unsupported("solver", &self, supported));
        }
        match (self.algorithm(), config.algorithm_type) {
            (Some(own), Some(wanted)) if own != wanted => {
                let supported = format!("{wanted}, or another algorithm_type: that is the configuration's");
                Err(ConfigError::unsupported("solver", &self, supported))
            }
            _ => Ok(()),
        }
    }

    /// Which of DPM-Solver++'s algorithms it is.
    fn algorithm(self) -> Option<AlgorithmType> {
        match self {
            Self::DpmSolverPlusPlus => Some(AlgorithmType::DpmSolverPlusPlus),
            Self::SdeDpmSolverPlusPlus => Some(AlgorithmType::SdeDpmSolverPlusPlus),
            _ => None,
        }
    }

    /// Whether x̂0 is clipped where the configuration says so.
    pub(crate) fn clips(self) -> bool {
        matches!(self, Self::Ddpm | Self::Ddim { .. })
    }

    /// Fills the table of a configuration that was checked.
    pub(crate) fn fill(self, config: &SchedulerConfig, steps: usize) -> Result<Filled, ConfigError> {
        if !self.is_for_flow() {
            return no_flow::fill(self, config, steps);
        }
        let sigmas = flow::sigmas(config, steps)?;
        let levels = sigmas.iter().map(|sigma| flow_level(config, *sigma)).collect();
        let coefficients = if self == Self::Midpoint { flow::midpoint(&sigmas) } else { flow::euler(config, &sigmas) };
        Ok(Filled { levels, coefficients })
    }
}

/// β̃ = (1 − ᾱ') / (1 − ᾱ) · (1 − ᾱ/ᾱ'), the variance of q(x' | x, x_0) between the noise levels ᾱ and ᾱ' > ᾱ
/// (Ho et al. 2020, eq. 7); in single precision, as in `diffusers`: 1 − ᾱ/ᾱ' keeps few digits where ᾱ' is close to ᾱ.
fn posterior_variance(alpha: f32, alpha_next: f32) -> f64 {
    f64::from((1.0 - alpha_next) / (1.0 - alpha) * (1.0 - alpha / alpha_next))
}

/// What η is written after.
const ETA: &str = "ddim:";

/// Every solver as it is written: the one list of them. The first of several entries for one solver is its name.
const NAMES: [(&str, Solver); 7] = [
    ("ddpm", Solver::Ddpm),
    ("ddim", Solver::Ddim { eta: 0.0 }),
    ("ddim:ETA", Solver::Ddim { eta: 0.0 }),
    ("dpmsolver++", Solver::DpmSolverPlusPlus),
    ("sde-dpmsolver++", Solver::SdeDpmSolverPlusPlus),
    ("euler", Solver::Euler),
    ("midpoint", Solver::Midpoint),
];

/// The names of the solvers that are `wanted`, for an error.
fn names_of(wanted: impl Fn(Solver) -> bool) -> String {
    let wanted = NAMES.iter().filter(|(_, solver)| wanted(*solver));
    wanted.map(|(name, _)| *name).collect::<Vec<_>>().join(", ")
}

impl fmt::Display for Solver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ddim { eta } if *eta != 0.0 => write!(f, "{ETA}{eta}"),
            _ => f.write_str(self.name()),
        }
    }
}

impl FromStr for Solver {
    type Err = ConfigError;

    /// Reads one of [`Solver::names`], with a number in place of `ETA`.
    fn from_str(name: &str) -> Result<Self, ConfigError> {
        if let Some(eta) = name.strip_prefix(ETA).and_then(|eta| eta.parse().ok()) {
            let solver = Self::Ddim { eta };
            return solver.validate().map(|()| solver);
        }
        let plain = NAMES.iter().find(|(listed, _)| *listed == name && !listed.starts_with(ETA));
        let unknown = || ConfigError::unsupported("solver", &name, names_of(|_| true));
        plain.map(|(_, solver)| *solver).ok_or_else(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for name in Solver::names().map(|name| name.replace("ETA", "0.5")) {
            assert_eq!(name.parse::<Solver>().unwrap().to_string(), name);
        }
    }

    #[test]
    fn foreign_names_and_eta_out_of_range_are_refused() {
        let message = |name: &str| name.parse::<Solver>().unwrap_err().to_string();
        let known = "ddpm, ddim, ddim:ETA, dpmsolver++, sde-dpmsolver++, euler, midpoint";
        for unknown in ["heun", "ddim:ETA", "ddim:"] {
            assert_eq!(message(unknown), format!("solver: `{unknown}` is not supported; use {known}"));
        }
        assert_eq!(message("ddim:1.5"), "eta is 1.5, but must be between 0 and 1");
        assert_eq!(message("ddim:NaN"), "eta is NaN, but must be between 0 and 1");
    }
}
