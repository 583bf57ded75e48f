//! How plans are drawn, and where, from the keyword arguments of the calls.

use std::path::Path;

use parapolicy_control::{InferenceOptions, Recipe, RecipeOptions, SamplingOptions, seconds};
use parapolicy_eval::AUTO;
use parapolicy_policy::{Inference, Manifest};
use parapolicy_sampler::{Strategies, Strategy, WindowConfig};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::failure::Failure;

/// How plans are drawn: the keyword arguments that the call itself has no name for. What is left out or `None` has a default.
#[derive(Clone, Default)]
pub struct Sampling {
    sampler: Option<String>,
    solver: Option<String>,
    tuned: Option<String>,
    within: Option<String>,
    /// By the fastest strategy, in place of the sampler's.
    pub fastest: bool,
    /// The rest of them.
    numbers: SamplingOptions<'static>,
}

/// The error of an argument that the call itself has no name for, in the words for those that it has.
fn of_argument(py: Python<'_>, name: &str, error: &PyErr) -> PyErr {
    PyErr::from_type(error.get_type(py), format!("argument '{name}': {}", error.value(py)))
}

impl Sampling {
    /// Reads the keywords.
    pub fn read(keywords: Option<&Bound<'_, PyDict>>) -> Result<Self, Failure> {
        let (mut sampling, mut deadline) = (Self::default(), None);
        for (name, value) in keywords.into_iter().flatten() {
            let name = name.extract::<String>()?;
            let wrong = |error: PyErr| of_argument(value.py(), &name, &error);
            match name.as_str() {
                "sampler" => sampling.name(value.extract().map_err(wrong)?),
                "solver" => sampling.solver = value.extract().map_err(wrong)?,
                "tuned" => sampling.tuned = value.extract().map_err(wrong)?,
                "within" => sampling.within = value.extract().map_err(wrong)?,
                "steps" => sampling.numbers.steps = value.extract().map_err(wrong)?,
                "window" => sampling.numbers.window = value.extract().map_err(wrong)?,
                "tolerance" => sampling.numbers.tolerance = value.extract().map_err(wrong)?,
                "deadline" => deadline = value.extract().map_err(wrong)?,
                "rounds" => sampling.numbers.rounds = value.extract().map_err(wrong)?,
                "keep_on_failure" => sampling.numbers.keep_on_failure = value.extract().map_err(wrong)?,
                other => return Err(PyTypeError::new_err(format!("unexpected keyword argument '{other}'")).into()),
            }
        }
        sampling.numbers.deadline = deadline.map(|deadline| seconds("deadline", deadline)).transpose()?;
        Ok(sampling)
    }

    /// The same for plans that a loop may cut short.
    pub fn anytime(mut self, anytime: bool) -> Self {
        self.numbers.anytime = anytime;
        self
    }

    /// Whether `tune` has the say.
    pub fn is_tuned(&self) -> bool {
        self.tuned.is_some()
    }

    /// The same by the sampler of this name.
    pub fn with_sampler(&self, name: &str) -> Self {
        Self { sampler: Some(name.to_owned()), ..self.clone() }
    }

    /// Takes the sampler's name; for the fastest, in its place, that of one that has a tolerance.
    fn name(&mut self, name: Option<String>) {
        self.fastest = name.as_deref() == Some(AUTO);
        let tolerant = || Strategy::picard(WindowConfig::default()).name().to_owned();
        self.sampler = if self.fastest { Some(tolerant()) } else { name };
    }

    /// As the program's options.
    fn options(&self) -> SamplingOptions<'_> {
        let Self { sampler, solver, tuned, within, numbers, fastest: _ } = self;
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
