use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use numpy::{AllowTypeChange, PyArray1, PyArray2, PyArrayLike1, PyReadonlyArrayDyn, ToPyArray as _};
use parapolicy_control::check::PlanCheck;
use parapolicy_control::controller::{
    self, Continuity, ControllerConfig, ControllerError, Deadline, Monitor, Replan, WorkerEvent,
};
use parapolicy_control::entries::Entries;
use parapolicy_control::playback::{
    self, Between, Blend, Interpolation, Late, Limits, MotionLimits, PlaybackConfig, Withheld,
};
use parapolicy_control::{InferenceOptions, PlanCost, seconds};
use parapolicy_eval::Calibration;
use parapolicy_log::LogFile;
use parapolicy_policy::Manifest;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::failure::{Failure, one_line};
use crate::named;
use crate::process::OfProcess;
use crate::recipe::Sampling;
use crate::text;

/// A policy that plans in a thread of its own, for a loop that never waits for it.
///
/// Time is whatever the caller's clock says, in seconds from an origin of its own, 0 or more. If it goes back by more
/// than half a period, all plans are dropped, and an event tells it.
///
/// ``initial`` is the command before the first plan, ``period`` the time from one action to the next. A plan is asked for
/// ``replan_every`` observations after the last, or when fewer than ``replan_below`` actions are left, or as soon as the last is
/// done. A new plan replaces the old one, or all are averaged with weights falling by ``ensemble``. When plans run out, ``late``
/// decides (``finish``, ``hold``, ``decelerate`` within ``decelerate_within``). No command is below ``min``, above ``max``, or
/// further than ``max_change`` from the one before; a plan whose observation is older than ``max_age`` is not followed, and the
/// ``safe`` action is sent. Entries that are handed in one by one make no observation where they are older than ``stale`` (5 periods).
/// A policy that does not return within ``watchdog`` seconds is loaded again. ``log`` is an MCAP file to
/// write. The other keywords are those of ``Policy`` and of ``Policy.sample``; ``deadline`` may also be ``"loop"``, the time until
/// the running plan runs out.
#[pyclass(frozen, module = "parapolicy")]
pub struct Controller {
    running: OfProcess<Running>,
}

struct Running {
    manifest: Manifest,
    /// `None` once it is closed.
    controller: Mutex<Option<controller::Controller>>,
    monitor: Monitor,
    /// Until it is closed, if there is one.
    log: Mutex<Option<LogFile>>,
}

#[pymethods]
impl Controller {
    #[new]
    #[pyo3(signature = (
        directory, *, initial, period = 0.1, seed = 0, replan_every = None, replan_below = None, ensemble = None,
        late = "finish", decelerate_within = None, max_age = None, min = None, max = None, max_change = None,
        safe = None, watchdog = None, continuity = "independent", check = None, stale = None,
        interpolation = "hold", cycle = None, velocity = None, acceleration = None, jerk = None,
        log = None, log_rounds = false, provider = None, precision = None, threads = 0,
        pin = false, devices = None, ort_lib = None, task = None, **sampling
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
        stale: Option<f64>,
        interpolation: &str,
        cycle: Option<f64>,
        velocity: Option<Vec<f64>>,
        acceleration: Option<Vec<f64>>,
        jerk: Option<Vec<f64>>,
        log: Option<PathBuf>,
        log_rounds: bool,
        provider: Option<&str>,
        precision: Option<&str>,
        threads: usize,
        pin: bool,
        devices: Option<Vec<u32>>,
        ort_lib: Option<PathBuf>,
        task: Option<&str>,
        sampling: Option<&Bound<'_, PyDict>>,
    ) -> Result<Self, Failure> {
        let (pinned, library) = (pin, ort_lib);
        let inference = InferenceOptions {
            provider,
            precision,
            threads,
            pinned,
            devices: devices.unwrap_or_default(),
            library,
            task,
            ..InferenceOptions::default()
        };
        let deadline = of_loop(sampling)?;
        let sampling = Sampling::read(sampling)?.anytime(deadline != Deadline::Own);
        let recipe = sampling.recipe_in(&directory, inference)?;
        let period = seconds("period", period)?;
        let decelerate_within = decelerate_within.map(|within| seconds("decelerate_within", within)).transpose()?;
        let late = late_named(late, decelerate_within.unwrap_or(period.saturating_mul(3)))?;
        let watchdog = watchdog.map(|time| seconds("watchdog", time)).transpose()?;
        let max_age = max_age.map(|age| seconds("max_age", age)).transpose()?;
        let stale = stale.map(|age| seconds("stale", age)).transpose()?;
        let limits = [min, max, max_change].map(Option::unwrap_or_default);
        let continuity = continuity_named(continuity)?;
        let given = crate::check::check(check)?;
        let cycle = cycle.map_or(Ok(period), |cycle| seconds("cycle", cycle))?;
        let motion = motion_limits(cycle, velocity, acceleration, jerk);
        let between = Between { interpolation: interpolated(interpolation)?, motion, ..Between::default() };
        let replan = replan(replan_every, replan_below)?;
        replan.validate()?;
        let (recipe, loaded) = py.detach(|| match sampling.fastest {
            true => Ok(Calibration::load_fastest(recipe, &directory)?),
            false => recipe.load(&directory).map(|loaded| (recipe, loaded)).map_err(Failure::from),
        })?;
        let manifest = loaded.0.manifest();
        let numbers = manifest.observation_dim().max(manifest.horizon * manifest.action_dim());
        if initial.len() != manifest.action_dim() {
            let (found, expected) = (initial.len(), manifest.action_dim());
            let problem = format!("initial has {found} values, but an action has {expected}");
            return Err(PyValueError::new_err(problem).into());
        }
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
        let watchdog = watchdog.unwrap_or(config.watchdog);
        let entries = Entries { stale: stale.unwrap_or(config.entries.stale), ..config.entries };
        let config = ControllerConfig { watchdog, continuity, deadline, check, entries, ..config };
        let manifest = manifest.clone();
        let make = recipe.maker(directory, loaded, log_rounds);
        let mut controller = controller::Controller::start(config, make)?;
        let log = log.map(|path| LogFile::create(&path, numbers)).transpose()?;
        if let Some(log) = &log {
            controller.observed_by(Arc::new(log.run("controller")));
        }
        controller.reset(seed);
        let monitor = controller.monitor();
        let running = Running { manifest, monitor, controller: Mutex::new(Some(controller)), log: Mutex::new(log) };
        Ok(Self { running: OfProcess::new("Controller", running) })
    }

    /// Begins an episode: observations, plans and commands so far are forgotten. Until the first plan `initial` is sent again,
    /// or what `rest_at` was told last. Everything random follows from `seed`.
    fn reset(&self, seed: u64) -> Result<(), Failure> {
        self.with(|controller| {
            controller.reset(seed);
            Ok(())
        })
    }

    /// Sends `action` until the first plan, in place of `initial`: where the robot stands. Before an episode: all plans are
    /// forgotten.
    fn rest_at(&self, action: PyArrayLike1<'_, f64, AllowTypeChange>) -> Result<(), Failure> {
        self.with(|controller| Ok(controller.rest_at(action.as_array())?))
    }

    /// The plan that commands come from; None before the first.
    fn plan(&self, py: Python<'_>) -> Result<Option<InForce>, Failure> {
        self.with(|controller| Ok(controller.plan().map(|plan| InForce::new(py, &plan))))
    }

    /// Takes the observation of `time`, `[observation_dim]` or a dictionary of arrays by the names of the policy's entries, and asks for a plan if one is due. Once a control period.
    fn observe(&self, observation: &Bound<'_, PyAny>, time: f64) -> Result<(), Failure> {
        let time = seconds("time", time)?;
        let observation = named::one(&self.running.get()?.manifest, observation)?;
        self.with(|controller| Ok(controller.observe(observation.view(), time)?))
    }

    /// Takes an entry as it was at `time`, an array of its shape or flat, for the control steps from then on; every number times
    /// `scale`. Bytes are read where they lie; an image may also be `[height, width, channels]` where the policy has the channels first.
    #[pyo3(signature = (name, value, time, scale = 1.0))]
    fn observe_entry(&self, name: &str, value: &Bound<'_, PyAny>, time: f64, scale: f64) -> Result<(), Failure> {
        let time = seconds("time", time)?;
        let running = self.running.get()?;
        let (entry, _) = running.manifest.observation_entry(name).map_err(ControllerError::from)?;
        if let Ok(bytes) = value.extract::<PyReadonlyArrayDyn<'_, u8>>() {
            let values = named::arranged(entry, bytes.as_array())?;
            return self.with(|controller| {
                Ok(controller.observe_entry(name, values.iter().map(|byte| f64::from(*byte) * scale), time)?)
            });
        }
        let numbers = named::numbers(name, value)?;
        let values = named::arranged(entry, numbers.as_array())?;
        self.with(|controller| Ok(controller.observe_entry(name, values.iter().map(|value| value * scale), time)?))
    }

    /// Takes the observation of the control step at `time` from its entries, of each the newest at or before it, and asks for a plan if
    /// one is due; in place of `observe`, once a control period. False if an entry has not come yet or is older than `stale`.
    fn observe_entries(&self, time: f64) -> Result<bool, Failure> {
        let time = seconds("time", time)?;
        self.with(|controller| Ok(controller.observe_entries(time)))
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

    /// Ends the worker and closes the log; what is called after this, but `health`, is a `RuntimeError`. In a forked child there
    /// is no worker to end.
    fn close(&self, py: Python<'_>) -> Result<(), Failure> {
        let Ok(Running { controller, log, .. }) = self.running.get() else { return Ok(()) };
        let controller = controller.lock().unwrap_or_else(PoisonError::into_inner).take();
        let log = log.lock().unwrap_or_else(PoisonError::into_inner).take();
        py.detach(|| {
            drop(controller);
            log.map_or(Ok(()), |log| log.finish().map(drop))
        })?;
        Ok(())
    }

    fn __enter__(this: Py<Self>) -> Py<Self> {
        this
    }

    #[pyo3(signature = (*_exception))]
    fn __exit__(&self, py: Python<'_>, _exception: &Bound<'_, pyo3::types::PyTuple>) -> Result<(), Failure> {
        self.close(py)
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

/// Takes the keyword `deadline`, if it is the loop's, in words, and not a time.
fn of_loop(keywords: Option<&Bound<'_, PyDict>>) -> PyResult<Deadline> {
    let Some(keywords) = keywords else { return Ok(Deadline::Own) };
    let given = keywords.get_item("deadline")?.and_then(|given| given.extract::<String>().ok());
    let Some(text) = given else { return Ok(Deadline::Own) };
    keywords.del_item("deadline")?;
    text.parse::<Deadline>().map_err(|error| PyValueError::new_err(format!("deadline: {error}")))
}

/// Limits on the motion, where one is given, for commands once a `cycle`.
pub fn motion_limits(
    cycle: Duration,
    velocity: Option<Vec<f64>>,
    acceleration: Option<Vec<f64>>,
    jerk: Option<Vec<f64>>,
) -> Option<MotionLimits> {
    let limits = [velocity, acceleration, jerk];
    limits.iter().any(Option::is_some).then(|| {
        let [velocity, acceleration, jerk] = limits.map(Option::unwrap_or_default);
        MotionLimits { cycle, velocity, acceleration, jerk }
    })
}

/// How a plan continues the one before, by its name.
pub fn continuity_named(name: &str) -> PyResult<Continuity> {
    name.parse().map_err(|error| PyValueError::new_err(format!("continuity: {error}")))
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

/// The plan that commands come from.
#[pyclass(frozen, get_all, module = "parapolicy")]
pub struct InForce {
    /// `[n, action_dim]` in raw units, the first for the time of the observation.
    actions: Py<PyArray2<f64>>,
    /// Of these, how many are meant to be executed.
    intended: usize,
    /// When the observation was taken that it answers, in seconds of the caller's clock.
    observed: f64,
    /// Seconds from the observation bound to the plan ready.
    latency: f64,
    /// Network calls that had to wait for each other.
    rounds: usize,
    /// Rows that the network evaluated.
    evaluations: usize,
    /// How far the plan moved in the last round (root mean square, normalised units) if it was cut short, else None.
    residual: Option<f64>,
}

impl InForce {
    fn new(py: Python<'_>, plan: &controller::InForce<'_>) -> Self {
        let PlanCost { latency, rounds, evaluations, residual, .. } = plan.cost;
        Self {
            actions: plan.actions.to_pyarray(py).unbind(),
            intended: plan.intended,
            observed: plan.observed.as_secs_f64(),
            latency: latency.as_secs_f64(),
            rounds,
            evaluations,
            residual,
        }
    }
}

#[pymethods]
impl InForce {
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let shape = self.actions.bind(py).getattr("shape")?;
        let Self { observed, latency, rounds, .. } = self;
        Ok(format!("InForce(actions={shape}, observed={observed:.3}, rounds={rounds}, latency={latency:.4})"))
    }
}

/// Something went wrong in the worker, with an observation, or with the clock.
#[pyclass(frozen, get_all, module = "parapolicy")]
pub struct Event {
    /// `not_made`, `failed`, `panicked`, `withheld`, `hung`, `refused`, `cut`, `refined`, `not_refined`,
    /// `not_observed`, `far_outside`, `clock_went_back`.
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
            WorkerEvent::Refined(_) => "refined",
            WorkerEvent::NotRefined(_) => "not_refined",
            WorkerEvent::Unobserved(_) => "not_observed",
            WorkerEvent::FarOutside(_) => "far_outside",
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
