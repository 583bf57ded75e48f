//! How plans are drawn, and where, from the keyword arguments of the calls.

use std::path::{Path, PathBuf};

use parapolicy_control::{InferenceOptions, Recipe, RecipeOptions, SamplingOptions, seconds};
use parapolicy_policy::{Inference, Manifest};
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
    task: Option<&str>,
) -> Result<Inference, Failure> {
    let precision = Some(precision);
    let options = InferenceOptions { provider, precision, threads, library, task, ..InferenceOptions::default() };
    Ok(options.inference(&parapolicy_ort::backends())?)
}

/// How plans are drawn: the keyword arguments that the call itself has no name for. What is left out or `None` has a default.
#[derive(Clone, Default)]
pub struct Sampling {
    sampler: Option<String>,
    solver: Option<String>,
    tuned: Option<String>,
    within: Option<String>,
    /// The rest of them.
    numbers: SamplingOptions<'static>,
}

impl Sampling {
    /// Reads the keywords.
    pub fn read(keywords: Option<&Bound<'_, PyDict>>) -> Result<Self, Failure> {
        let (mut sampling, mut deadline) = (Self::default(), None);
        for (name, value) in keywords.into_iter().flatten() {
            match name.extract::<String>()?.as_str() {
                "sampler" => sampling.sampler = value.extract()?,
                "solver" => sampling.solver = value.extract()?,
                "tuned" => sampling.tuned = value.extract()?,
                "within" => sampling.within = value.extract()?,
                "steps" => sampling.numbers.steps = value.extract()?,
                "window" => sampling.numbers.window = value.extract()?,
                "tolerance" => sampling.numbers.tolerance = value.extract()?,
                "deadline" => deadline = value.extract()?,
                "rounds" => sampling.numbers.rounds = value.extract()?,
                other => return Err(PyTypeError::new_err(format!("unexpected keyword argument '{other}'")).into()),
            }
        }
        sampling.numbers.deadline = deadline.map(|deadline| seconds("deadline", deadline)).transpose()?;
        Ok(sampling)
    }

    /// Whether `tune` has the say.
    pub fn is_tuned(&self) -> bool {
        self.tuned.is_some()
    }

    /// The same by the sampler of this name.
    pub fn with_sampler(&self, name: &str) -> Self {
        Self { sampler: Some(name.to_owned()), ..self.clone() }
    }

    /// As the program's options.
    fn options(&self) -> SamplingOptions<'_> {
        let Self { sampler, solver, tuned, within, numbers } = self;
        SamplingOptions {
            sampler: sampler.as_deref(),
            solver: solver.as_deref(),
            tuned: tuned.as_deref(),
            within: within.as_deref(),
            ..*numbers
        }
    }

    /// The recipe for a network that is loaded already, and run as `inference` says.
    pub fn recipe(&self, manifest: &Manifest, inference: Inference) -> Result<Recipe, Failure> {
        Ok(self.options().recipe(manifest, &Strategies::default(), inference)?)
    }

    /// The recipe for the policy in `directory`, which is run as `inference` says.
    pub fn recipe_in(&self, directory: &Path, inference: InferenceOptions<'_>) -> Result<Recipe, Failure> {
        let options = RecipeOptions { sampling: self.options(), inference };
        Ok(options.recipe(directory, &Strategies::default(), &parapolicy_ort::backends())?)
    }
}
