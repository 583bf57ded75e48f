use ndarray::Array2;
use parapolicy_policy::{Deviation, Inference, Policy, Precision};
use parapolicy_sampler::{Solver, Table};

use crate::args::ModelArguments;
use crate::failure::{Failure, InputError as _};

/// How far the policy computes from the same in f32, on the observations that `meet` gives; in f32 nothing is measured.
pub fn from_f32(
    model: &ModelArguments,
    policy: &mut Policy,
    solver: Solver,
    steps: usize,
    meet: impl FnOnce(&mut Policy) -> Result<Vec<Array2<f64>>, Failure>,
) -> Result<Option<Deviation>, Failure> {
    if policy.provider().precision() == Precision::F32 {
        return Ok(None);
    }
    let table = Table::new(&policy.manifest().scheduler, solver, steps).input()?;
    let observations = meet(policy)?;
    let mut reference = model.reference(policy)?;
    Ok(Some(Deviation::measure(policy, &mut reference, &table, &observations)?))
}

impl ModelArguments {
    /// The same policy by the same provider, in f32.
    fn reference(&self, policy: &Policy) -> Result<Policy, Failure> {
        let provider = policy.provider();
        let inference = Inference {
            provider: provider.name(),
            precision: Precision::F32,
            threads: provider.threads(),
            pinned: self.runtime.pin,
            idle: provider.idle(),
            devices: provider.devices().to_vec(),
            library: self.runtime.ort_lib.clone(),
        };
        Policy::load(&self.model, &self.runtime.open(&inference)?).input()
    }
}
