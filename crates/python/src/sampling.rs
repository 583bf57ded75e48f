//! How plans are drawn, from the keyword arguments of every call that draws plans.

use std::path::PathBuf;
use std::time::Duration;

use parapolicy_control::Recipe;
use parapolicy_policy::{Inference, Manifest, ProviderName, UnknownPrecision};
use parapolicy_sampler::{Budget, ConfigError, BatchedSampler, Sampler, Solver, Strategy, Table, WindowConfig};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::failure::Failure;

/// The program's defaults: what `parapolicy sample` draws with if it is told nothing.
const SAMPLER: &str = "picard";
const SOLVER: &str = "ddpm";
const STEPS: usize = 100;

/// How plans are drawn.
#[derive(Clone, Copy)]
pub struct Sampling {
    pub method: Method,
    pub budget: Budget,
}

/// What a sampler is made of.
#[derive(Clone, Copy, PartialEq)]
pub struct Method {
    strategy: Strategy,
    solver: Solver,
    steps: usize,
}

/// The keyword arguments; what is left out or `None` has a default.
#[derive(Default)]
struct Keywords {
    sampler: Option<String>,
    solver: Option<String>,
    steps: Option<usize>,
    window: Option<usize>,
    tolerance: Option<f64>,
    deadline: Option<f64>,
    rounds: Option<usize>,
}

impl Sampling {
    /// Reads the keyword arguments that the call itself has no name for.
    pub fn from_keywords(given: Option<&Bound<'_, PyDict>>) -> Result<Self, Failure> {
        let keywords = given.map_or(Ok(Keywords::default()), Keywords::read)?;
        let budget = Budget {
            rounds: keywords.rounds,
            deadline: keywords.deadline.map(|deadline| seconds("deadline", deadline)).transpose()?,
        };
        budget.validate()?;
        Ok(Self { method: keywords.method()?, budget })
    }

    /// The same, for a policy that is yet to be loaded.
    pub fn recipe(self, inference: Inference) -> Recipe {
        let Self { method: Method { strategy, solver, steps }, budget } = self;
        Recipe { strategy, solver, steps, budget, inference }
    }
}

/// Where a network is run, as the program's options of the same names say it.
pub fn inference(
    provider: Option<&str>,
    precision: &str,
    threads: usize,
    library: Option<PathBuf>,
) -> Result<Inference, Failure> {
    let implied = ProviderName::implied(library.as_ref());
    let provider = provider.map_or(Ok(implied), str::parse)?;
    let precision = precision.parse().map_err(|error: UnknownPrecision| PyValueError::new_err(error.to_string()))?;
    Ok(Inference { provider, precision, threads, library, ..Inference::default() })
}

impl Keywords {
    fn read(given: &Bound<'_, PyDict>) -> PyResult<Self> {
        let mut keywords = Self::default();
        for (name, value) in given {
            match name.extract::<String>()?.as_str() {
                "sampler" => keywords.sampler = value.extract()?,
                "solver" => keywords.solver = value.extract()?,
                "steps" => keywords.steps = value.extract()?,
                "window" => keywords.window = value.extract()?,
                "tolerance" => keywords.tolerance = value.extract()?,
                "deadline" => keywords.deadline = value.extract()?,
                "rounds" => keywords.rounds = value.extract()?,
                other => return Err(PyTypeError::new_err(format!("unexpected keyword argument '{other}'"))),
            }
        }
        Ok(keywords)
    }

    fn method(&self) -> Result<Method, ConfigError> {
        let strategy: Strategy = self.sampler.as_deref().unwrap_or(SAMPLER).parse()?;
        let default = WindowConfig::default();
        // Whatever is without a window takes none.
        let window = self.window.or(strategy.window()).unwrap_or(default.window);
        let tolerance = self.tolerance.unwrap_or(default.tolerance);
        Ok(Method {
            strategy: strategy.with_window(WindowConfig { window, tolerance }),
            solver: self.solver.as_deref().unwrap_or(SOLVER).parse()?,
            steps: self.steps.unwrap_or(STEPS),
        })
    }
}

impl Method {
    /// For one plan at a time.
    pub fn sampler(&self, manifest: &Manifest) -> Result<Sampler, ConfigError> {
        Sampler::new(self.table(manifest)?, self.strategy, manifest.sample_dim())
    }

    /// For up to `plans` at a time.
    pub fn many_sampler(&self, manifest: &Manifest, plans: usize) -> Result<BatchedSampler, ConfigError> {
        BatchedSampler::new(self.table(manifest)?, self.strategy, manifest.sample_dim(), plans)
    }

    fn table(&self, manifest: &Manifest) -> Result<Table, ConfigError> {
        Table::new(&manifest.scheduler, self.solver, self.steps)
    }
}

/// A duration that Python gives in seconds.
pub fn seconds(name: &str, value: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(value)
        .map_err(|_| PyValueError::new_err(format!("{name} is {value}, but must be a number of seconds, 0 or more")))
}
