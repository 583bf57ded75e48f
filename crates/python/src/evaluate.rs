//! `parapolicy.evaluate`: policies played in environments of Python, and reported as the program reports them.
//!
//! Loops, clocks, statistics and pages are those of `parapolicy run`. Python's part is the environment, behind
//! `parapolicy.adapter.Member`.

mod contenders;
mod environment;
mod film;
mod play;

use std::path::PathBuf;
use std::time::Duration;

use parapolicy_control::controller::{Continuity, ControllerConfig, SamplingTime};
use parapolicy_control::playback::Blend;
use parapolicy_control::{InferenceOptions, seconds};
use parapolicy_eval::realtime::controller_config;
use parapolicy_eval::{
    Deviation, Model, RealtimeReport, Report, Run, SCHEMA_VERSION, SamplerRun, Seeds, Shard, ShardReport,
};
use parapolicy_policy::Network;
use parapolicy_report::{Outputs, machine, made, table};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use self::contenders::Contender;
use self::environment::PyEnvironment;
use self::film::Film;
use self::play::{Loop, Played, play};
use crate::controller::{continuity_named, late_named, motion_limits, replan};
use crate::failure::Failure;
use crate::recipe::Sampling;

/// Plays episodes of every sampler in `members`, writes the report, and returns it: its JSON, its table, the files' names.
#[pyfunction]
#[pyo3(signature = (
    directory, members, *, environment, scenario, period, seed, episodes, samplers, out, only, command, shard = None,
    clock = "lockstep", latency = None, replan_every = None, replan_below = None, ensemble = None, late = None,
    decelerate_within = None, continuity = None, velocity = None, acceleration = None, jerk = None, film = false, provider = None, precision = None, threads = 0, ort_lib = None, **sampling
))]
#[expect(clippy::too_many_arguments, reason = "they are keywords in Python")]
pub fn evaluate(
    py: Python<'_>,
    directory: PathBuf,
    members: Vec<Py<PyAny>>,
    environment: String,
    scenario: String,
    period: f64,
    seed: u64,
    episodes: u64,
    samplers: Vec<String>,
    out: PathBuf,
    only: Vec<String>,
    command: Vec<String>,
    shard: Option<&str>,
    clock: &str,
    latency: Option<f64>,
    replan_every: Option<usize>,
    replan_below: Option<usize>,
    ensemble: Option<f64>,
    late: Option<&str>,
    decelerate_within: Option<f64>,
    continuity: Option<&str>,
    velocity: Option<Vec<f64>>,
    acceleration: Option<Vec<f64>>,
    jerk: Option<Vec<f64>>,
    film: bool,
    provider: Option<&str>,
    precision: Option<&str>,
    threads: usize,
    ort_lib: Option<PathBuf>,
    sampling: Option<&Bound<'_, PyDict>>,
) -> Result<(String, String, Vec<String>), Failure> {
    let inference = InferenceOptions { provider, precision, threads, library: ort_lib, ..InferenceOptions::default() };
    let options = Sampling::read(sampling)?;
    let whole =
        seed..seed.checked_add(episodes).ok_or_else(|| wrong("seed: the last episode's is beyond the largest"))?;
    let shard: Option<Shard> = shard.map(str::parse).transpose()?;
    let seeds = shard.map_or(Ok(whole.clone()), |shard| shard.of(whole.clone()))?;
    if seeds.is_empty() {
        return Err(wrong("episodes is 0, but must be at least 1"));
    }
    let clock = Loop::named(clock, members.len())?;
    clock.takes(&[
        ("replan_every", replan_every.is_some()),
        ("replan_below", replan_below.is_some()),
        ("ensemble", ensemble.is_some()),
        ("late", late.is_some()),
        ("decelerate_within", decelerate_within.is_some()),
        ("continuity", continuity.is_some()),
        ("velocity", velocity.is_some()),
        ("acceleration", acceleration.is_some()),
        ("jerk", jerk.is_some()),
    ])?;
    if latency.is_some() && clock != Loop::Virtual {
        return Err(wrong("latency: only with clock='virtual'"));
    }
    let period = seconds("period", period)?;
    let latency = latency.map(|latency| seconds("latency", latency)).transpose()?;
    let within = decelerate_within.map(|within| seconds("decelerate_within", within)).transpose()?;
    let late = late_named(late.unwrap_or("finish"), within.unwrap_or(period.saturating_mul(3)))?;
    let blend = ensemble.map(|decay| Blend::Ensemble { decay });
    let replan_asked = (replan_every.is_some() || replan_below.is_some()).then(|| replan(replan_every, replan_below));
    let replan_asked = replan_asked.transpose()?;
    let continuity = continuity.map_or(Ok(Continuity::default()), continuity_named)?;
    let motion = motion_limits(period, velocity, acceleration, jerk);
    let contenders = Contender::all(&samplers, &options, &directory, inference)?;
    py.detach(|| {
        let outputs = Outputs::prepare(&out, &only)?;
        let mut contenders = contenders;
        let recipe = contenders.first().map(Contender::recipe).ok_or_else(|| wrong("samplers: none is named"))?;
        let (solver, steps) = (recipe.solver, recipe.steps);
        let mut network = Network::load(&directory, &recipe.inference.open(&())?)?;
        contenders.iter_mut().try_for_each(|contender| contender.prepare(&network))?;
        let manifest = network.manifest().clone();
        let film = Film::new(film, seeds.start);
        let make = |member| PyEnvironment::new(member, &manifest, period, film.clone());
        let environments: Vec<PyEnvironment> = members.into_iter().map(make).collect();
        let config = controller_config(&manifest, period, replan_asked, blend, Some(late));
        let mut config = ControllerConfig { continuity, ..config };
        config.playback.between.motion = motion;
        config.replan.validate()?;
        let sampling = latency.map_or(SamplingTime::Measured, SamplingTime::Stated);
        let in_time = clock.report(&config, latency);
        let is_logged = only.is_empty() || only.iter().any(|name| name == parapolicy_report::LOG);
        let log = is_logged.then(|| play::log(&out, &manifest)).transpose()?;
        let played = play(
            &clock,
            Played {
                network: &mut network,
                environments,
                contenders: &mut contenders,
                seeds: seeds.clone(),
                config,
                sampling,
                directory: &directory,
                film: &film,
                log: log.as_ref(),
            },
        );
        let logged = log.map(play::finish);
        let recordings = played?;
        let runs: Vec<&SamplerRun> = contenders.iter().map(|contender| &contender.run).collect();
        let report = Report {
            schema_version: SCHEMA_VERSION,
            command,
            made: Some(made()),
            machine: machine::describe(network.provider()),
            roofline: machine::roofline(&network),
            deviation: None::<Deviation>,
            model: Model { name: manifest.name.clone(), sha256: manifest.denoiser.sha256.clone() },
            environment,
            period_ms: Some(1e3 * period.as_secs_f64()),
            scenario: scenario.clone(),
            solver: solver.to_string(),
            steps,
            environments: clock.together(),
            in_time,
            interrupted: None,
            shard: shard.map(|shard| ShardReport {
                shard,
                whole: Seeds { first: whole.start, last: whole.end.saturating_sub(1) },
            }),
            parts: Vec::new(),
            missing: Vec::new(),
            samplers: SamplerRun::reports(&runs).ok_or_else(|| wrong("samplers: none is named"))?,
        };
        let scenario = film.scenario(scenario);
        let mut files = outputs.write(&Run { report: &report, recordings: &recordings, scenario: &scenario })?;
        files.extend(logged.transpose()?);
        Ok((json(&report)?, table::render(&report), files))
    })
}

/// Merges reports of parts of a run, and writes that of the whole; returns as [`evaluate`].
#[pyfunction]
#[pyo3(signature = (reports, *, out, only))]
pub fn merge(
    py: Python<'_>,
    reports: Vec<PathBuf>,
    out: PathBuf,
    only: Vec<String>,
) -> Result<(String, String, Vec<String>), Failure> {
    py.detach(|| {
        let named = |path: &PathBuf| Ok::<_, Failure>((path.display().to_string(), Report::load(path)?));
        let parts = reports.iter().map(named).collect::<Result<Vec<_>, _>>()?;
        let report = parapolicy_eval::merge(&parts)?;
        let outputs = Outputs::prepare(&out, &only)?;
        let scenario = Film::new(false, 0).scenario(report.scenario.clone());
        let run = Run { report: &report, recordings: &parapolicy_eval::Recordings::default(), scenario: &scenario };
        let files = outputs.write(&run)?;
        Ok((json(&report)?, table::render(&report), files))
    })
}

fn json(report: &Report) -> Result<String, Failure> {
    serde_json::to_string(report).map_err(|error| wrong(&format!("the report has no JSON form: {error}")))
}

fn wrong(problem: &str) -> Failure {
    PyValueError::new_err(problem.to_owned()).into()
}

impl Loop {
    /// For the report.
    fn report(&self, config: &ControllerConfig, latency: Option<Duration>) -> Option<RealtimeReport> {
        let playback = &config.playback;
        let latency = latency.map_or_else(|| "measured".into(), |latency| format!("{latency:?}"));
        self.clock().map(|clock| RealtimeReport {
            clock: clock.to_owned(),
            rate_hz: 1.0 / playback.period.as_secs_f64(),
            replan: config.replan.to_string(),
            blend: playback.blend.to_string(),
            late: playback.late.to_string(),
            continuity: config.continuity.to_string(),
            latency: (*self == Self::Virtual).then_some(latency),
            realtime: None,
        })
    }
}
