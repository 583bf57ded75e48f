//! `parapolicy sample`: samples plans for one observation, or a denoiser that is no policy.

mod denoiser;

use std::time::Instant;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use ndarray::{Array, Array1, Axis, Dimension, IntoDimension as _, arr0, stack};
use ndarray_npy::NpzWriter;
use parapolicy_policy::Network;
use parapolicy_sampler::{BatchedSampler, Budget, Noise, Sample, Sampler, Statistics};
use serde::Serialize;

use super::print_json;
use crate::args::{SampleArguments, SamplingArguments};
use crate::auto_sampler::SamplerName;
use crate::failure::{Failure, InputError as _};
use crate::input::PlanInput;
use crate::model::Model;
use crate::output::staging::{check_file, write_file};
use crate::say::tell;

/// What a plan took.
#[derive(Serialize)]
struct Cost<'a> {
    #[serde(flatten)]
    statistics: &'a Statistics,
    /// How far the plan moved in the last round, if it was cut short.
    residual: Option<f64>,
    /// From the observation bound to the plan ready, of a plan that was drawn alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    latency_ms: Option<f64>,
}

impl<'a> Cost<'a> {
    fn of(drawn: Sample<'a>) -> Self {
        Self { statistics: drawn.statistics(), residual: drawn.residual(), latency_ms: None }
    }
}

/// What drawing plans in shared batches took.
#[derive(Serialize)]
struct Batched<'a> {
    together: &'a Statistics,
    /// From the observation bound to all plans ready.
    latency_ms: f64,
    plans: Vec<Cost<'a>>,
}

/// Draws one action sequence, or several, writes them, and prints what it took.
pub fn sample(arguments: &SampleArguments) -> Result<(), Failure> {
    check_file(&arguments.output)?;
    let budget = arguments.budget.budget()?;
    let mut model = Model::load(&arguments.model)?;
    let SamplingArguments { solver, steps, window } = &arguments.sampling;
    let settled =
        model.settle(window, arguments.sampler.unwrap_or(SamplerName::usual(*steps, budget)), *solver, *steps, &[])?;
    let mut policy = match model {
        Model::Policy(policy) => policy,
        Model::Denoiser(network) => return denoiser::sample(arguments, settled.strategy, *network),
    };
    let sampler = settled.sampler(policy.signature(), *solver, *steps).input()?;
    let path =
        arguments.input.as_deref().ok_or_else(|| anyhow!("--input is needed: a policy plans for an observation"));
    let path = path.input()?;
    ensure_no_labels(arguments).input()?;
    let input = PlanInput::load(path).input()?;
    let of_input = || path.display().to_string();
    match arguments.count {
        None => sample_one(arguments, budget, &input, of_input, &mut policy, sampler),
        Some(plans) => sample_many(arguments, plans, budget, &input, of_input, &mut policy, &sampler),
    }
}

/// Refuses labels, which a policy has none of.
fn ensure_no_labels(arguments: &SampleArguments) -> Result<()> {
    ensure!(
        arguments.labels.is_empty(),
        "--label is for denoisers that take labels; a policy plans for an observation"
    );
    Ok(())
}

fn sample_one(
    arguments: &SampleArguments,
    budget: Budget,
    input: &PlanInput,
    of_input: impl Fn() -> String,
    policy: &mut Network,
    mut sampler: Sampler,
) -> Result<(), Failure> {
    let drawn = Noise::draw(arguments.seed, sampler.table().steps(), sampler.dim());
    let (horizon, plan_dim) = (policy.manifest().horizon, policy.manifest().plan_dim());
    let noise = input.noise(sampler.table(), &drawn, horizon, plan_dim).with_context(&of_input).input()?;

    let started = Instant::now();
    let origin = policy.origin(input.observation.view()).with_context(&of_input).input()?;
    let mut denoiser = policy.bind(input.observation.view()).with_context(&of_input).input()?;
    let drawn = sampler.sample_within(budget, &mut denoiser, &noise)?;
    let latency_ms = Some(ms(started));
    let actions = policy.actions(drawn.sample(), &origin);
    ensure_finite(&actions).with_context(&of_input).input()?;
    let sample = drawn.sample().to_shape((horizon, plan_dim))?.to_owned();
    let residual = drawn.residual().map(arr0);
    write_file(&arguments.output, |file| write_plans(file, &actions, &sample, residual.as_ref()))?;
    say_if_cut_short(drawn);
    print_json(&Cost { latency_ms, ..Cost::of(drawn) })
}

fn sample_many(
    arguments: &SampleArguments,
    plans: u64,
    budget: Budget,
    input: &PlanInput,
    of_input: impl Fn() -> String,
    policy: &mut Network,
    sampler: &Sampler,
) -> Result<(), Failure> {
    input.ensure_no_noise().with_context(&of_input).input()?;
    let (steps, dim) = (sampler.table().steps(), sampler.dim());
    let end = arguments.seed.checked_add(plans);
    let end =
        end.with_context(|| format!("--seed: {plans} plans from {} on go beyond the largest seed", arguments.seed));
    let seeds = arguments.seed..end.input()?;
    // Before any noise is drawn: it refuses more plans than can be kept.
    let most = usize::try_from(plans).unwrap_or(usize::MAX);
    let mut sampler = BatchedSampler::new(sampler.table().clone(), sampler.strategy(), dim, most).input()?;
    let noises: Vec<Noise> = seeds.map(|seed| Noise::draw(seed, steps, dim)).collect();

    let started = Instant::now();
    let origin = policy.origin(input.observation.view()).with_context(&of_input).input()?;
    let mut denoiser = policy.bind(input.observation.view()).with_context(&of_input).input()?;
    let drawn = sampler.sample_within(budget, &mut denoiser, &noises)?;
    let latency_ms = ms(started);
    let actions: Vec<_> = drawn.iter().map(|drawn| policy.actions(drawn.sample(), &origin)).collect();
    let actions = stack(Axis(0), &actions.iter().map(|actions| actions.view()).collect::<Vec<_>>())?;
    ensure_finite(&actions).with_context(&of_input).input()?;
    let samples: Vec<_> = drawn.iter().map(|drawn| drawn.sample()).collect();
    let shape = (drawn.iter().len(), policy.manifest().horizon, policy.manifest().plan_dim());
    let samples = stack(Axis(0), &samples)?.into_shape_with_order(shape)?;
    let cut_short = drawn.iter().any(|drawn| drawn.residual().is_some());
    let residuals: Array1<f64> = drawn.iter().map(|drawn| drawn.residual().unwrap_or(0.0)).collect();
    let residuals = cut_short.then_some(residuals);
    write_file(&arguments.output, |file| write_plans(file, &actions, &samples, residuals.as_ref()))?;
    drawn.iter().for_each(say_if_cut_short);
    print_json(&Batched { together: drawn.statistics(), latency_ms, plans: drawn.iter().map(Cost::of).collect() })
}

fn ms(started: Instant) -> f64 {
    started.elapsed().as_secs_f64() * 1e3
}

/// Refuses actions that no robot can execute.
fn ensure_finite<D: Dimension>(actions: &Array<f64, D>) -> Result<()> {
    match actions.indexed_iter().find(|(_, action)| !action.is_finite()) {
        None => Ok(()),
        Some((index, action)) => bail!(
            "the plan is not finite: `actions`{:?} is {action}; nothing is written. Look at the ranges of the observation and of \
             the policy's `normalization`",
            index.into_dimension().slice()
        ),
    }
}

fn say_if_cut_short(drawn: Sample<'_>) {
    if let Some(residual) = drawn.residual() {
        tell!("cut short: in the last round the plan still moved by {residual:.4} (root mean square, normalised)");
    }
}

fn write_plans<D: Dimension, R: Dimension>(
    file: &mut std::io::BufWriter<std::fs::File>,
    actions: &Array<f64, D>,
    sample: &Array<f32, D>,
    residual: Option<&Array<f64, R>>,
) -> Result<()> {
    let mut npz = NpzWriter::new_compressed(file);
    npz.add_array("actions", actions)?;
    npz.add_array("sample", sample)?;
    if let Some(residual) = residual {
        npz.add_array("residual", residual)?;
    }
    npz.finish()?;
    Ok(())
}
