//! Measures the deviation of a precision from f32.

use ndarray::Array2;
use parapolicy_eval::Deviation;
use parapolicy_policy::{Inference, Network, Precision};
use parapolicy_sampler::{Solver, Table};

use crate::args::ModelArguments;
use crate::failure::{Failure, InputError as _};

/// How far the policy computes from the same in f32, on the observations that `meet` gives; in f32 nothing is measured.
pub fn from_f32(
    model: &ModelArguments,
    network: &mut Network,
    solver: Solver,
    steps: usize,
    meet: impl FnOnce(&mut Network) -> Result<Vec<Array2<f64>>, Failure>,
) -> Result<Option<Deviation>, Failure> {
    if network.provider().precision() == Precision::F32 {
        return Ok(None);
    }
    let table = Table::new(&network.manifest().scheduler, solver, steps).input()?;
    let observations = meet(network)?;
    let inference = Inference { precision: Precision::F32, ..network.provider().inference().clone() };
    let mut reference = Network::load(&model.model, &model.runtime.open(&inference)?).input()?;
    Ok(Some(Deviation::measure(network, &mut reference, &table, &observations)?))
}
