use ndarray::Array2;
use parapolicy_control::{DiffusionPolicy, PushT, run_episode};
use parapolicy_policy::{ObservationHistory, Policy};
use parapolicy_sampler::{Sampler, Solver, Strategy, Table};

use crate::failure::{Failure, InputError as _};

/// Observations at which the policy plans, in episodes that it drives itself with DDIM, or Euler, in ten steps: all of as many
/// episodes as give `count` of them, the first reset with `seed`.
pub fn meet(
    policy: &mut Policy,
    environment: &mut PushT,
    seed: u64,
    count: usize,
) -> Result<Vec<Array2<f64>>, Failure> {
    let scheduler = &policy.manifest().scheduler;
    let table = Table::new(scheduler, Solver::deterministic(scheduler.prediction_type), 10).input()?;
    let mut sampler = Sampler::new(table, Strategy::sequential(), policy.manifest().sample_dim()).input()?;
    let mut history = ObservationHistory::new(policy.manifest().n_obs_steps, policy.manifest().observation_dim());
    let mut observations = Vec::new();
    for seed in seed.. {
        history.reset();
        run_episode(&mut DiffusionPolicy::new(&mut *policy, &mut sampler), environment, seed, |_, step| {
            history.push(step.observation);
            if step.action_index == 0 {
                observations.push(history.view().to_owned());
            }
        })?;
        if observations.len() >= count {
            break;
        }
    }
    Ok(observations)
}
