use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Instant;

use ndarray::{Array1, Array2, Array3, Axis};
use numpy::{AllowTypeChange, PyArrayLike1, PyArrayLike2, PyArrayLike3};
use parapolicy_control::Recipe;
use parapolicy_policy::{Committed, Inference, Manifest, Network};
use parapolicy_sampler::{BatchedSampler, Budget, ConfigError, Noise, Sampler};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::failure::Failure;
use crate::process::OfProcess;
use crate::recipe::{Sampling, inference};
use crate::sample::{Drawn, Sample};
use crate::signals::{Interruptible, InterruptibleBatch, Signals};
use crate::text;

/// A diffusion policy: a directory with `policy.json` and its graph, loaded.
///
/// It may be used from several threads; plans are drawn one after the other, without the interpreter's lock.
#[pyclass(frozen, module = "parapolicy")]
pub struct Policy {
    manifest: Manifest,
    inference: Inference,
    drawing: OfProcess<Mutex<Drawing>>,
}

#[pymethods]
impl Policy {
    #[new]
    #[pyo3(signature = (directory, *, provider = None, precision = "f32", threads = 0, ort_lib = None, task = None))]
    fn new(
        py: Python<'_>,
        directory: PathBuf,
        provider: Option<&str>,
        precision: &str,
        threads: usize,
        ort_lib: Option<PathBuf>,
        task: Option<&str>,
    ) -> Result<Self, Failure> {
        let inference = inference(provider, precision, threads, ort_lib, task)?;
        let load = || Ok::<_, Failure>(Network::load(&directory, &inference.open(&())?)?);
        let network = py.detach(load)?;
        let manifest = network.manifest().clone();
        let drawing = Mutex::new(Drawing { network, alone: None, batched: None });
        Ok(Self { manifest, inference, drawing: OfProcess::new("Policy", drawing) })
    }

    /// Draws a plan for `observation`, `[n_obs_steps, observation_dim]` in raw units, oldest first. It is held to the actions
    /// `committed`, `[n, action_dim]`, the first for the time of the newest observation (real-time chunking), each as firmly as
    /// `weights`, `[n]`, says: 1, and it goes through it, to 0.
    #[pyo3(signature = (observation, *, seed = 0, committed = None, weights = None, **sampling))]
    fn sample(
        &self,
        py: Python<'_>,
        observation: PyArrayLike2<'_, f64, AllowTypeChange>,
        seed: u64,
        committed: Option<PyArrayLike2<'_, f64, AllowTypeChange>>,
        weights: Option<PyArrayLike1<'_, f64, AllowTypeChange>>,
        sampling: Option<&Bound<'_, PyDict>>,
    ) -> Result<Sample, Failure> {
        let drawing = self.drawing.get()?;
        let recipe = Sampling::read(sampling)?.recipe(&self.manifest, self.inference.clone())?;
        // Another thread could write to Python's array while this one does not hold the interpreter's lock.
        let observation = observation.as_array().to_owned();
        let weights = weights.map(|weights| weights.as_array().to_owned());
        let committed = committed.map(|actions| actions.as_array().to_owned());
        let committed = match (committed, weights) {
            (None, None) => None,
            (None, Some(_)) => return Err(PyValueError::new_err("weights: there are no committed actions").into()),
            (Some(actions), None) => Some((Array1::ones(actions.nrows()), actions)),
            (Some(actions), Some(weights)) => Some((weights, actions)),
        };
        let (drawn, latency) = py.detach(|| {
            let mut signals = Signals::new();
            // Samplers begin every sample anew, whatever became of the last.
            let mut drawing = signals.lock(drawing)?;
            let started = Instant::now();
            let drawn = drawing.sample(recipe, &observation, committed.as_ref(), seed, &mut signals)?;
            Ok::<_, Failure>((drawn, started.elapsed()))
        })?;
        Ok(drawn.into_sample(py, self.manifest.executed_steps(), latency, 1)?)
    }

    /// Draws a plan for each of `observations`, `[plans, n_obs_steps, observation_dim]`, in shared batches of the
    /// network; `seeds` has one seed for each.
    #[pyo3(name = "sample_many", signature = (observations, *, seeds, **sampling))]
    fn sample_batched(
        &self,
        py: Python<'_>,
        observations: PyArrayLike3<'_, f64, AllowTypeChange>,
        seeds: Vec<u64>,
        sampling: Option<&Bound<'_, PyDict>>,
    ) -> Result<Vec<Sample>, Failure> {
        let drawing = self.drawing.get()?;
        let recipe = Sampling::read(sampling)?.recipe(&self.manifest, self.inference.clone())?;
        let observations = observations.as_array().to_owned();
        let together = seeds.len();
        if observations.len_of(Axis(0)) != together {
            let problem = format!("seeds: {together} were given for {} observations", observations.len_of(Axis(0)));
            return Err(PyValueError::new_err(problem).into());
        }
        let (drawn, latency) = py.detach(|| {
            let mut signals = Signals::new();
            let mut drawing = signals.lock(drawing)?;
            let started = Instant::now();
            let drawn = drawing.sample_batched(recipe, &observations, &seeds, &mut signals)?;
            Ok::<_, Failure>((drawn, started.elapsed()))
        })?;
        let executed = self.manifest.executed_steps();
        let sample = |drawn: Drawn| Ok(drawn.into_sample(py, executed.clone(), latency, together)?);
        drawn.into_iter().map(sample).collect()
    }

    /// What `policy.json` says, as a dictionary.
    #[getter]
    fn manifest<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let json = serde_json::to_string(&self.manifest).map_err(|error| PyValueError::new_err(error.to_string()))?;
        py.import("json")?.call_method1("loads", (json,))
    }

    /// Its name in reports.
    #[getter]
    fn name(&self) -> &str {
        &self.manifest.name
    }

    /// Observations that the network sees.
    #[getter]
    fn n_obs_steps(&self) -> usize {
        self.manifest.n_obs_steps
    }

    /// Numbers in one observation.
    #[getter]
    fn observation_dim(&self) -> usize {
        self.manifest.observation_dim()
    }

    /// Actions that the network plans.
    #[getter]
    fn horizon(&self) -> usize {
        self.manifest.horizon
    }

    /// Actions of a plan that are executed before the next is made.
    #[getter]
    fn n_action_steps(&self) -> usize {
        self.manifest.n_action_steps
    }

    /// Numbers in one action.
    #[getter]
    fn action_dim(&self) -> usize {
        self.manifest.action_dim()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let Manifest { name, n_obs_steps, horizon, .. } = &self.manifest;
        Ok(format!("Policy({}, n_obs_steps={n_obs_steps}, horizon={horizon})", text::repr(py, name)?))
    }
}

/// A network and the samplers that were used last, whose memory is used again.
struct Drawing {
    network: Network,
    alone: Option<(Recipe, Sampler)>,
    batched: Option<(Recipe, BatchedSampler)>,
}

impl Drawing {
    fn sample(
        &mut self,
        recipe: Recipe,
        observation: &Array2<f64>,
        committed: Option<&(Array1<f64>, Array2<f64>)>,
        seed: u64,
        signals: &mut Signals,
    ) -> Result<Drawn, Failure> {
        let budget = recipe.budget;
        let manifest = self.network.manifest();
        let sampler = matching(&mut self.alone, recipe, |_| true, |recipe| recipe.sampler(manifest))?;
        self.network.check_timesteps(sampler.table().timesteps())?;
        let known = committed.map(|(weights, actions)| self.network.committed(actions.view(), weights.view()));
        let known = known.transpose().map_err(|error| wrong(&error))?;
        let noise = Noise::draw(seed, sampler.table().steps(), sampler.dim());
        let mut denoiser = Interruptible { denoiser: self.network.bind(observation.view())?, signals };
        // Last: a sampler holds it for the next sample, whatever becomes of this one.
        if let Some(Committed { values, weights }) = known {
            sampler.inpaint(values.view(), weights.view()).map_err(|error| wrong(&error))?;
        }
        let sample = sampler.sample_within(budget, &mut denoiser, &noise)?;
        Ok(Drawn::new(self.network.actions(sample.sample()), sample))
    }

    fn sample_batched(
        &mut self,
        recipe: Recipe,
        observations: &Array3<f64>,
        seeds: &[u64],
        signals: &mut Signals,
    ) -> Result<Vec<Drawn>, Failure> {
        let budget = recipe.budget;
        let manifest = self.network.manifest();
        let plans = seeds.len();
        let fits = |sampler: &BatchedSampler| sampler.plans() >= plans;
        let sampler = matching(&mut self.batched, recipe, fits, |recipe| recipe.batched_sampler(manifest, plans))?;
        self.network.check_timesteps(sampler.table().timesteps())?;
        let draw = |&seed: &u64| Noise::draw(seed, sampler.table().steps(), sampler.dim());
        let noises: Vec<Noise> = seeds.iter().map(draw).collect();
        let denoiser = self.network.bind_batched(observations.outer_iter())?;
        let mut denoiser = InterruptibleBatch { denoiser, signals };
        let samples = sampler.sample_within(budget, &mut denoiser, &noises)?;
        Ok(samples.iter().map(|sample| Drawn::new(self.network.actions(sample.sample()), sample)).collect())
    }
}

/// What is wrong with committed actions.
fn wrong(error: &impl ToString) -> PyErr {
    PyValueError::new_err(format!("committed: {}", error.to_string()))
}

/// The last sampler, if it is of this recipe, whatever the budget, and fits; else a new one in its place.
fn matching<S>(
    last: &mut Option<(Recipe, S)>,
    recipe: Recipe,
    fits: impl Fn(&S) -> bool,
    make: impl FnOnce(&Recipe) -> Result<S, ConfigError>,
) -> Result<&mut S, ConfigError> {
    let recipe = Recipe { budget: Budget::default(), ..recipe };
    let kept = last.take().filter(|(of, sampler)| *of == recipe && fits(sampler));
    let sampler = kept.map_or_else(|| make(&recipe), |(_, sampler)| Ok(sampler))?;
    Ok(&mut last.insert((recipe, sampler)).1)
}
