//! Observers of a run: the log, the recording, progress, and failures on standard error.

use std::fmt::Display;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use parapolicy_control::{EpisodeObserver, Observer, StepEvent};
use parapolicy_eval::{RealtimeReport, Recorder};
use parapolicy_files::printable;
use parapolicy_log::{LogFile, LogOptions};
use parapolicy_policy::Manifest;

use super::{Contender, Played};
use crate::args::RunArguments;
use crate::failure::Failure;
use crate::progress::RunProgress;

/// The log's name; a number follows it where there is one.
const LOG: &str = "episodes.mcap";

/// Numbers that a scene may have in the log: those of PushT with 80 discs to keep out of.
const SCENE: usize = 256;

/// The observers of a run, some a contender.
pub struct Observers {
    log: LogFile,
    recorder: Recorder,
    contenders: Vec<Vec<Arc<dyn Observer>>>,
}

impl Observers {
    /// For when nothing can be refused any more: the log begins to be written, in the report's folder. Unlike the
    /// report it is written as episodes go, and never over another.
    pub fn new(arguments: &RunArguments, manifest: &Manifest, contenders: &[Contender]) -> Result<Self, Failure> {
        let folder = &arguments.out;
        fs::create_dir_all(folder).with_context(|| format!("{}: could not be created", folder.display()))?;
        let numbers = manifest.observation_dim().max(manifest.sample_dim()).max(SCENE);
        let mut options = LogOptions::new(numbers).drawn_by(arguments.place.find(manifest)?.scenario.sketch());
        if let Some(address) = arguments.live {
            options = options.live(address);
        }
        let log = options.create(&folder.join(LOG))?;
        if let Some(address) = log.live() {
            eprintln!("live at ws://{address}: open it in Foxglove, as a Foxglove WebSocket");
        }
        let recorder = Recorder::of(arguments.seed);
        let of = |Contender { run, .. }: &Contender| -> Vec<Arc<dyn Observer>> {
            vec![Arc::new(log.run(&run.name)), Arc::new(Troubles { name: run.name.clone() })]
        };
        let mut contenders: Vec<_> = contenders.iter().map(of).collect();
        if let Some(shown) = contenders.last_mut() {
            shown.push(Arc::new(recorder.clone()));
        }
        Ok(Self { log, recorder, contenders })
    }

    /// Those of a contender.
    pub fn of(&self, index: usize) -> &dyn Observer {
        &self.contenders[index]
    }

    /// Shows when an episode of a contender is over.
    pub fn show_progress(&mut self, index: usize, name: &str, progress: &RunProgress) {
        self.contenders[index].push(Arc::new(Ends { name: name.to_owned(), progress: progress.clone() }));
    }

    /// What is left when all episodes are over.
    pub fn played(self, in_time: Option<RealtimeReport>) -> Played {
        Played { recording: self.recorder.recording(), in_time, log: self.log }
    }
}

/// Prints failures of plans on standard error.
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
        eprintln!("{}, {:.2} s: {}", self.episode, time.as_secs_f64(), printable(&words.to_string()));
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
