//! Observations for calibration and benchmarks, taken from episodes.

use std::sync::Arc;

use ndarray::Array2;
use parapolicy_control::{DiffusionPolicy, Environment, Observer};
use parapolicy_eval::run_episode;
use parapolicy_policy::Network;
use parapolicy_sampler::{Sampler, Solver, Strategy, Table};

use self::met::Met;
use crate::failure::{Failure, InputError as _};
use crate::stop::Stop;

mod met;

/// Observations at which the policy plans, in episodes that it drives itself with DDIM, or Euler, in ten steps: all of as many
/// episodes as give `count` of them, the first reset with `seed`.
pub fn meet(
    network: &mut Network,
    environment: &mut dyn Environment,
    seed: u64,
    count: usize,
) -> Result<Vec<Array2<f64>>, Failure> {
    let scheduler = &network.manifest().scheduler;
    let table = Table::new(scheduler, Solver::deterministic(scheduler.prediction_type), 10).input()?;
    network.check_timesteps(table.timesteps()).input()?;
    let mut sampler = Sampler::new(table, Strategy::sequential(), network.manifest().sample_dim()).input()?;
    let met = Met::new(network.manifest());
    let observer: Vec<Arc<dyn Observer>> = vec![Arc::new(met.clone()), Arc::new(Stop::current())];
    for seed in seed.. {
        run_episode(&mut DiffusionPolicy::new(&mut *network, &mut sampler), environment, seed, &observer)?;
        if met.len() >= count {
            break;
        }
    }
    Ok(met.observations())
}
