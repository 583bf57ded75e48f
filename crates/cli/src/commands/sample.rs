use anyhow::{Context as _, Result};
use ndarray::{Array2, arr0};
use ndarray_npy::NpzWriter;
use parapolicy_sampler::{Noise, Sample, Statistics};
use serde::Serialize;

use super::print_json;
use crate::args::{SampleArguments, SamplingArguments};
use crate::failure::{Failure, InputError as _};
use crate::input::PlanInput;
use crate::output::staging::write_file;

/// What is printed.
#[derive(Serialize)]
struct Cost<'a> {
    #[serde(flatten)]
    statistics: &'a Statistics,
    /// How far the plan moved in the last round, if it was cut short.
    residual: Option<f64>,
}

/// Draws one action sequence, writes it, and prints what it took.
pub fn sample(arguments: &SampleArguments) -> Result<(), Failure> {
    let budget = arguments.budget.budget()?;
    let runtime = arguments.model.runtime.find()?;
    let mut policy = arguments.model.load(&runtime)?;
    let SamplingArguments { solver, steps, window } = &arguments.sampling;
    let settled = window.settle(arguments.sampler, &mut policy, *solver, *steps, |_| Ok(Vec::new()))?;
    let mut sampler = settled.sampler(&policy, *solver, *steps).input()?;
    let input = PlanInput::load(&arguments.input).input()?;
    let drawn = Noise::draw(arguments.seed, sampler.table().steps(), sampler.dim());
    let (horizon, action_dim) = (policy.manifest().horizon, policy.manifest().action_dim());
    let of_input = || arguments.input.display().to_string();
    let noise = input.noise(&drawn, horizon, action_dim).with_context(of_input).input()?;

    let mut denoiser = policy.bind(input.observation.view()).with_context(of_input).input()?;
    let drawn = sampler.sample_within(budget, &mut denoiser, &noise)?;
    let actions = policy.actions(drawn.sample());
    write_file(&arguments.output, |file| write_plan(file, &actions, drawn))?;
    if let Some(residual) = drawn.residual() {
        eprintln!("cut short: in the last round the plan still moved by {residual:.4} (root mean square, normalised)");
    }
    print_json(&Cost { statistics: drawn.statistics(), residual: drawn.residual() })
}

fn write_plan(file: &mut std::fs::File, actions: &Array2<f64>, drawn: Sample<'_>) -> Result<()> {
    let mut npz = NpzWriter::new_compressed(file);
    npz.add_array("actions", actions)?;
    npz.add_array("sample", &drawn.sample().to_shape(actions.dim())?)?;
    if let Some(residual) = drawn.residual() {
        npz.add_array("residual", &arr0(residual))?;
    }
    npz.finish()?;
    Ok(())
}
