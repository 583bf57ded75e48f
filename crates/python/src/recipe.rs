//! How plans are drawn, and where, from the keyword arguments of the calls.

use std::path::PathBuf;

use parapolicy_control::{InferenceOptions, Recipe, SamplingOptions, seconds};
use parapolicy_policy::Inference;
use parapolicy_sampler::Strategies;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::failure::Failure;

/// Where a network is run, as the program's options of the same names say it.
pub fn inference(
    provider: Option<&str>,
    precision: &str,
    threads: usize,
    library: Option<PathBuf>,
) -> Result<Inference, Failure> {
    let precision = Some(precision);
    let options = InferenceOptions { provider, precision, threads, library, ..InferenceOptions::default() };
    Ok(options.inference(&parapolicy_ort::backends())?)
}

/// How plans are drawn by a network that is run as `inference` says: the keyword arguments that the call itself has no name
/// for. What is left out or `None` has a default.
pub fn recipe(keywords: Option<&Bound<'_, PyDict>>, inference: Inference) -> Result<Recipe, Failure> {
    let (mut sampler, mut solver, mut deadline) = (None::<String>, None::<String>, None);
    let mut options = SamplingOptions::default();
    for (name, value) in keywords.into_iter().flatten() {
        match name.extract::<String>()?.as_str() {
            "sampler" => sampler = value.extract()?,
            "solver" => solver = value.extract()?,
            "steps" => options.steps = value.extract()?,
            "window" => options.window = value.extract()?,
            "tolerance" => options.tolerance = value.extract()?,
            "deadline" => deadline = value.extract()?,
            "rounds" => options.rounds = value.extract()?,
            other => return Err(PyTypeError::new_err(format!("unexpected keyword argument '{other}'")).into()),
        }
    }
    let options = SamplingOptions {
        sampler: sampler.as_deref(),
        solver: solver.as_deref(),
        deadline: deadline.map(|deadline| seconds("deadline", deadline)).transpose()?,
        ..options
    };
    Ok(options.recipe(&Strategies::default(), inference)?)
}
