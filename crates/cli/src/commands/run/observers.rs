//! Observers of a run: the log, the recording, progress, and failures on standard error.

use std::fmt::Display;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use parapolicy_control::trained::RangeWatch;
use parapolicy_control::{EpisodeObserver, Observer, StepEvent};
use parapolicy_eval::realtime::Timing;
use parapolicy_eval::{EpisodeError, RealtimeReport, Recorder, SamplerRun};
use parapolicy_log::{LogFile, LogOptions};
use parapolicy_policy::Manifest;
use parapolicy_report::LOG;

use super::{Contender, Played};
use crate::args::{ClockName, RunArguments};
use crate::failure::Failure;
use crate::journal::{Journal, Played as Episode};
use crate::progress::RunProgress;
use crate::say::tell;
use crate::stop::Stop;

/// Numbers that a scene may have in the log: those of PushT with 80 discs to keep out of.
const SCENE: usize = 256;

/// The observers of a run, some a contender.
pub struct Observers {
    log: Option<LogFile>,
    recorder: Recorder,
    /// The episodes that are over.
    pub journal: Journal,
    /// The first episode's seed, and which contenders play it to be shown.
    shown: (u64, Vec<bool>),
    contenders: Vec<Vec<Arc<dyn Observer>>>,
}

impl Observers {
    /// For when nothing can be refused any more: the log begins to be written, in the report's folder. Unlike the
    /// report it is written as episodes go, and never over another.
    pub fn new(arguments: &RunArguments, manifest: &Manifest, contenders: &[Contender]) -> Result<Self, Failure> {
        let folder = &arguments.out;
        fs::create_dir_all(folder).with_context(|| format!("{}: could not be created", folder.display()))?;
        let journal = Journal::begin(folder, arguments.settings(manifest), arguments.resume)?;
        let is_logged = arguments.only.is_empty() || arguments.only.iter().any(|name| name == LOG);
        let log = is_logged.then(|| log(arguments, manifest)).transpose()?;
        let recorder = Recorder::of(arguments.seeds().start);
        let (count, together) = (contenders.len(), arguments.environments > 1);
        let shown: Vec<bool> = (0..count).map(|index| Recorder::shows(index, count, together)).collect();
        let of = |(Contender { run, .. }, is_shown): (&Contender, &bool)| -> Vec<Arc<dyn Observer>> {
            let troubles = Troubles { name: run.name.clone() };
            let logged = log.iter().map(|log| Arc::new(log.run(&run.name)) as Arc<dyn Observer>);
            let others: [Arc<dyn Observer>; 2] = [Arc::new(troubles), Arc::new(Stop::current())];
            let recorded = is_shown.then(|| Arc::new(recorder.sampler(&run.name)) as Arc<dyn Observer>);
            let told: Vec<_> = logged.chain(others).chain(recorded).collect();
            match arguments.realtime.clock {
                // Nothing else looks at observations there.
                ClockName::Lockstep => {
                    let watch: Arc<dyn Observer> = Arc::new(RangeWatch::new(manifest, Arc::new(told)));
                    vec![watch]
                }
                _ => told,
            }
        };
        let observers = contenders.iter().zip(&shown).map(of).collect();
        Ok(Self { log, recorder, journal, shown: (arguments.seeds().start, shown), contenders: observers })
    }

    /// Those of a contender.
    pub fn of(&self, index: usize) -> &dyn Observer {
        &self.contenders[index]
    }

    /// The episode that a contender has played already, before the run was stopped. Those of the first seed that are to be shown are
    /// played again.
    pub fn known(&self, index: usize, name: &str, seed: u64) -> Option<Episode> {
        let (first, shown) = &self.shown;
        let is_shown = shown[index] && seed == *first;
        self.journal.known(name, seed).filter(|_| !is_shown).cloned()
    }

    /// Takes the episode into account that was played already; whether there was one.
    pub fn add_known(&self, index: usize, run: &mut SamplerRun, seed: u64) -> bool {
        match self.known(index, &run.name, seed) {
            Some(Episode { episode, timing: Some(timing) }) => run.add_in_time(&episode, &timing),
            _ => return false,
        }
        true
    }

    /// Takes an episode of a realtime loop into account; whether it was played to its end.
    pub fn take(
        &mut self,
        run: &mut SamplerRun,
        played: Result<(parapolicy_eval::Episode, Timing), EpisodeError>,
    ) -> Result<bool, Failure> {
        let (episode, timing) = match played {
            Err(error) if error.is_cancelled() => return Ok(false),
            played => played?,
        };
        run.add_in_time(&episode, &timing);
        self.journal.keep(&run.name, &Episode { episode, timing: Some(timing) });
        Ok(true)
    }

    /// Shows when an episode of a contender is over.
    pub fn show_progress(&mut self, index: usize, name: &str, progress: &RunProgress) {
        self.contenders[index].push(Arc::new(Ends { name: name.to_owned(), progress: progress.clone() }));
    }

    /// What is left when all episodes are over.
    pub fn played(self, in_time: Option<RealtimeReport>) -> Played {
        Played { recordings: self.recorder.recordings(), in_time, log: self.log, journal: self.journal }
    }
}

/// The log, in the report's folder, and shown live where that is asked for. A number follows its name where there is one.
fn log(arguments: &RunArguments, manifest: &Manifest) -> Result<LogFile, Failure> {
    let numbers = manifest.observation_dim().max(manifest.sample_dim()).max(SCENE);
    let mut options = LogOptions::new(numbers).drawn_by(arguments.place.find(manifest)?.scenario.sketch());
    if let Some(address) = arguments.live {
        options = options.live(address);
    }
    let log = options.create(&arguments.out.join(LOG))?;
    if let Some(address) = log.live() {
        tell!("live at ws://{address}: open it in Foxglove, as a Foxglove WebSocket");
    }
    Ok(log)
}

/// Prints failures of plans, and observations unlike those of the training, on standard error.
struct Troubles {
    name: String,
}

impl Observer for Troubles {
    fn begin(&self, seed: u64) -> Arc<dyn EpisodeObserver> {
        Arc::new(EpisodeTroubles { episode: format!("{}, seed {seed}", self.name) })
    }
}

struct EpisodeTroubles {
    episode: String,
}

impl EpisodeObserver for EpisodeTroubles {
    fn event(&self, time: Duration, _kind: &'static str, words: &dyn Display) {
        tell!("{}, {:.2} s: {words}", self.episode, time.as_secs_f64());
    }
}

/// Counts the episodes that are over.
struct Ends {
    name: String,
    progress: RunProgress,
}

impl Observer for Ends {
    fn begin(&self, _seed: u64) -> Arc<dyn EpisodeObserver> {
        Arc::new(Self { name: self.name.clone(), progress: self.progress.clone() })
    }
}

impl EpisodeObserver for Ends {
    fn step(&self, event: &StepEvent<'_>) {
        if event.outcome.over {
            self.progress.episode_over(&self.name);
        }
    }
}
