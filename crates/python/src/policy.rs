use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Instant;

use ndarray::{Array1, Array2, Array3, ArrayD, Axis};
use numpy::{AllowTypeChange, PyArrayLike1, PyArrayLike2, PyArrayLike3};
use parapolicy_control::{InferenceOptions, Recipe};
use parapolicy_eval::Calibration;
use parapolicy_policy::{Committed, Inference, Manifest, Network};
use parapolicy_sampler::{BatchedSampler, Budget, ConfigError, Noise, Sampler};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::failure::Failure;
use crate::named;
use crate::process::OfProcess;
use crate::recipe::Sampling;
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
    #[pyo3(signature = (
        directory, *, provider = None, precision = "f32", threads = 0, pin = false, devices = None, ort_lib = None,
        task = None
    ))]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn new(
        py: Python<'_>,
        directory: PathBuf,
        provider: Option<&str>,
        precision: &str,
        threads: usize,
        pin: bool,
        devices: Option<Vec<u32>>,
        ort_lib: Option<PathBuf>,
        task: Option<&str>,
    ) -> Result<Self, Failure> {
        let precision = Some(precision);
        let (pinned, library) = (pin, ort_lib);
        let options = InferenceOptions {
            provider,
            precision,
            threads,
            pinned,
            devices: devices.unwrap_or_default(),
            library,
            task,
            ..InferenceOptions::default()
        };
        let inference = options.inference(&parapolicy_ort::backends())?;
        let load = || Ok::<_, Failure>(Network::load(&directory, &inference.open(&())?)?);
        let network = py.detach(load)?;
        let manifest = network.manifest().clone();
        let drawing = Mutex::new(Drawing { network, fastest: None, alone: None, batched: None });
        Ok(Self { manifest, inference, drawing: OfProcess::new("Policy", drawing) })
    }

    /// Draws a plan for `observation`, `[n_obs_steps, observation_dim]` in raw units, oldest first; or a dictionary of arrays by the
    /// names of the policy's entries, each `[n_obs_steps, …]`. It is held to the actions
    /// `committed`, `[n, action_dim]`, the first for the time of the newest observation (real-time chunking), each as firmly as
    /// `weights`, `[n]`, says: 1, and it goes through it, to 0. The noise is
    /// drawn from `seed`, but for `initial_noise`, `[horizon, plan_dim]`, and `step_noise`, `[steps, horizon, plan_dim]`, normalised.
    ///
    /// How the plan is drawn, by default as `parapolicy sample` does: ``sampler`` (``auto`` is the fastest here), ``solver``, ``steps``,
    /// ``window``, ``tolerance``, or ``within`` in the unit of the actions; ``tuned``, a time, in their place; and what it may cost,
    /// ``deadline`` in seconds, ``rounds``, ``keep_on_failure``.
    #[pyo3(signature = (
        observation, *, seed = 0, committed = None, weights = None, initial_noise = None, step_noise = None, **sampling
    ))]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn sample(
        &self,
        py: Python<'_>,
        observation: &Bound<'_, PyAny>,
        seed: u64,
        committed: Option<PyArrayLike2<'_, f64, AllowTypeChange>>,
        weights: Option<PyArrayLike1<'_, f64, AllowTypeChange>>,
        initial_noise: Option<PyArrayLike2<'_, f32, AllowTypeChange>>,
        step_noise: Option<PyArrayLike3<'_, f32, AllowTypeChange>>,
        sampling: Option<&Bound<'_, PyDict>>,
    ) -> Result<Sample, Failure> {
        let drawing = self.drawing.get()?;
        let sampling = Sampling::read(sampling)?;
        let recipe = sampling.recipe(&self.manifest, self.inference.clone())?;
        let given = Given {
            initial: initial_noise.map(|noise| noise.as_array().to_owned()),
            steps: step_noise.map(|noise| noise.as_array().to_owned()),
        };
        // Another thread could write to Python's array while this one does not hold the interpreter's lock.
        let observation = named::several(&self.manifest, observation)?;
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
            let recipe = drawing.settled(recipe, sampling.fastest, &mut signals)?;
            let noise = given.noise(&recipe, drawing.network.manifest(), seed)?;
            let started = Instant::now();
            let drawn = drawing.sample(recipe, &observation, committed.as_ref(), &noise, &mut signals)?;
            Ok::<_, Failure>((drawn, started.elapsed()))
        })?;
        Ok(drawn.into_sample(py, self.manifest.executed_steps(), latency, 1)?)
    }

    /// Draws a plan for each of `observations`, `[plans, n_obs_steps, observation_dim]` or a dictionary, in shared batches of the
    /// network; `seeds` has one seed for each.
    #[pyo3(name = "sample_many", signature = (observations, *, seeds, **sampling))]
    fn sample_batched(
        &self,
        py: Python<'_>,
        observations: &Bound<'_, PyAny>,
        seeds: Vec<u64>,
        sampling: Option<&Bound<'_, PyDict>>,
    ) -> Result<Vec<Sample>, Failure> {
        let drawing = self.drawing.get()?;
        let sampling = Sampling::read(sampling)?;
        let recipe = sampling.recipe(&self.manifest, self.inference.clone())?;
        let together = seeds.len();
        let observations = named::of_plans(&self.manifest, observations, together)?;
        if observations.len_of(Axis(0)) != together {
            let problem = format!("seeds: {together} were given for {} observations", observations.len_of(Axis(0)));
            return Err(PyValueError::new_err(problem).into());
        }
        let (drawn, latency) = py.detach(|| {
            let mut signals = Signals::new();
            let mut drawing = signals.lock(drawing)?;
            let recipe = drawing.settled(recipe, sampling.fastest, &mut signals)?;
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
    /// How plans were asked for that were drawn by the fastest strategy last, and how they are drawn.
    fastest: Option<(Recipe, Recipe)>,
    alone: Option<(Recipe, Sampler)>,
    batched: Option<(Recipe, BatchedSampler)>,
}

impl Drawing {
    /// The recipe, with the fastest strategy if that is asked for.
    fn settled(&mut self, recipe: Recipe, fastest: bool, signals: &mut Signals) -> Result<Recipe, Failure> {
        if !fastest {
            return Ok(recipe);
        }
        if let Some((asked, settled)) = &self.fastest
            && *asked == recipe
        {
            return Ok(settled.clone());
        }
        let signals = RefCell::new((signals, None));
        let stopped = || {
            let (signals, raised) = &mut *signals.borrow_mut();
            *raised = signals.check().err();
            raised.is_some()
        };
        let found = Calibration::fastest(&mut self.network, recipe.clone(), &stopped);
        if let (_, Some(raised)) = signals.into_inner() {
            return Err(raised.into());
        }
        let settled = found?;
        self.fastest = Some((recipe, settled.clone()));
        Ok(settled)
    }

    fn sample(
        &mut self,
        recipe: Recipe,
        observation: &Array2<f64>,
        committed: Option<&(Array1<f64>, Array2<f64>)>,
        noise: &Noise,
        signals: &mut Signals,
    ) -> Result<Drawn, Failure> {
        let budget = recipe.budget;
        let manifest = self.network.manifest();
        let sampler = matching(&mut self.alone, recipe, |_| true, |recipe| recipe.sampler(manifest))?;
        self.network.check_timesteps(sampler.table().timesteps())?;
        let origin = self.network.origin(observation.view())?;
        let known = committed.map(|(weights, actions)| self.network.committed(actions.view(), weights.view(), &origin));
        let known = known.transpose().map_err(|error| wrong(&error))?;
        let mut denoiser = Interruptible { denoiser: self.network.bind(observation.view())?, signals };
        // Last: a sampler holds it for the next sample, whatever becomes of this one.
        if let Some(Committed { values, weights }) = known {
            sampler.inpaint(values.view(), weights.view()).map_err(|error| wrong(&error))?;
        }
        let sample = sampler.sample_within(budget, &mut denoiser, noise)?;
        Ok(Drawn::new(self.network.actions(sample.sample(), &origin), sample))
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
        // Each plan is relative to its own observation.
        let drawn = samples.iter().zip(observations.outer_iter()).map(|(sample, observation)| {
            let origin = self.network.origin(observation)?;
            Ok(Drawn::new(self.network.actions(sample.sample(), &origin), sample))
        });
        drawn.collect()
    }
}

/// Noise that the caller has drawn.
struct Given {
    initial: Option<Array2<f32>>,
    steps: Option<Array3<f32>>,
}

impl Given {
    /// The noise of a plan, the rest of it drawn.
    fn noise(self, recipe: &Recipe, manifest: &Manifest, seed: u64) -> Result<Noise, Failure> {
        let (horizon, row) = (manifest.horizon, manifest.plan_dim());
        // Steps that make no sense are refused before any memory is asked for.
        recipe.sampler(manifest)?;
        let drawn = Noise::draw(seed, recipe.steps, manifest.sample_dim());
        let Self { initial, steps } = self;
        if initial.is_none() && steps.is_none() {
            return Ok(drawn);
        }
        let initial = initial.map(|noise| flat("initial_noise", noise.into_dyn(), &[horizon, row])).transpose()?;
        let steps =
            steps.map(|noise| flat("step_noise", noise.into_dyn(), &[recipe.steps, horizon, row])).transpose()?;
        let steps = steps.and_then(|noise| Array2::from_shape_vec((recipe.steps, horizon * row), noise).ok());
        let initial = initial.map_or_else(|| drawn.initial().to_owned(), Array1::from);
        Noise::from_parts(initial, steps.unwrap_or_else(|| drawn.steps().to_owned()))
            .map_err(|error| PyValueError::new_err(error.to_string()).into())
    }
}

/// The numbers of an array of this shape, row by row.
fn flat(name: &str, array: ArrayD<f32>, shape: &[usize]) -> PyResult<Vec<f32>> {
    if array.shape() == shape {
        return Ok(array.iter().copied().collect());
    }
    let found = array.shape();
    Err(PyValueError::new_err(format!("{name}: its shape is {found:?}, but the policy and steps ask for {shape:?}")))
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
