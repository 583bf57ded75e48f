//! `auto`: whichever sampler is fastest for this model on this machine.

use std::fmt;
use std::str::FromStr;

use ndarray::Array2;
use parapolicy_control::usual_strategy;
use parapolicy_eval::{AUTO, Calibration, CalibrationError, Observations, Sampling};
use parapolicy_policy::Network;
use parapolicy_sampler::{Budget, Choice, Strategy};

use crate::failure::{Failure, InputError as _};
use crate::say::tell;
use crate::stop::Stop;

/// A sampler, as the command line names it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SamplerName {
    /// The fastest.
    Auto,
    /// This one.
    Strategy(Strategy),
}

impl SamplerName {
    /// The one that is meant where none is named.
    pub fn usual(steps: usize, budget: Budget) -> Self {
        let limited = budget.rounds.is_some() || budget.deadline.is_some();
        Self::Strategy(usual_strategy(steps, limited))
    }
}

impl FromStr for SamplerName {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        if name == AUTO {
            return Ok(Self::Auto);
        }
        name.parse().map(Self::Strategy).map_err(|error| format!("{error}, {AUTO}"))
    }
}

impl fmt::Display for SamplerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str(AUTO),
            Self::Strategy(strategy) => write!(f, "{strategy}"),
        }
    }
}

/// Chooses and says why. What is not known of the model and the machine is measured now, and kept.
///
/// `meet` gives observations that the policy meets, to try candidates on, or none; it is asked only if they are needed.
pub fn choose(
    policy: &mut Network,
    sampling: &Sampling,
    meet: impl FnOnce(&mut Network) -> Result<Vec<Array2<f64>>, Failure>,
) -> Result<Choice, Failure> {
    sampling.validate(policy).input()?;
    let mut calibration = known_or_measured(policy)?;
    warn_if_disturbed(&calibration);
    let known = calibration.profiled(sampling);
    if known != Some(Observations::Met) {
        let observations = meet(policy)?;
        if known.is_none() || !observations.is_empty() {
            let Sampling { solver, steps, tolerance } = sampling;
            tell!("auto: drawing plans with every candidate ({solver}, {steps} steps, tolerance {tolerance})");
            calibration.profile(policy, sampling, &observations)?;
            calibration.store()?;
        }
    }
    if let Some(correction) = calibration.correction(sampling) {
        tell!("auto: {correction}");
    }
    let choice = calibration.choose(sampling)?;
    tell!("auto: {choice}");
    Ok(choice)
}

fn known_or_measured(policy: &mut Network) -> Result<Calibration, CalibrationError> {
    if let Some(calibration) = Calibration::load(policy)? {
        return Ok(calibration);
    }
    tell!("auto: this model was not calibrated on this machine, measuring its batches");
    Calibration::check_store(policy)?;
    let stop = Stop::current();
    Calibration::measure_unless(policy, &|| stop.is_asked())
}

/// Warns if other load disturbed the measured times.
pub fn warn_if_disturbed(calibration: &Calibration) {
    if calibration.disturbed() {
        tell!("calibration: times differ widely, something else was running; calibrate again when the machine is idle");
    }
}
