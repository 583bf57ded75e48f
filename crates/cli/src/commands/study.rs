//! What latency costs.

mod lanes;

use anyhow::anyhow;
use ndarray::Array2;
use parapolicy_control::{Machine, Model, PushT, SamplerReport};
use parapolicy_pusht::Scenario;
use parapolicy_policy::{Deviation, Policy};
use parapolicy_sampler::Sampler;
use serde::Serialize;

use self::lanes::{lanes, play, rows};
use super::in_time::controller;
use super::observations::meet;
use super::precision::from_f32;
use super::{Settled, print_json};
use crate::args::{LONGEST_LATENCY, LatencyStudyArguments, SamplingArguments};
use crate::failure::{Failure, InputError as _};
use crate::machine;
use crate::output::staging::Staging;
use crate::output::{page, plot, table};
use crate::progress::RunProgress;

/// The form of `study.json`.
#[derive(Debug, Serialize)]
pub struct Study {
    pub command: Vec<String>,
    pub machine: Machine,
    /// How far the network computes from f32; none in f32.
    pub deviation: Option<Deviation>,
    pub model: Model,
    pub solver: String,
    pub steps: usize,
    pub blend: String,
    pub late: String,
    pub groups: Vec<Group>,
}

/// Rows that differ in one thing, on the same seeds of one scenario. `reward_difference` is to the first of them.
#[derive(Debug, Serialize)]
pub struct Group {
    pub varied: Varied,
    pub scenario: String,
    pub rows: Vec<Row>,
}

/// In what rows differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Varied {
    /// The latency that is stated.
    Latency,
    /// The replanning interval.
    Replan,
    /// The sampler, and its latency with it, as measured.
    Sampler,
}

#[derive(Debug, Serialize)]
pub struct Row {
    /// As stated, in milliseconds; none if it is measured.
    pub latency_ms: Option<f64>,
    /// Control steps from one plan to the next.
    pub replan: usize,
    pub result: SamplerReport,
}

/// Plays every row and writes table, JSON and plot.
pub fn latency(arguments: &LatencyStudyArguments) -> Result<(), Failure> {
    if arguments.latencies.iter().chain([&arguments.latency]).any(|latency| *latency > LONGEST_LATENCY) {
        return Err(anyhow!("more than an hour of latency is not simulated")).input();
    }
    let scenarios = arguments.scenarios.iter().map(|path| Scenario::load(path));
    let scenarios = scenarios.collect::<Result<Vec<_>, _>>().input()?;
    let mut staging = Staging::new(&arguments.out)?;
    let mut policy = arguments.model.load()?;
    let (settled, mut samplers) = samplers(arguments, &mut policy, &scenarios)?;
    let SamplingArguments { solver, steps, .. } = arguments.sampling;
    let met = |policy: &mut Policy| met(policy, &scenarios, arguments.seed);
    let deviation = from_f32(&arguments.model, &mut policy, solver, steps, met)?;
    let config = controller(policy.manifest(), None, None, Some(arguments.blend), Some(arguments.late));
    let each = arguments.latencies.len() + arguments.intervals.len() + samplers.len();
    let progress = RunProgress::new((scenarios.len() * each) as u64 * arguments.episodes);
    let mut groups = Vec::new();
    for varied in [Varied::Latency, Varied::Replan, Varied::Sampler] {
        for scenario in &scenarios {
            let mut environment = PushT::new(scenario.clone(), policy.manifest()).input()?;
            let mut lanes = lanes(arguments, varied, policy.manifest().n_action_steps, &settled, &samplers);
            for seed in arguments.seed..arguments.seed + arguments.episodes {
                for lane in &mut lanes {
                    let sampler = &mut samplers[lane.sampler];
                    play(lane, &config, &mut policy, sampler, &mut environment, seed)?;
                    progress.episode_done(&lane.run);
                }
            }
            groups.push(Group { varied, scenario: scenario.name.clone(), rows: rows(&lanes)? });
        }
    }
    progress.finish();

    let manifest = policy.manifest();
    let study = Study {
        command: std::env::args().collect(),
        machine: machine::describe(policy.provider()),
        deviation,
        model: Model { name: manifest.name.clone(), sha256: manifest.denoiser.sha256.clone() },
        solver: arguments.sampling.solver.to_string(),
        steps: arguments.sampling.steps,
        blend: arguments.blend.to_string(),
        late: arguments.late.to_string(),
        groups,
    };
    staging.write("study.html", |file| page::study::write(&study, file))?;
    staging.write("study.json", |file| Ok(serde_json::to_writer_pretty(file, &study)?))?;
    staging.write("study.svg", |file| plot::study::draw(&study, file))?;
    let files = staging.publish()?;
    if arguments.json {
        return print_json(&study);
    }
    println!("{}", table::render_study(&study));
    println!("written to {}: {}", arguments.out.display(), files.join(", "));
    Ok(())
}

fn samplers(
    arguments: &LatencyStudyArguments,
    policy: &mut Policy,
    scenarios: &[Scenario],
) -> Result<(Vec<Settled>, Vec<Sampler>), Failure> {
    let SamplingArguments { solver, steps, window } = &arguments.sampling;
    let (mut settled, mut samplers) = (Vec::new(), Vec::new());
    for &name in &arguments.samplers {
        let one = window.settle(name, policy, *solver, *steps, |policy| met(policy, scenarios, arguments.seed))?;
        samplers.push(one.sampler(policy, *solver, *steps).input()?);
        settled.push(one);
    }
    Ok((settled, samplers))
}

/// What the policy meets in the first of the scenarios.
fn met(policy: &mut Policy, scenarios: &[Scenario], seed: u64) -> Result<Vec<Array2<f64>>, Failure> {
    let Some(scenario) = scenarios.first() else { return Ok(Vec::new()) };
    let mut environment = PushT::new(scenario.clone(), policy.manifest()).input()?;
    meet(policy, &mut environment, seed, 1)
}
