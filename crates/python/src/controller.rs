use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use numpy::{AllowTypeChange, PyArray1, PyArrayLike1};
use parapolicy_control::check::PlanCheck;
use parapolicy_control::controller::{self, Continuity, ControllerConfig, Monitor, Replan, WorkerEvent};
use parapolicy_control::playback::{
    self, Between, Blend, Interpolation, Late, Limits, MotionLimits, PlaybackConfig, Withheld,
};
use parapolicy_control::{InferenceOptions, seconds};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::failure::{Failure, one_line};
use crate::process::OfProcess;
use crate::recipe::Sampling;
use crate::text;

/// A policy that plans in a thread of its own, for a loop that never waits for it.
///
/// Time is whatever the caller's clock says, in seconds from an origin of its own, 0 or more. If it goes back by more
/// than half a period, all plans are dropped, and an event tells it.
#[pyclass(frozen, module = "parapolicy")]
pub struct Controller {
    running: OfProcess<Running>,
}

struct Running {
    /// `None` once it is closed.
    controller: Mutex<Option<controller::Controller>>,
    monitor: Monitor,
}

#[pymethods]
impl Controller {
    #[new]
    #[pyo3(signature = (
        directory, *, initial, period = 0.1, seed = 0, replan_every = None, replan_below = None, ensemble = None,
        late = "finish", decelerate_within = None, max_age = None, min = None, max = None, max_change = None,
        safe = None, watchdog = None, continuity = "independent", check = None,
        interpolation = "hold", cycle = None, velocity = None, acceleration = None, jerk = None,
        provider = None, precision = None, threads = 0, ort_lib = None, task = None, **sampling
    ))]
    #[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn new(
        py: Python<'_>,
        directory: PathBuf,
        initial: Vec<f64>,
        period: f64,
        seed: u64,
        replan_every: Option<usize>,
        replan_below: Option<usize>,
        ensemble: Option<f64>,
        late: &str,
        decelerate_within: Option<f64>,
        max_age: Option<f64>,
        min: Option<Vec<f64>>,
        max: Option<Vec<f64>>,
        max_change: Option<Vec<f64>>,
        safe: Option<Vec<f64>>,
        watchdog: Option<f64>,
        continuity: &str,
        check: Option<&Bound<'_, PyDict>>,
        interpolation: &str,
        cycle: Option<f64>,
        velocity: Option<Vec<f64>>,
        acceleration: Option<Vec<f64>>,
        jerk: Option<Vec<f64>>,
        provider: Option<&str>,
        precision: Option<&str>,
        threads: usize,
        ort_lib: Option<PathBuf>,
        task: Option<&str>,
        sampling: Option<&Bound<'_, PyDict>>,
    ) -> Result<Self, Failure> {
        let inference =
            InferenceOptions { provider, precision, threads, library: ort_lib, task, ..InferenceOptions::default() };
        let recipe = Sampling::read(sampling)?.recipe_in(&directory, inference)?;
        let period = seconds("period", period)?;
        let decelerate_within = decelerate_within.map(|within| seconds("decelerate_within", within)).transpose()?;
        let late = late_named(late, decelerate_within.unwrap_or(period.saturating_mul(3)))?;
        let watchdog = watchdog.map(|time| seconds("watchdog", time)).transpose()?;
        let max_age = max_age.map(|age| seconds("max_age", age)).transpose()?;
        let limits = [min, max, max_change].map(Option::unwrap_or_default);
        let continuity =
            continuity.parse::<Continuity>().map_err(|error| PyValueError::new_err(format!("continuity: {error}")))?;
        let given = crate::check::check(check)?;
        let cycle = cycle.map_or(Ok(period), |cycle| seconds("cycle", cycle))?;
        let motion = [velocity, acceleration, jerk];
        let motion = motion.iter().any(Option::is_some).then(|| {
            let [velocity, acceleration, jerk] = motion.map(Option::unwrap_or_default);
            MotionLimits { cycle, velocity, acceleration, jerk }
        });
        let between = Between { interpolation: interpolated(interpolation)?, motion };
        let replan = replan(replan_every, replan_below)?;
        replan.validate()?;
        let loaded = py.detach(|| recipe.load(&directory))?;
        let manifest = loaded.0.manifest();
        let horizon = u32::try_from(manifest.horizon).unwrap_or(u32::MAX);
        let [min, max, max_change] = limits;
        let playback = PlaybackConfig {
            period,
            blend: ensemble.map_or(Blend::Switch, |decay| Blend::Ensemble { decay }),
            late,
            limits: Limits { min, max, max_change },
            max_age: max_age.unwrap_or(period.saturating_mul(horizon)),
            initial,
            safe,
            between,
        };
        let config = ControllerConfig::of(manifest, playback, replan);
        let check = PlanCheck { names: config.check.names.clone(), ..given };
        let config = ControllerConfig { watchdog: watchdog.unwrap_or(config.watchdog), continuity, check, ..config };
        let make = recipe.maker(directory, loaded, false);
        let mut controller = controller::Controller::start(config, make)?;
        controller.reset(seed);
        let running = Running { monitor: controller.monitor(), controller: Mutex::new(Some(controller)) };
        Ok(Self { running: OfProcess::new("Controller", running) })
    }

    /// Begins an episode: observations and plans so far are forgotten. Everything random follows from `seed`.
    fn reset(&self, seed: u64) -> Result<(), Failure> {
        self.with(|controller| {
            controller.reset(seed);
            Ok(())
        })
    }

    /// Takes the observation of `time`, `[observation_dim]`, and asks for a plan if one is due. Once a control period.
    fn observe(&self, observation: PyArrayLike1<'_, f64, AllowTypeChange>, time: f64) -> Result<(), Failure> {
        let time = seconds("time", time)?;
        self.with(|controller| Ok(controller.observe(observation.as_array(), time)?))
    }

    /// What to send at `time`. Once a control period; it waits for nothing.
    fn command(&self, py: Python<'_>, time: f64) -> Result<Command, Failure> {
        let time = seconds("time", time)?;
        self.with(|controller| Ok(Command::new(py, &controller.command(time))))
    }

    /// What went wrong since this was asked last.
    fn events(&self) -> Result<Vec<Event>, Failure> {
        self.with(|controller| Ok(controller.events().map(|event| Event::new(&event)).collect()))
    }

    /// How it is, from any thread, without stopping it.
    fn health(&self) -> Result<Health, Failure> {
        Ok(Health::new(&self.running.get()?.monitor.health()))
    }

    /// Ends the worker; what is called after this, but `health`, is a `RuntimeError`. In a forked child there is no worker
    /// to end.
    fn close(&self, py: Python<'_>) {
        if let Ok(Running { controller, .. }) = self.running.get() {
            let controller = controller.lock().unwrap_or_else(PoisonError::into_inner).take();
            py.detach(|| drop(controller));
        }
    }

    fn __enter__(this: Py<Self>) -> Py<Self> {
        this
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, py: Python<'_>, _exception: &Bound<'_, pyo3::types::PyTuple>) {
        self.close(py);
    }
}

impl Controller {
    fn with<T>(&self, act: impl FnOnce(&mut controller::Controller) -> Result<T, Failure>) -> Result<T, Failure> {
        let mut controller = self.running.get()?.controller.lock().unwrap_or_else(PoisonError::into_inner);
        act(controller.as_mut().ok_or_else(|| PyRuntimeError::new_err("the controller is closed"))?)
    }
}

/// What is sent when plans run out, by its name.
pub fn late_named(name: &str, within: Duration) -> PyResult<Late> {
    match name {
        "finish" => Ok(Late::Finish),
        "hold" => Ok(Late::Hold),
        "decelerate" => Ok(Late::Decelerate { within }),
        _ => Err(PyValueError::new_err(format!("late: `{name}` is not known; use finish, hold, decelerate"))),
    }
}

fn interpolated(name: &str) -> PyResult<Interpolation> {
    match name {
        "hold" => Ok(Interpolation::Hold),
        "linear" => Ok(Interpolation::Linear),
        "cubic" => Ok(Interpolation::Cubic),
        _ => Err(PyValueError::new_err(format!("interpolation: `{name}` is not known; use hold, linear, cubic"))),
    }
}

/// When a plan is asked for.
pub fn replan(every: Option<usize>, below: Option<usize>) -> PyResult<Replan> {
    match (every, below) {
        (None, None) => Ok(Replan::Always),
        (Some(observations), None) => Ok(Replan::Every(observations)),
        (None, Some(actions)) => Ok(Replan::Below(actions)),
        _ => Err(PyValueError::new_err("replan_every and replan_below exclude each other: give one")),
    }
}

/// What to send now.
#[pyclass(frozen, get_all, module = "parapolicy")]
pub struct Command {
    /// The action in raw units, `[action_dim]`.
    action: Py<PyArray1<f64>>,
    /// Where it comes from: `plan`, `late` (the plans are used up), `safe` (there is nothing to go by).
    source: &'static str,
    /// Why something else would have been sent: `no_plan`, `stale`, `not_finite`, `beyond_limits`; or None.
    withheld: Option<&'static str>,
}

impl Command {
    fn new(py: Python<'_>, command: &playback::Command<'_>) -> Self {
        let source = match command.source {
            playback::Source::Plan => "plan",
            playback::Source::Late => "late",
            playback::Source::Safe => "safe",
        };
        let withheld = command.withheld.map(|withheld| match withheld {
            Withheld::NoPlan => "no_plan",
            Withheld::Stale { .. } => "stale",
            Withheld::NotFinite { .. } => "not_finite",
            Withheld::BeyondLimits(_) => "beyond_limits",
        });
        Self { action: PyArray1::from_iter(py, command.action.iter().copied()).unbind(), source, withheld }
    }
}

#[pymethods]
impl Command {
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let Self { action, source, withheld } = self;
        let action = action.bind(py).call_method0("tolist")?;
        Ok(format!("Command({action}, source='{source}', withheld={})", text::repr(py, withheld)?))
    }
}

/// Something went wrong in the worker, or with the clock.
#[pyclass(frozen, get_all, module = "parapolicy")]
pub struct Event {
    /// `not_made`, `failed`, `panicked`, `withheld`, `hung`, `refused`, `cut`, `clock_went_back`.
    kind: &'static str,
    /// What happened.
    message: String,
}

impl Event {
    fn new(event: &WorkerEvent) -> Self {
        let kind = match event {
            WorkerEvent::NotMade(_) => "not_made",
            WorkerEvent::Panicked(_) => "panicked",
            WorkerEvent::Withheld(_) => "withheld",
            WorkerEvent::Hung(_) => "hung",
            WorkerEvent::Refused(_) => "refused",
            WorkerEvent::Cut(_) => "cut",
            WorkerEvent::ClockWentBack(_) => "clock_went_back",
            _ => "failed",
        };
        Self { kind, message: one_line(event) }
    }
}

#[pymethods]
impl Event {
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("Event('{}', {})", self.kind, text::repr(py, &self.message)?))
    }
}

/// How a controller is.
#[pyclass(frozen, get_all, module = "parapolicy")]
pub struct Health {
    /// A plan is being worked on.
    planning: bool,
    /// Plans delivered.
    plans: u64,
    /// Plans that failed, panicked, were not finite, or never came.
    failures: u64,
    /// Of those, plans that never came: the policy hung.
    hangs: u64,
    /// How often the clock went back, and all plans were dropped.
    clock_steps: u64,
    /// Events that nobody fetched in time.
    events_dropped: u64,
    /// Median latency of a plan, ms; 0 before the first.
    latency_p50_ms: f64,
    /// 99th percentile, ms.
    latency_p99_ms: f64,
    /// The longest, ms.
    latency_max_ms: f64,
}

impl Health {
    fn new(health: &controller::Health) -> Self {
        let controller::Health { planning, plans, failures, hangs, clock_steps, events_dropped, latency_ms, .. } =
            *health;
        Self {
            planning,
            plans,
            failures,
            hangs,
            clock_steps,
            events_dropped,
            latency_p50_ms: latency_ms.p50,
            latency_p99_ms: latency_ms.p99,
            latency_max_ms: latency_ms.max,
        }
    }
}

#[pymethods]
impl Health {
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let Self { plans, failures, latency_p50_ms, .. } = self;
        let planning = text::repr(py, self.planning)?;
        Ok(format!(
            "Health(planning={planning}, plans={plans}, failures={failures}, latency_p50_ms={latency_p50_ms:.1})"
        ))
    }
}
