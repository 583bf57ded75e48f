//! Python's view of the runtime: `parapolicy._native`, which the package `parapolicy` re-exports.
//!
//! Classes here hold one Rust object each and translate: keyword arguments to configurations, NumPy arrays to `ndarray`
//! views, errors to exceptions with the same words. Whatever takes long runs detached from the interpreter.

mod controller;
mod failure;
mod policy;
mod sample;
mod sampling;
mod world;
mod worlds;

use pyo3::prelude::*;

#[pymodule]
mod _native {
    #[pymodule_export]
    use crate::controller::{Command, Controller, Event, Health};
    #[pymodule_export]
    use crate::policy::Policy;
    #[pymodule_export]
    use crate::sample::Sample;
    #[pymodule_export]
    use crate::world::World;
    #[pymodule_export]
    use crate::worlds::Worlds;
}
