use anyhow::{Context as _, anyhow};
use parapolicy_control::PushT;
use parapolicy_control::refine::Refinement;
use parapolicy_policy::Policy;
use parapolicy_sampler::RefinerConfig;

use crate::failure::{Failure, InputError as _};

/// How far plans are refined to stay away from a keep-out disc, px: what the penalty leaves of it is less than that.
const MARGIN: f64 = 4.0;

/// What makes plans stay out of the scenario's keep-out discs, in `steps` steps.
pub fn refinement(steps: usize, policy: &Policy, environment: &PushT) -> Result<Refinement, Failure> {
    let discs = environment.keep_out(MARGIN)?;
    if discs.is_empty() {
        let name = &environment.task().scenario().name;
        return Err(anyhow!("--refine: the scenario \"{name}\" has no [[keep_out]] to refine for")).input();
    }
    let config = RefinerConfig { steps, ..RefinerConfig::default() };
    Refinement::new(policy, config, PushT::tracking()?, discs).context("--refine").input()
}
