//! The loops: lockstep, several environments together, on the wall clock, on simulated time.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use parapolicy_control::clock::{VirtualClock, WallClock};
use parapolicy_control::controller::{Controller, ControllerConfig, SamplingTime, SimulatedController};
use parapolicy_control::{BatchedDiffusionPolicy, DiffusionPolicy, Environment, Observer};
use parapolicy_eval::{Recorder, Recordings, run_episode, run_episode_in_realtime, run_episodes};
use parapolicy_log::{LogFile, LogOptions};
use parapolicy_policy::{Manifest, Network};
use parapolicy_report::LOG;
use parapolicy_sampler::BatchedSampler;
use pyo3::exceptions::PyValueError;

use super::contenders::Contender;
use super::environment::PyEnvironment;
use super::film::Film;
use super::wrong;
use crate::failure::Failure;

/// Whose time counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Loop {
    /// The environment waits; so many play at once.
    Lockstep(usize),
    /// It does not wait, on the wall clock.
    Real,
    /// It does not wait, on simulated time.
    Virtual,
}

impl Loop {
    /// By its name in Python, for so many environments.
    pub fn named(name: &str, environments: usize) -> Result<Self, Failure> {
        let found = match name {
            "lockstep" => Self::Lockstep(environments),
            "real" => Self::Real,
            "virtual" => Self::Virtual,
            _ => return Err(wrong(&format!("clock is '{name}', but must be 'lockstep', 'real' or 'virtual'"))),
        };
        match found {
            Self::Real | Self::Virtual if environments != 1 => {
                Err(wrong(&format!("environments is {environments}, but a {name} clock has one at a time")))
            }
            found => Ok(found),
        }
    }

    /// Refuses what is given of these options of a loop that does not wait, where it does: by name.
    pub fn takes(&self, options: &[(&str, bool)]) -> Result<(), Failure> {
        match (self, options.iter().find(|(_, given)| *given)) {
            (Self::Lockstep(_), Some((name, _))) => {
                Err(wrong(&format!("{name}: only with clock='virtual' or clock='real'")))
            }
            _ => Ok(()),
        }
    }

    /// The clock's name, where the environment does not wait.
    pub fn clock(&self) -> Option<&'static str> {
        match self {
            Self::Lockstep(_) => None,
            Self::Real => Some("real"),
            Self::Virtual => Some("virtual"),
        }
    }

    /// Environments that play at once.
    pub fn together(&self) -> usize {
        if let Self::Lockstep(environments) = self { *environments } else { 1 }
    }
}

/// What is played.
pub struct Played<'a> {
    pub network: &'a mut Network,
    pub environments: Vec<PyEnvironment>,
    pub contenders: &'a mut [Contender],
    pub seeds: Range<u64>,
    pub config: ControllerConfig,
    pub sampling: SamplingTime,
    pub directory: &'a Path,
    pub film: &'a Film,
    pub log: Option<&'a LogFile>,
}

/// Plays every seed with every contender, in turn where one environment is there; episodes to be shown are recorded.
pub fn play(clock: &Loop, mut played: Played<'_>) -> Result<Recordings, Failure> {
    let recorder = Recorder::of(played.seeds.start);
    let count = played.contenders.len();
    let is_shown = |index: usize| Recorder::shows(index, count, clock.together() > 1);
    let observers = |index: usize, played: &Played<'_>| {
        let name = &played.contenders[index].run.name;
        let logged = played.log.map(|log| Arc::new(log.run(name)) as Arc<dyn Observer>);
        let shown = is_shown(index).then(|| Arc::new(recorder.sampler(name)) as Arc<dyn Observer>);
        logged.into_iter().chain(shown).collect::<Vec<_>>()
    };
    let observers: Vec<_> = (0..count).map(|index| observers(index, &played)).collect();
    match clock {
        Loop::Lockstep(1) => played.in_turn(&observers, Played::lockstep)?,
        Loop::Lockstep(_) => played.together(&observers)?,
        Loop::Virtual => played.in_turn(&observers, Played::virtually)?,
        Loop::Real => played.in_real_time(&observers)?,
    }
    Ok(recorder.recordings())
}

/// Plays one episode: contender, seed, and who is told.
type One<'a> = fn(&mut Played<'a>, usize, u64, &dyn Observer) -> Result<(), Failure>;

impl<'a> Played<'a> {
    /// Every seed with every contender in turn, so that other load affects all of them alike.
    fn in_turn(&mut self, observers: &[Vec<Arc<dyn Observer>>], one: One<'a>) -> Result<(), Failure> {
        for seed in self.seeds.clone() {
            for (index, observer) in observers.iter().enumerate() {
                self.film.arm(Recorder::shows(index, observers.len(), false));
                one(self, index, seed, observer)?;
            }
        }
        Ok(())
    }

    fn lockstep(&mut self, index: usize, seed: u64, observer: &dyn Observer) -> Result<(), Failure> {
        let Self { network, environments, contenders, .. } = self;
        let (sampler, budget, run) = ready(&mut contenders[index])?;
        let mut driver = DiffusionPolicy::new(&mut **network, sampler).within(budget);
        run.add(&run_episode(&mut driver, &mut environments[0], seed, observer)?);
        Ok(())
    }

    fn virtually(&mut self, index: usize, seed: u64, observer: &dyn Observer) -> Result<(), Failure> {
        let Self { network, environments, contenders, config, sampling, .. } = self;
        let (sampler, budget, run) = ready(&mut contenders[index])?;
        let mut driver = DiffusionPolicy::new(&mut **network, sampler).within(budget);
        let mut commands = SimulatedController::new(config.clone(), &mut driver, sampling.clone())?;
        let (clock, period) = (&mut VirtualClock::default(), config.playback.period);
        let (episode, timing) =
            run_episode_in_realtime(clock, &mut commands, &mut environments[0], period, seed, observer)?;
        run.add_in_time(&episode, &timing);
        Ok(())
    }

    /// Each contender with a worker of its own.
    fn in_real_time(&mut self, observers: &[Vec<Arc<dyn Observer>>]) -> Result<(), Failure> {
        let start = |contender: &Contender| {
            let recipe = contender.recipe().clone();
            let loaded = recipe.load(self.directory)?;
            Ok::<_, Failure>(Controller::start(
                self.config.clone(),
                recipe.maker(self.directory.into(), loaded, false),
            )?)
        };
        let mut controllers = self.contenders.iter().map(start).collect::<Result<Vec<_>, _>>()?;
        for seed in self.seeds.clone() {
            for (index, (controller, observer)) in controllers.iter_mut().zip(observers).enumerate() {
                self.film.arm(Recorder::shows(index, observers.len(), false));
                let (clock, period) = (&mut WallClock::default(), self.config.playback.period);
                let played =
                    run_episode_in_realtime(clock, controller, &mut self.environments[0], period, seed, observer);
                let (episode, timing) = played?;
                self.contenders[index].run.add_in_time(&episode, &timing);
            }
        }
        Ok(())
    }

    /// One contender after the other, the plans of several environments drawn in shared batches.
    fn together(&mut self, observers: &[Vec<Arc<dyn Observer>>]) -> Result<(), Failure> {
        let boxed = self.environments.drain(..).map(|environment| Box::new(environment) as Box<dyn Environment>);
        let mut environments: Vec<Box<dyn Environment>> = boxed.collect();
        for (index, observer) in observers.iter().enumerate() {
            self.film.arm(index + 1 == observers.len());
            let plans = environments.len();
            let recipe = self.contenders[index].recipe().clone();
            let mut sampler: BatchedSampler = recipe.batched_sampler(self.network.manifest(), plans)?;
            let mut driver = BatchedDiffusionPolicy::new(self.network, &mut sampler).within(recipe.budget);
            for episode in run_episodes(&mut driver, &mut environments, self.seeds.clone(), observer)? {
                self.contenders[index].run.add(&episode);
            }
        }
        Ok(())
    }
}

/// What a contender plays with.
fn ready(
    contender: &mut Contender,
) -> Result<(&mut parapolicy_sampler::Sampler, parapolicy_sampler::Budget, &mut parapolicy_eval::SamplerRun), Failure> {
    contender.parts().ok_or_else(|| PyValueError::new_err("samplers: one was not made ready").into())
}

/// The log in the report's folder; a number follows its name where there is one already.
pub fn log(folder: &Path, manifest: &Manifest) -> Result<LogFile, Failure> {
    let failed = |source| parapolicy_report::OutputError::Write { path: folder.into(), source };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let numbers = manifest.observation_dim().max(manifest.sample_dim());
    Ok(LogOptions::new(numbers).create(&folder.join(LOG))?)
}

/// Closes the log; its name.
pub fn finish(log: LogFile) -> Result<String, Failure> {
    let name = log.path().file_name().unwrap_or_default().to_string_lossy().into_owned();
    log.finish()?;
    Ok(name)
}
