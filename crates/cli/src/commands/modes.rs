//! `parapolicy modes`: draws many plans for an observation, and says how many ways are in them.

mod demonstrations;
mod report;
mod search;
mod situation;

use anyhow::{Context as _, anyhow};
use ndarray::{Array2, Array3, Axis, s, stack};
use parapolicy_eval::Model;
use parapolicy_policy::{Network, Origin};
use parapolicy_sampler::{BatchedSampler, Budget, Noise};

pub use self::demonstrations::Near;
pub use self::report::{ModeReport, ModesReport, Share, SituationReport};
pub use self::situation::Situation;
use super::{command_line, print_json};
use crate::args::{ModesArguments, SamplingArguments};
use crate::auto_sampler::SamplerName;
use crate::failure::{Failure, InputError as _};
use crate::output::staging::Staging;
use crate::output::{page, table};
use crate::say::say;
use crate::stop::Stop;
use parapolicy_report::machine;

/// What is written.
const FILES: [&str; 3] = ["modes.html", "modes.json", "modes.svg"];
/// Plans of one observation, and of each of an episode's.
const PLANS: [u64; 2] = [256, 64];

/// Plans that were drawn for a situation.
pub struct Drawn {
    /// `[plans, horizon, action_dim]`, raw units.
    pub actions: Array3<f64>,
    /// The actions that are compared, `[plans, actions, action_dim]`, normalised.
    pub compared: Array3<f64>,
    /// What their actions are relative to.
    pub origin: Origin,
}

/// Draws plans, finds their modes, and writes and prints them.
pub fn modes(arguments: &ModesArguments) -> Result<(), Failure> {
    let stop = Stop::listen()?;
    let manifest = arguments.model.manifest()?;
    let actions = arguments.compared(&manifest)?;
    let situations = situation::load(arguments, &manifest)?;
    if arguments.data.is_some() && situations.len() > 1 {
        return Err(anyhow!("--data: say which control step of the episode, with --at")).input();
    }
    let demonstrated = demonstrations::load(arguments, &manifest, actions, &situations)?;
    let mut staging = Staging::new(&arguments.out, &FILES)?;
    let mut policy = arguments.model.load()?;
    let SamplingArguments { solver, steps, window } = &arguments.sampling;
    let name = arguments.sampler.unwrap_or(SamplerName::usual(*steps, Budget::default()));
    let settled = window.settle(name, &mut policy, *solver, *steps, |_| Ok(Vec::new()))?;
    let sampler = settled.sampler(policy.signature(), *solver, *steps).input()?;
    let plans = arguments.plans.unwrap_or(PLANS[usize::from(situations.len() > 1)]);
    let most = usize::try_from(plans).unwrap_or(usize::MAX);
    let mut sampler = BatchedSampler::new(sampler.table().clone(), sampler.strategy(), sampler.dim(), most).input()?;

    let mut drawn = Vec::with_capacity(situations.len());
    for (index, situation) in (0..).zip(&situations) {
        stop.check("nothing was written")?;
        let first = arguments.seed.checked_add(index * plans).filter(|first| first.checked_add(plans).is_some());
        let first =
            first.with_context(|| format!("--seed: {plans} plans from it on go beyond the largest seed")).input()?;
        drawn.push(draw(&mut policy, &mut sampler, situation, first..first + plans, actions)?);
    }
    let found = search::search(arguments, &policy, &situations, &drawn, demonstrated.as_ref())?;
    let manifest = policy.manifest();
    let report = ModesReport {
        schema_version: report::SCHEMA_VERSION,
        command: command_line(),
        machine: machine::describe(policy.provider()),
        model: Model { name: manifest.name.clone(), sha256: manifest.denoiser.sha256.clone() },
        solver: solver.to_string(),
        steps: *steps,
        sampler: settled.name.clone(),
        plans: most,
        actions,
        scale: arguments.scale,
        kept: found.kept,
        demonstrations: found.demonstrations,
        identities: found.identities,
        situations: found.situations,
    };
    let pictures: Vec<page::modes::Picture<'_>> = situations
        .iter()
        .zip(&drawn)
        .zip(&report.situations)
        .map(|((situation, drawn), report)| page::modes::Picture { situation, drawn, report, manifest })
        .collect();
    let demonstrated = demonstrated.as_ref();
    staging.write("modes.html", |file| page::modes::write(&report, &pictures, demonstrated, file))?;
    staging.write("modes.json", |file| Ok(serde_json::to_writer_pretty(file, &report)?))?;
    staging.write("modes.svg", |file| page::modes::picture(&report, &pictures, demonstrated, file))?;
    let files = staging.publish()?;
    if arguments.json {
        return print_json(&report);
    }
    let (text, out) = (table::modes::render(&report), arguments.out.display());
    say(format_args!("{text}\nwritten to {out}: {}", files.join(", ")))
}

impl ModesArguments {
    /// How many actions are compared.
    fn compared(&self, manifest: &parapolicy_policy::Manifest) -> Result<usize, Failure> {
        let executed = manifest.executed_steps();
        let most = manifest.horizon - executed.start;
        let actions = self.actions.unwrap_or(executed.len());
        if !(1..=most).contains(&actions) {
            return Err(anyhow!("--actions: a plan of this policy has 1 to {most} of them, not {actions}")).input();
        }
        if !(self.scale > 0.0 && self.scale.is_finite()) {
            return Err(anyhow!("--scale: must be positive and finite")).input();
        }
        Ok(actions)
    }
}

fn draw(
    policy: &mut Network,
    sampler: &mut BatchedSampler,
    situation: &Situation,
    seeds: std::ops::Range<u64>,
    actions: usize,
) -> Result<Drawn, Failure> {
    let noises: Vec<Noise> = seeds.map(|seed| Noise::draw(seed, sampler.table().steps(), sampler.dim())).collect();
    let origin = policy.origin(situation.observation.view()).with_context(|| situation.name()).input()?;
    let mut denoiser = policy.bind(situation.observation.view()).with_context(|| situation.name()).input()?;
    let samples = sampler.sample(&mut denoiser, &noises)?;
    let raw: Vec<Array2<f64>> = samples.iter().map(|drawn| policy.actions(drawn.sample(), &origin)).collect();
    let raw = stack(Axis(0), &raw.iter().map(|plan| plan.view()).collect::<Vec<_>>())?;
    if raw.iter().any(|action| !action.is_finite()) {
        return Err(anyhow!(
            "{}: a plan is not finite; look at the ranges of the observation and of the policy's `normalization`",
            situation.name()
        ))
        .input();
    }
    let manifest = policy.manifest();
    let start = manifest.executed_steps().start;
    let normalized: Vec<Array2<f64>> =
        raw.outer_iter().map(|plan| normalized(policy, plan.slice(s![start..start + actions, ..]), &origin)).collect();
    let compared = stack(Axis(0), &normalized.iter().map(|plan| plan.view()).collect::<Vec<_>>())?;
    Ok(Drawn { actions: raw, compared, origin })
}

/// Actions `[n, action_dim]`, normalised, as in plans for the observation that `origin` is of.
fn normalized(policy: &Network, actions: ndarray::ArrayView2<'_, f64>, origin: &Origin) -> Array2<f64> {
    let flat = policy.normalized_actions(actions, origin);
    Array2::from_shape_fn(actions.dim(), |(row, column)| f64::from(flat[row * actions.ncols() + column]))
}
