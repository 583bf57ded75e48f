//! Studies the effect of latency on reward.

mod conditions;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Result, anyhow};
use ndarray::Array2;
use parapolicy_control::controller::ControllerConfig;
use parapolicy_control::playback::PlaybackConfig;
use parapolicy_eval::realtime::controller_config;
use parapolicy_eval::study::{Group, SCHEMA_VERSION, Study, Varied};
use parapolicy_eval::{Interrupted, Model};
use parapolicy_policy::{Manifest, Network};
use parapolicy_pusht::PUSHT;
use parapolicy_sampler::Sampler;
use serde_json::{Value, json};

use self::conditions::{conditions, play, rows};
use super::observations::meet;
use super::precision::from_f32;
use super::{Settled, command_line, print_json, seeds, written_to};
use crate::args::{LONGEST_LATENCY, LatencyStudyArguments, Rule, SamplingArguments, StudyMergeArguments};
use crate::environments::Place;
use crate::failure::{Failure, InputError as _};
use crate::journal::Journal;
use crate::output::staging::Staging;
use crate::output::{page, plot, table};
use crate::progress::RunProgress;
use crate::say::say;
use crate::stop::Stop;
use parapolicy_report::machine;

/// What a study writes.
const FILES: [&str; 3] = ["study.html", "study.json", "study.svg"];

/// The second scenario of PushT that is studied.
const SHOVED: &str = "sims/shoved.toml";

/// Plays every row and writes table, JSON and plot.
pub fn latency(arguments: &LatencyStudyArguments) -> Result<(), Failure> {
    if arguments.latencies.iter().chain([&arguments.latency]).any(|latency| *latency > LONGEST_LATENCY) {
        return Err(anyhow!("more than an hour of latency is not simulated")).input();
    }
    let stop = Stop::listen()?;
    let places = places(arguments, &arguments.model.manifest()?)?;
    let mut staging = Staging::new(&arguments.out, &FILES)?;
    let mut policy = arguments.model.load()?;
    let (settled, mut samplers) = samplers(arguments, &mut policy, &places)?;
    let SamplingArguments { solver, steps, .. } = arguments.sampling;
    let met = |policy: &mut Network| met(policy, &places, arguments.seed);
    let deviation = from_f32(&arguments.model, &mut policy, solver, steps, met)?;
    let period =
        places.first().map_or(Ok(Duration::ZERO), |place| Ok::<_, Failure>(place.make(policy.manifest())?.period()))?;
    let config = controller_config(policy.manifest(), period, None, None, Some(arguments.late));
    let each = arguments.latencies.len() * arguments.rules.len() + arguments.intervals.len() + samplers.len();
    let whole = arguments.seed..arguments.seed.saturating_add(arguments.episodes);
    let played = arguments.part.of(whole.clone())?;
    let asked = ((places.len() * each) as u64).saturating_mul(played.end - played.start);
    let progress = RunProgress::new(asked);
    let mut journal = Journal::begin(&arguments.out, arguments.settings(&policy), arguments.resume)?;
    let (mut groups, mut over) = (Vec::new(), 0);
    for (varied, rule) in groups_of(&arguments.rules) {
        for place in &places {
            let config = under(&config, rule);
            let mut environment = place.make(policy.manifest())?;
            let mut conditions = conditions(arguments, varied, policy.manifest().n_action_steps, &settled, &samplers);
            let scenario = place.scenario.name().to_owned();
            seeds(arguments.seed, arguments.episodes, &mut *environment)?;
            'played: for seed in played.clone() {
                for (index, condition) in conditions.iter_mut().enumerate() {
                    let sampler = &mut samplers[condition.sampler];
                    let of = format!("{varied:?} {rule} {scenario} {index} {}", condition.run.name);
                    let known = journal.known(&of, seed).cloned();
                    let played = match known {
                        Some(known) => Some(known),
                        None => play(condition, &config, &mut policy, sampler, &mut *environment, seed)?,
                    };
                    let Some(played) = played else { break 'played };
                    if journal.known(&of, seed).is_none() {
                        journal.keep(&of, &played);
                    }
                    condition.add(&played);
                    over += 1;
                    progress.episode_done(&condition.run);
                }
            }
            conditions.retain(|condition| !condition.run.is_empty());
            if !conditions.is_empty() {
                groups.push(Group { varied, scenario, rule: rule.to_string(), rows: rows(&conditions)? });
            }
        }
    }
    progress.finish();
    let is_whole = over == asked;
    if groups.is_empty() {
        stop.check("before the first episode was over; nothing was measured")?;
    }

    let manifest = policy.manifest();
    let study = Study {
        schema_version: SCHEMA_VERSION,
        command: command_line(),
        machine: machine::describe(policy.provider()),
        deviation,
        model: Model { name: manifest.name.clone(), sha256: manifest.denoiser.sha256.clone() },
        solver: arguments.sampling.solver.to_string(),
        steps: arguments.sampling.steps,
        late: arguments.late.to_string(),
        interrupted: (!is_whole).then_some(Interrupted { episodes_asked: asked, episodes: over }),
        shard: arguments.part.report(whole),
        parts: Vec::new(),
        missing: Vec::new(),
        groups,
    };
    let written = write(&study, &mut staging).and_then(|()| staging.publish());
    if written.is_ok() && is_whole {
        journal.remove();
    }
    tell(&study, arguments.json, &arguments.out, written)?;
    if is_whole { Ok(()) } else { stop.check("the episodes so far are reported; --resume goes on") }
}

/// Puts the parts of a study together, and writes what a study of all their episodes would have left.
pub fn merge(arguments: &StudyMergeArguments) -> Result<(), Failure> {
    let StudyMergeArguments { studies, out, json } = arguments;
    let named = |path: &PathBuf| -> Result<_, Failure> { Ok((path.display().to_string(), Study::load(path).input()?)) };
    let parts = studies.iter().map(named).collect::<Result<Vec<_>, _>>()?;
    let study = parapolicy_eval::study::merge(&parts).input()?;
    let mut staging = Staging::new(out, &FILES)?;
    let written = write(&study, &mut staging).and_then(|()| staging.publish());
    tell(&study, *json, out, written)
}

/// Says what was found, whether or not there was room for the files.
fn tell(study: &Study, json: bool, out: &Path, written: Result<Vec<String>>) -> Result<(), Failure> {
    if json {
        print_json(study)?;
    } else {
        say(table::render_study(study))?;
    }
    let files = written?;
    if json { Ok(()) } else { say(written_to(out, &files)) }
}

/// What is varied, and under which rule: latencies under each of them.
fn groups_of(rules: &[Rule]) -> impl Iterator<Item = (Varied, Rule)> + '_ {
    let latencies = rules.iter().map(|rule| (Varied::Latency, *rule));
    let others = rules.iter().take(1).flat_map(|rule| [(Varied::Replan, *rule), (Varied::Sampler, *rule)]);
    latencies.chain(others)
}

/// The configuration under a rule.
fn under(config: &ControllerConfig, rule: Rule) -> ControllerConfig {
    let playback = PlaybackConfig { blend: rule.blend(), ..config.playback.clone() };
    ControllerConfig { playback, continuity: rule.continuity(), ..config.clone() }
}

fn write(study: &Study, staging: &mut Staging) -> Result<()> {
    staging.write("study.html", |file| page::study::write(study, file))?;
    staging.write("study.json", |file| Ok(serde_json::to_writer_pretty(file, study)?))?;
    staging.write("study.svg", |file| plot::study::draw(study, file))
}

impl LatencyStudyArguments {
    /// What all episodes have in common.
    fn settings(&self, policy: &Network) -> Value {
        let manifest = policy.manifest();
        json!({
            "model": manifest.denoiser.sha256,
            "inference": policy.provider().to_string(),
            "sampling": format!("{:?}", self.sampling),
            "samplers": format!("{:?}", self.samplers),
            "environment": format!("{:?}", self.environment),
            "scenarios": format!("{:?}", self.scenarios),
            "latencies": format!("{:?}, {:?}", self.latencies, self.latency),
            "intervals": format!("{:?}, {:?}", self.intervals, self.replan),
            "rules": format!("{:?}", self.rules),
            "late": self.late.to_string(),
            "shard": self.part.shard,
        })
    }
}

fn samplers(
    arguments: &LatencyStudyArguments,
    policy: &mut Network,
    places: &[Place],
) -> Result<(Vec<Settled>, Vec<Sampler>), Failure> {
    let SamplingArguments { solver, steps, window } = &arguments.sampling;
    let (mut settled, mut samplers) = (Vec::new(), Vec::new());
    for &name in &arguments.samplers {
        let one = window.settle(name, policy, *solver, *steps, |policy| met(policy, places, arguments.seed))?;
        samplers.push(one.sampler(policy.signature(), *solver, *steps).input()?);
        settled.push(one);
    }
    Ok((settled, samplers))
}

/// Where the policy is played: in PushT, where no scenarios are named, nominally and shoved.
fn places(arguments: &LatencyStudyArguments, manifest: &Manifest) -> Result<Vec<Place>, Failure> {
    let LatencyStudyArguments { environment, scenarios, .. } = arguments;
    let mut places = Place::find_all(*environment, scenarios, manifest)?;
    if scenarios.is_empty() && places.iter().all(|place| place.environment == PUSHT) {
        places.push(Place::find(Some(PUSHT), Some(SHOVED.as_ref()), manifest)?);
    }
    Ok(places)
}

/// What the policy meets in the first of the places.
fn met(policy: &mut Network, places: &[Place], seed: u64) -> Result<Vec<Array2<f64>>, Failure> {
    let Some(place) = places.first() else { return Ok(Vec::new()) };
    let mut environment = place.make(policy.manifest())?;
    meet(policy, &mut *environment, seed, 1)
}
