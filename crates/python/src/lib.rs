//! Python's view of the runtime: `parapolicy._native`, which the package `parapolicy` re-exports.
//!
//! Classes here hold one Rust object each and translate: keyword arguments to configurations, NumPy arrays to `ndarray`
//! views, errors to exceptions with the same words. Whatever takes long runs detached from the interpreter.
//!
//! Nothing in Rust links with it. What Python's users read are the stubs, `python/parapolicy/_native.pyi`.
//!
//! # Example
//!
//! ```python
//! import numpy as np
//! import parapolicy
//!
//! policy = parapolicy.Policy("models/pusht")
//! observation = np.full((policy.n_obs_steps, policy.observation_dim), 256.0)
//! sample = policy.sample(observation, seed=0, sampler="picard")
//! print(sample.executed, sample.rounds, sample.latency)
//! ```

mod check;
mod controller;
mod dataset;
mod evaluate;
mod failure;
mod modes;
mod named;
mod policy;
mod process;
mod recipe;
mod sample;
mod signals;
mod tables;
mod text;
mod world;
mod worlds;

use pyo3::prelude::*;

#[pymodule]
mod _native {
    #[pymodule_export]
    use crate::controller::{Command, Controller, Event, Health, InForce};
    #[pymodule_export]
    use crate::dataset::write_dataset;
    #[pymodule_export]
    use crate::evaluate::{evaluate, merge};
    #[pymodule_export]
    use crate::modes::{ModesFound, plan_features, sample_partitions, search_modes};
    #[pymodule_export]
    use crate::policy::Policy;
    #[pymodule_export]
    use crate::sample::Sample;
    #[pymodule_export]
    use crate::world::World;
    #[pymodule_export]
    use crate::worlds::{Worlds, read_action};
}
