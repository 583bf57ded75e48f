//! `parapolicy tune`: which sampler, how many steps, on this machine.

mod candidates;
mod episodes;
mod measure;

use std::time::SystemTime;

use anyhow::{Context as _, anyhow, ensure};
use ndarray::Array2;
use parapolicy_control::tuned::{Conditions, LeftOut, Margins, SCHEMA_VERSION, Tuned, TunedKey, Wanted};
use parapolicy_eval::drawn_observations;
use parapolicy_policy::{Manifest, Network};

use self::candidates::{candidates, networks};
use self::measure::{Plans, Trial, measure};
use super::observations::meet;
use super::{command_line, print_json, seeds};
use crate::args::TuneArguments;
use crate::environments::Place;
use crate::failure::{Failure, InputError as _};
use crate::input;
use crate::output::staging::Staging;
use crate::output::{page, plot, table};
use crate::say::{say, tell};
use crate::stop::Stop;
use parapolicy_report::machine;

/// The files that are written.
const FILES: [&str; 3] = ["tune.html", "tuned.json", "tune.svg"];

/// Measures candidates beside each other, plays episodes with those that are worth it, and says which to take.
pub fn tune(arguments: &TuneArguments) -> Result<(), Failure> {
    arguments.check().input()?;
    let stop = Stop::listen()?;
    let manifest = arguments.model.manifest()?;
    let place = arguments.place(&manifest)?;
    let staging = Staging::new(&arguments.out, &FILES)?;
    let mut networks = networks(&arguments.model)?;
    let key = key(&networks)?;
    Tuned::check_store(&key)?;
    let (mut candidates, mut left_out) = candidates(arguments, &networks)?;
    let (observed, observations) = arguments.observe(&mut networks[0], place.as_ref())?;

    let plans = Plans { observations: &observations, count: usize::try_from(arguments.plans)?, seed: arguments.seed };
    let Trial { measured, load } = measure(&mut candidates, &mut networks, &plans)?;
    let mut settings = Vec::new();
    let mut able = Vec::new();
    for (candidate, measured) in candidates.into_iter().zip(measured) {
        match measured {
            Ok(measured) => {
                settings.push(measured);
                able.push(candidate);
            }
            Err(why) => left_out.push(LeftOut { setting: candidate.setting, why }),
        }
    }
    if let Some(place) = place.as_ref().filter(|_| arguments.episodes > 0) {
        let players = episodes::players(&mut settings);
        let mut environment = place.make(&manifest)?;
        let seeds = seeds(arguments.seed, arguments.episodes, &mut *environment)?;
        episodes::play(&mut able, &mut networks, &mut *environment, seeds, &players, &mut settings)?;
    }
    let tuned = Tuned {
        schema_version: SCHEMA_VERSION,
        key,
        model: manifest.name.clone(),
        os: machine::describe(networks[0].provider()).os,
        measured_at: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
        command: command_line(),
        conditions: arguments.conditions(observed, observations.len(), place.as_ref()),
        margins: Margins { distance: arguments.distance_margin, reward: arguments.reward_margin },
        load,
        settings,
        left_out,
    };
    arguments.report(&tuned, staging, &stop)
}

fn key(networks: &[Network]) -> Result<TunedKey, Failure> {
    let network = networks.first().context("there is no network")?;
    Ok(TunedKey::new(network.manifest(), network.provider().inference(), network.provider().version()))
}

impl TuneArguments {
    /// Refuses numbers that make no sense before anything is loaded.
    fn check(&self) -> anyhow::Result<()> {
        for (name, margin) in [("--distance-margin", self.distance_margin), ("--reward-margin", self.reward_margin)] {
            ensure!(margin.is_finite() && margin >= 0.0, "{name} is {margin}, but must be a number, 0 or more");
        }
        Ok(())
    }

    /// Where episodes are played and observations met; none where no environment takes the policy, or none is wanted.
    fn place(&self, manifest: &Manifest) -> Result<Option<Place>, Failure> {
        if self.drawn || self.input.is_some() {
            return Ok(None);
        }
        match self.place.find(manifest) {
            Ok(place) => Ok(Some(place)),
            Err(Failure::Input(why)) if self.place.is_unnamed() => {
                tell!(
                    "tune: {why}; observations are drawn from the ranges in the manifest, and no episodes are played"
                );
                Ok(None)
            }
            Err(failure) => Err(failure),
        }
    }

    /// The observations to plan for, and where they come from.
    fn observe(&self, policy: &mut Network, place: Option<&Place>) -> Result<(String, Vec<Array2<f64>>), Failure> {
        let count = usize::try_from(self.observations)?;
        if let Some(path) = &self.input {
            let of_input = || path.display().to_string();
            let given = input::observations(path).with_context(of_input).input()?;
            given.iter().try_for_each(|one| policy.bind(one.view()).map(drop)).with_context(of_input).input()?;
            return Ok((of_input(), given));
        }
        let Some(place) = place else { return Ok(("drawn".into(), drawn_observations(policy.manifest(), count))) };
        let mut environment = place.make(policy.manifest())?;
        // Spread over several episodes: those of one are alike.
        let met = meet(policy, &mut *environment, self.seed, 4 * count)?;
        let spread = (0..count).map(|index| met[index * met.len() / count].clone());
        Ok((format!("met in {}", place.environment), spread.collect()))
    }

    fn conditions(&self, observed: String, observations: usize, place: Option<&Place>) -> Conditions {
        Conditions {
            observed,
            observations,
            plans: usize::try_from(self.plans).unwrap_or(usize::MAX),
            seed: self.seed,
            episodes: if place.is_some() { self.episodes } else { 0 },
            environment: place.map(|place| place.environment.to_string()),
            scenario: place.map(|place| place.scenario.name().to_owned()),
        }
    }

    /// Writes the files, prints table and sentences, and keeps what was measured for `--tuned`.
    fn report(&self, tuned: &Tuned, mut staging: Staging, stop: &Stop) -> Result<(), Failure> {
        let sentences: Vec<String> = self
            .within
            .iter()
            .filter_map(|within| Some(tuned.recommend(*within, &Wanted::default())?.to_string()))
            .collect();
        staging.write(FILES[0], |file| page::tune::write(tuned, &sentences, file))?;
        staging.write(FILES[1], |file| Ok(serde_json::to_writer_pretty(file, tuned)?))?;
        staging.write(FILES[2], |file| plot::tune::draw(tuned, file))?;
        let files = staging.publish()?;
        let kept = self.keep(tuned, stop)?;
        if self.json {
            print_json(tuned)?;
            tell!("tune: {kept}");
        } else {
            let sentences = sentences.join("\n");
            say(format_args!("{}\n{sentences}", table::render_tuned(tuned)))?;
            say(format_args!("written to {}: {}; {kept}", self.out.display(), files.join(", ")))?;
        }
        stop.check("the episodes until then are reported, and nothing is kept for --tuned")
    }

    /// Keeps it, and says where; or why not.
    fn keep(&self, tuned: &Tuned, stop: &Stop) -> Result<String, Failure> {
        if stop.is_asked() {
            return Ok("not kept for --tuned, as it was stopped before its end".to_owned());
        }
        if tuned.load.busy && !self.force {
            return Ok(
                "not kept for --tuned, as the machine was busy: run it again when nothing else does, or with --force"
                    .to_owned(),
            );
        }
        Ok(format!("kept for --tuned in {}", tuned.store()?.display()))
    }
}

/// What `--tuned` is told of: the sentence, and that the machine was busy.
pub fn tell_of(tuned: &Tuned, within: std::time::Duration, wanted: &Wanted) -> Result<(), Failure> {
    let recommendation = tuned.recommend(within, wanted).ok_or_else(|| anyhow!("there is no setting to take"))?;
    tell!("tuned: {recommendation}");
    if tuned.load.busy {
        tell!("tuned: this was measured on a busy machine; `parapolicy tune` measures again");
    }
    Ok(())
}
