//! `parapolicy bench`: compares samplers plan by plan.

use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, ensure};
use indicatif::ProgressIterator as _;
use ndarray::{Array1, Array2, Axis};
use parapolicy_control::{BoxError, Latency, Percentiles};
use parapolicy_eval::CutShort;
use parapolicy_eval::{Meter, Roofline, drawn_observations, largest_difference};
use parapolicy_policy::Network;
use parapolicy_sampler::{Budget, ConfigError, Noise, Sampler, Solver, Strategy};
use serde::Serialize;

use super::observations::meet;
use super::precision::from_f32;
use super::{Settled, anytime, print_json};
use crate::args::BenchArguments;
use crate::auto_sampler::SamplerName;
use crate::failure::{Failure, InputError as _};
use crate::input::{self, samples::SamplesInput};
use crate::model::Model;
use crate::output::staging::check_file;
use crate::output::table;
use crate::say::{say, tell};
use crate::stop::Stop;

/// Result of a benchmark.
#[derive(Debug, Serialize)]
pub struct Bench {
    /// How far the network's batches are from what the machine can do at most, by its calibration.
    pub roofline: Roofline,
    /// How far the network computes from f32, for each solver and number of steps; none in f32.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub precision: Vec<FromF32>,
    /// Set where the benchmark was stopped before its end: rows have the plans that were drawn by then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interrupted: Option<BenchInterrupted>,
    /// One a solver, number of steps and sampler.
    pub rows: Vec<Row>,
}

/// How much of a benchmark there would have been, had it not been stopped.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct BenchInterrupted {
    /// Plans that were asked for of each row.
    pub plans_asked: usize,
    /// Rows that were asked for.
    pub rows_asked: usize,
}

/// How far the network computes from f32, with one solver and number of steps.
#[derive(Debug, Serialize)]
pub struct FromF32 {
    pub solver: String,
    pub steps: usize,
    pub deviation: parapolicy_eval::Deviation,
}

/// A sampler with one solver and number of steps.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Row {
    /// What it came to.
    Measured(MeasuredRow),
    /// It is not defined for the solver.
    Refused(RefusedRow),
}

/// A sampler that does not take a solver.
#[derive(Debug, Serialize)]
pub struct RefusedRow {
    pub solver: String,
    pub steps: usize,
    pub sampler: String,
    /// Why.
    pub refused: String,
}

/// What a sampler came to over all observations.
#[derive(Debug, Serialize)]
pub struct MeasuredRow {
    pub solver: String,
    pub steps: usize,
    pub sampler: String,
    /// Plans that were drawn.
    pub plans: usize,
    /// Denoising steps evaluated at once; none for `sequential`.
    pub window: Option<usize>,
    /// Why, if `auto` took it.
    pub reason: Option<String>,
    pub rounds_mean: f64,
    pub evaluations_mean: f64,
    /// Plans that the budget cut short.
    pub cut_short: CutShort,
    pub latency_ms: Percentiles,
    /// Share of all plans' time that did not pass in the network's batches: the sampler's own work, and the
    /// observation's.
    pub outside_network: f64,
    /// Median latency of `sequential` over this one's, both measured in turn.
    pub speedup: f64,
    /// Largest difference to the plan of `sequential` under the same noise, normalised units.
    pub deviation: Deviation,
    /// Share of plans that differ from it by more than the tolerance.
    pub outside_tolerance: f64,
    /// How far the sampler itself took its plans to be from it; none of a sampler that does not estimate that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimated: Option<Deviation>,
}

/// Quantiles of a deviation.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Deviation {
    pub p50: f32,
    pub p90: f32,
    pub max: f32,
}

impl Deviation {
    /// Of one plan or more.
    pub fn of(mut deviations: Vec<f32>) -> Self {
        deviations.sort_by(f32::total_cmp);
        let at = |quantile: f64| deviations[(quantile * (deviations.len() - 1) as f64).round() as usize];
        Self { p50: at(0.5), p90: at(0.9), max: at(1.0) }
    }
}

/// Compares samplers plan by plan with `sequential`, which is measured in turn with them.
pub fn bench(arguments: &BenchArguments) -> Result<(), Failure> {
    let stop = Stop::listen()?;
    arguments.anytime.as_deref().map_or(Ok(()), check_file)?;
    let beyond = || anyhow!("--seed: {} observations from it on go beyond the largest seed", arguments.observations);
    arguments.seed.checked_add(arguments.observations).ok_or_else(beyond).input()?;
    let mut policy = Model::load(&arguments.model)?;
    for (&solver, &steps) in
        arguments.solvers.iter().flat_map(|solver| arguments.steps.iter().map(move |n| (solver, n)))
    {
        policy.check_timesteps(solver, steps)?;
    }
    let sequential = SamplerName::Strategy(Strategy::sequential());
    let mut names = vec![sequential];
    names.extend(arguments.samplers.iter().filter(|name| **name != sequential));

    let observations = observations(arguments, &mut policy)?;
    let count = observations.len();
    let (mut rows, mut precision) = (Vec::new(), Vec::new());
    for &solver in &arguments.solvers {
        for &steps in &arguments.steps {
            if stop.is_asked() {
                continue;
            }
            let (mut measured, mut refused) = (Vec::new(), Vec::new());
            let deviation = match &mut policy {
                Model::Policy(policy) => {
                    from_f32(&arguments.model, policy, solver, steps, |_| Ok(observations.clone()))?
                }
                Model::Denoiser(_) => None,
            };
            precision.extend(deviation.map(|deviation| FromF32 { solver: solver.to_string(), steps, deviation }));
            for &name in &names {
                let settled = policy.settle(&arguments.window, name, solver, steps, &observations)?;
                match settled.sampler(policy.signature(), solver, steps) {
                    Err(error) if error.refuses_solver() => refused.push(Row::refused(solver, steps, name, &error)),
                    sampler => {
                        let budget = arguments.budget.beside_reference(settled.strategy)?;
                        measured.push(Measured::new(settled, sampler.input()?, budget));
                    }
                }
            }
            rows.extend(compare(arguments, &mut policy, measured, &observations, solver, &stop)?);
            rows.extend(refused);
        }
    }
    if let Some(file) = arguments.anytime.as_ref().filter(|_| !stop.is_asked()) {
        anytime::plot(arguments, &mut policy, &names, &observations, file)?;
    }
    if !rows.iter().any(|row| matches!(row, Row::Measured(_))) {
        stop.check("before the first plan was drawn; nothing was measured")?;
    }
    let (plans_asked, rows_asked) = (count, arguments.solvers.len() * arguments.steps.len() * names.len());
    let interrupted = stop.is_asked().then_some(BenchInterrupted { plans_asked, rows_asked });
    let bench = Bench { roofline: policy.roofline(), precision, interrupted, rows };
    if arguments.json {
        print_json(&bench)?;
    } else {
        say(table::render_bench(&bench))?;
    }
    stop.check("the plans that were drawn by then are reported")
}

/// What to draw for: the observations of a policy, or conditions, `[1, condition_dim]` each, of another denoiser.
fn observations(arguments: &BenchArguments, model: &mut Model) -> Result<Vec<Array2<f64>>, Failure> {
    let of_input = || arguments.input.as_ref().map_or_else(String::new, |path| path.display().to_string());
    let count = usize::try_from(arguments.observations)?;
    let given = match (&mut *model, &arguments.input) {
        (Model::Policy(_), Some(path)) => input::observations(path).with_context(of_input).input()?,
        (Model::Policy(policy), None) => met_or_drawn(arguments, policy, count)?,
        (Model::Denoiser(network), path) => {
            ensure_no_environment(arguments).input()?;
            let count = path.is_none().then_some(count);
            let given = SamplesInput::load(path.as_deref(), network.signature(), &[], count);
            let given = if path.is_some() { given.with_context(of_input) } else { given };
            let conditions = given.and_then(SamplesInput::without_noise).input()?;
            conditions.axis_iter(Axis(0)).map(|one| one.to_owned().insert_axis(Axis(0))).collect()
        }
    };
    if arguments.input.is_some() {
        // What does not fit is the file's fault, and is said before anything is drawn.
        given.iter().try_for_each(|one| model.bind(one).map(drop)).with_context(of_input).input()?;
    }
    Ok(given)
}

/// Refuses an environment for a denoiser that is no policy.
fn ensure_no_environment(arguments: &BenchArguments) -> anyhow::Result<()> {
    ensure!(
        arguments.place.is_unnamed() && !arguments.drawn,
        "--environment, --scenario and --drawn are for policies; this denoiser observes nothing: give --input or --observations"
    );
    Ok(())
}

/// The observations to plan for: taken from an environment, or drawn where none accepts the policy.
fn met_or_drawn(arguments: &BenchArguments, policy: &mut Network, count: usize) -> Result<Vec<Array2<f64>>, Failure> {
    let drawn = |policy: &Network| drawn_observations(policy.manifest(), count);
    if arguments.drawn {
        return Ok(drawn(policy));
    }
    let place = match arguments.place.find(policy.manifest()) {
        Ok(place) => place,
        Err(Failure::Input(why)) if arguments.place.is_unnamed() => {
            tell!("bench: {why}; observations are drawn from the ranges in the manifest");
            return Ok(drawn(policy));
        }
        Err(failure) => return Err(failure),
    };
    let mut environment = place.make(policy.manifest())?;
    let mut observations = meet(policy, &mut *environment, arguments.seed, count)?;
    observations.truncate(count);
    Ok(observations)
}

impl Row {
    /// Plans that were drawn, where it was measured.
    pub fn plans(&self) -> Option<usize> {
        match self {
            Self::Measured(row) => Some(row.plans),
            Self::Refused(_) => None,
        }
    }

    fn refused(solver: Solver, steps: usize, name: SamplerName, why: &ConfigError) -> Self {
        let (solver, sampler) = (solver.to_string(), name.to_string());
        Self::Refused(RefusedRow { solver, steps, sampler, refused: why.to_string() })
    }
}

/// A sampler's plans so far.
struct Measured {
    settled: Settled,
    sampler: Sampler,
    budget: Budget,
    latency: Latency,
    time: Duration,
    in_network: Duration,
    rounds: usize,
    evaluations: usize,
    residuals: Vec<f64>,
    deviations: Vec<f32>,
    estimates: Vec<f32>,
}

impl Measured {
    fn new(settled: Settled, sampler: Sampler, budget: Budget) -> Self {
        let (residuals, deviations, estimates) = (Vec::new(), Vec::new(), Vec::new());
        Self {
            settled,
            sampler,
            budget,
            latency: Latency::new(),
            time: Duration::ZERO,
            in_network: Duration::ZERO,
            rounds: 0,
            evaluations: 0,
            residuals,
            deviations,
            estimates,
        }
    }

    /// Draws a plan and compares it with `reference`, if there is one.
    fn draw(
        &mut self,
        policy: &mut Model,
        observation: &Array2<f64>,
        noise: &Noise,
        reference: Option<&Array1<f32>>,
    ) -> Result<Array1<f32>, BoxError> {
        let started = Instant::now();
        let mut bound = policy.bind(observation)?;
        let mut meter = Meter::new(&mut bound);
        let sample = self.sampler.sample_within(self.budget, &mut meter, noise)?;
        let took = started.elapsed();
        self.latency.record(took);
        self.time += took;
        self.in_network += meter.time;
        self.rounds += sample.statistics().rounds;
        self.evaluations += sample.statistics().evaluations;
        self.residuals.extend(sample.residual());
        self.estimates.extend(sample.statistics().estimated_error.map(|estimate| estimate as f32));
        let plan = sample.sample().to_owned();
        self.deviations
            .push(reference.map_or(0.0, |reference| largest_difference(plan.view(), reference.view()) as f32));
        Ok(plan)
    }

    fn row(self, solver: Solver, tolerance: f64, sequential_p50: f64) -> Row {
        let count = self.deviations.len();
        let outside = self.deviations.iter().filter(|deviation| f64::from(**deviation) > tolerance).count();
        let latency_ms = self.latency.percentiles();
        Row::Measured(MeasuredRow {
            solver: solver.to_string(),
            steps: self.sampler.table().steps(),
            sampler: self.settled.name,
            plans: count,
            window: self.settled.strategy.window(),
            reason: self.settled.reason,
            rounds_mean: self.rounds as f64 / count as f64,
            evaluations_mean: self.evaluations as f64 / count as f64,
            cut_short: CutShort::new(&self.residuals, count),
            latency_ms,
            outside_network: 1.0 - self.in_network.as_secs_f64() / self.time.as_secs_f64(),
            speedup: sequential_p50 / latency_ms.p50,
            deviation: Deviation::of(self.deviations),
            outside_tolerance: outside as f64 / count as f64,
            estimated: (!self.estimates.is_empty()).then(|| Deviation::of(self.estimates)),
        })
    }
}

/// Every observation with every sampler in turn, under the same noise, until it is asked to stop; the first sampler is the
/// reference.
fn compare(
    arguments: &BenchArguments,
    policy: &mut Model,
    mut measured: Vec<Measured>,
    observations: &[Array2<f64>],
    solver: Solver,
    stop: &Stop,
) -> Result<Vec<Row>, Failure> {
    for (index, observation) in observations.iter().enumerate().progress() {
        if stop.is_asked() {
            break;
        }
        let mut reference = None;
        for entry in &mut measured {
            let noise = Noise::draw(arguments.seed + index as u64, entry.sampler.table().steps(), entry.sampler.dim());
            let plan =
                entry.draw(policy, observation, &noise, reference.as_ref()).map_err(anyhow::Error::from_boxed)?;
            reference.get_or_insert(plan);
        }
    }
    measured.retain(|entry| !entry.deviations.is_empty());
    let sequential = measured.first().map_or(0.0, |entry| entry.latency.percentiles().p50);
    let tolerance = arguments.window.tolerance(policy.manifest())?;
    Ok(measured.into_iter().map(|entry| entry.row(solver, tolerance, sequential)).collect())
}
