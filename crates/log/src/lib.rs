//! Logs a control loop to an MCAP file, for rerun and Foxglove, without ever delaying the loop; and shows it as it goes.
//!
//! ```text
//! control thread, worker  ──full records──▶  writer thread  ──▶  FILE.mcap
//!                         ◀─empty records──                 ──▶  whoever watches (feature `live`)
//! ```
//!
//! Both directions are lock-free queues of a fixed length, and records are reused: a thread that logs neither waits,
//! nor locks, nor allocates. If the writer does not keep up, messages for which no empty record is left are dropped and
//! counted.
//!
//! The writer closes a chunk twice a second, so that the file stays readable up to there if the program is killed. An
//! existing file is never overwritten.
//!
//! The record holds everything, to the bit. [`read`] reads it back.
//!
//! | topic | schema | |
//! |---|---|---|
//! | `/record/observation` | `parapolicy.Observation` | what was observed |
//! | `/record/plan` | `parapolicy.Plan` | a plan: its actions, its cost, and the time of its observation |
//! | `/record/round` | `parapolicy.Round` | the plan after a round of the sampler, where that was requested |
//! | `/record/command` | `parapolicy.Command` | what was sent, where it came from, and why another action was withheld |
//! | `/record/step` | `parapolicy.Step` | reward of a control step, and the scene after it, in a loop that knows them |
//! | `/record/event` | `parapolicy.Event` | an episode that begins or ends, failures in a worker, dropped records |
//! | `/record/latency` | `parapolicy.Latency` | sampling time of a plan; age of the observation behind a command |
//!
//! Beside it stands what viewers show without being told how, of the episode that began last:
//!
//! | topic | schema | rerun | Foxglove |
//! |---|---|---|---|
//! | `/observation`, `/action`, `/reward`, `/latency/sampling_ms`, `/latency/observation_age_ms` | `std_msgs/msg/Float64MultiArray` | plots | `.data[0]` in a plot |
//! | `/scene`, `/scene/block` and so on | `foxglove.FrameTransforms`, `foxglove.PointCloud` | 3D view | 3D panel |
//! | `/plan`, `/plan/rounds`, `/target` | `foxglove.PointCloud` | 3D view | 3D panel |
//! | `/event` | `foxglove.Log` | text log | log panel |
//!
//! A scene is drawn where the log has a [`Sketch`] of the environment. Observations and actions of more than 64 numbers
//! are not plotted.
//!
//! Messages of the record name their `run`, the seed of their `episode`, and the episode's `id`: its number in the file,
//! from 0, which tells episodes of one seed apart. So `/record/command{run=="picard"}{id==3}.action[0]` is a plot in
//! Foxglove.
//!
//! Log times never go back in a file, and follow the loop's clock, whose origin may be anything: an episode's first
//! message is stamped with the time of day, or with the end of what was logged if that is later, as it is on simulated
//! time; the others lie as far from it as the loop says.
//!
//! # Example
//!
//! A run's log is an [`Observer`]: every loop and every controller takes it.
//!
//! ```
//! use std::time::Duration;
//!
//! use ndarray::array;
//! use parapolicy_control::playback::{Command, Source};
//! use parapolicy_log::LogFile;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("robot.mcap");
//! let file = LogFile::create(&path, 64)?; // up to 64 numbers a message
//! let log = file.run("picard").episode(7);
//! let (time, action) = (Duration::from_millis(100), array![0.5, -0.5]);
//! log.observation(time, array![1.0, 2.0, 3.0].view());
//! log.command(time, &Command { action: action.view(), source: Source::Plan, withheld: None, observed: Some(time) });
//! assert_eq!(file.finish()?.dropped, 0);
//!
//! let episodes = parapolicy_log::read(&path)?;
//! assert_eq!((episodes[0].run.as_str(), episodes[0].seed), ("picard", 7));
//! assert_eq!(episodes[0].steps[0].action, action);
//! # Ok(())
//! # }
//! ```

mod clock;
mod display;
#[cfg(feature = "live")]
mod live;
mod message;
mod numbers;
mod options;
mod reader;
mod ring;
mod scene;
mod sinks;
mod topic;
mod writer;

use std::fmt::Display;
use std::io;
#[cfg(feature = "live")]
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use ndarray::ArrayView1;
#[cfg(feature = "live")]
use parapolicy_control::BoxError;
pub use parapolicy_control::Sketch;
use parapolicy_control::playback::Command;
use parapolicy_control::{EpisodeObserver, Observer, Outcome, Plan, PlanEvent, StepEvent};
use thiserror::Error;

use clock::EpisodeClock;
pub use options::LogOptions;
pub use reader::{LogReadError, LoggedEpisode, LoggedPlan, LoggedStep, read};
use ring::{Content, Ring, Run, Stamp};

/// Why a log cannot be written. The loop goes on without it.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LogError {
    /// The file cannot be made.
    #[error("{}: the log cannot be created", path.display())]
    Create {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Nobody can watch.
    #[cfg(feature = "live")]
    #[error("{address}: cannot show the log there; is the address in use, or not of this machine? another port may do")]
    Live {
        /// Where it was to be shown.
        address: SocketAddr,
        /// Why.
        source: BoxError,
    },
    /// The thread could not be started.
    #[error("the thread that writes the log cannot be started")]
    Thread(#[source] io::Error),
    /// Something could not be written; the file is readable to the chunk before.
    #[error("{}: the log could not be written to its end", path.display())]
    Write {
        /// Where.
        path: PathBuf,
        /// Why.
        source: mcap::McapError,
    },
    /// The writer panicked, which is a defect of this library; the file is readable to the last chunk.
    #[error("{}: the thread that writes the log panicked", path.display())]
    Panicked {
        /// Where.
        path: PathBuf,
    },
}

/// A log being written. Dropping it closes the file.
#[derive(Debug)]
pub struct LogFile {
    path: PathBuf,
    #[cfg(feature = "live")]
    live: Option<SocketAddr>,
    ring: Arc<Ring>,
    writer: Option<JoinHandle<Result<u64, mcap::McapError>>>,
}

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogSummary {
    /// Messages of the record. What is drawn of them is not counted.
    pub messages: u64,
    /// Messages that found no empty record.
    pub dropped: u64,
}

impl LogFile {
    /// Creates the file `path`, or if there is one, `path` with the first free number: `a.mcap`, `a-2.mcap`. A message
    /// has at most `numbers` numbers: those of an observation, or of a whole plan.
    ///
    /// # Errors
    /// A file that cannot be created, or no thread.
    pub fn create(path: &Path, numbers: usize) -> Result<Self, LogError> {
        LogOptions::new(numbers).create(path)
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where whoever wants to can watch.
    #[cfg(feature = "live")]
    pub fn live(&self) -> Option<SocketAddr> {
        self.live
    }

    /// What writes the episodes of a run, of this name.
    #[must_use]
    pub fn run(&self, name: &str) -> RunLog {
        RunLog { ring: Arc::clone(&self.ring), run: Arc::new(Run::new(name)) }
    }

    /// Writes the remaining records, and closes the file.
    ///
    /// # Errors
    /// The log could not be written.
    pub fn finish(mut self) -> Result<LogSummary, LogError> {
        let path = self.path.clone();
        match self.join() {
            Some(Ok(Ok(messages))) => Ok(LogSummary { messages, dropped: self.ring.dropped() }),
            Some(Ok(Err(source))) => Err(LogError::Write { path, source }),
            Some(Err(_)) | None => Err(LogError::Panicked { path }),
        }
    }

    fn join(&mut self) -> Option<std::thread::Result<Result<u64, mcap::McapError>>> {
        self.ring.ended.store(true, Ordering::Release);
        self.writer.take().map(JoinHandle::join)
    }
}

impl Drop for LogFile {
    fn drop(&mut self) {
        // Errors are reported by `finish`; a drop ignores them.
        let _untold = self.join();
    }
}

/// Writes the episodes of a run: the [`Observer`] of a control loop.
#[derive(Clone, Debug)]
pub struct RunLog {
    ring: Arc<Ring>,
    run: Arc<Run>,
}

impl RunLog {
    /// Begins an episode of this seed. It has a number of its own in the file; its first message says that it began.
    #[must_use]
    pub fn episode(&self, seed: u64) -> Log {
        let (ring, run) = (Arc::clone(&self.ring), Arc::clone(&self.run));
        let id = ring.episodes.fetch_add(1, Ordering::Relaxed);
        Log { clock: Arc::new(EpisodeClock::default()), ring, run, id, episode: seed }
    }
}

impl Observer for RunLog {
    fn begin(&self, seed: u64) -> Arc<dyn EpisodeObserver> {
        Arc::new(self.episode(seed))
    }
}

/// Writes an episode. Clones write the same one, from other threads.
///
/// Nothing here waits or locks; only [`Log::event`] may allocate.
#[derive(Clone, Debug)]
pub struct Log {
    ring: Arc<Ring>,
    run: Arc<Run>,
    clock: Arc<EpisodeClock>,
    /// Number of the episode in the file, from 0.
    id: u64,
    /// Its seed.
    episode: u64,
}

impl Log {
    /// An observation.
    pub fn observation(&self, time: Duration, observation: ArrayView1<'_, f64>) {
        self.send(time, observation, Content::Observation);
    }

    /// A plan that is ready at `ready` and was sampled for the observation of `observed`, with its iterate after each
    /// round.
    pub fn plan(&self, observed: Duration, ready: Duration, plan: &Plan) {
        let number = self.run.plans.fetch_add(1, Ordering::Relaxed);
        let Plan { actions, intended, rounds, evaluations, residual, latency, iterates, .. } = plan;
        let action_dim = actions.ncols();
        for (round, iterate) in (1..).zip(iterates) {
            self.send(ready, iterate, Content::Round { plan: number, round, action_dim });
        }
        let (intended, rounds, evaluations) = (*intended, *rounds, *evaluations);
        let content =
            Content::Plan { number, observed, intended, rounds, evaluations, residual: *residual, action_dim };
        self.send(ready, actions, content);
        self.send(ready, none(), Content::SamplingLatency(*latency));
    }

    /// What was sent.
    pub fn command(&self, time: Duration, command: &Command<'_>) {
        let Command { action, source, withheld, observed } = *command;
        self.send(time, action, Content::Command { source, withheld });
        if let Some(observed) = observed {
            self.send(time, none(), Content::ObservationAge(time.saturating_sub(observed)));
        }
    }

    /// What came of a control step. A scene that a record has no room for is left out.
    pub fn step(&self, event: &StepEvent<'_>) {
        let StepEvent { time, outcome: Outcome { reward, success, over, violation }, scene, .. } = *event;
        let scene = if scene.len() <= self.ring.numbers { scene } else { &[] };
        self.send(time, scene, Content::Step { reward, success, over, violation });
        if over {
            let end = if success { "the task is accomplished" } else { "out of time" };
            self.event(time, "end", &end);
        }
    }

    /// An event: its kind, and a description.
    pub fn event(&self, time: Duration, kind: &'static str, words: &dyn Display) {
        let fill = |text: &mut String| {
            use std::fmt::Write as _;
            // Writing to a `String` cannot fail.
            let _taken = write!(text, "{words}");
        };
        let content = Content::Event { kind };
        self.ring.send(self.stamp(time, &content), none(), content, fill);
    }

    fn send<'v>(&self, time: Duration, numbers: impl IntoIterator<Item = &'v f64>, content: Content) {
        self.ring.send(self.stamp(time, &content), numbers, content, |_| ());
    }

    /// Stamps a record; the episode's first is preceded by one that tells of its beginning.
    fn stamp(&self, time: Duration, content: &Content) -> Stamp<'_> {
        let Self { ring, run, clock, id, episode } = self;
        let nanoseconds = ring::nanoseconds(time);
        let stamp = |log_time| Stamp { run, id: *id, episode: *episode, time, log_time };
        if let Some(log_time) = clock.begin(nanoseconds, || ring.now()) {
            let name = |text: &mut String| text.push_str(&run.name);
            ring.send(stamp(log_time), none(), Content::Event { kind: "begin" }, name);
        }
        stamp(clock.log_time(nanoseconds, content.is_of_the_loop()))
    }
}

impl EpisodeObserver for Log {
    fn observation(&self, time: Duration, observation: ArrayView1<'_, f64>) {
        Self::observation(self, time, observation);
    }

    fn plan(&self, event: &PlanEvent<'_>) {
        Self::plan(self, event.observed, event.ready, event.plan);
    }

    fn command(&self, time: Duration, command: &Command<'_>) {
        Self::command(self, time, command);
    }

    fn step(&self, event: &StepEvent<'_>) {
        Self::step(self, event);
    }

    fn event(&self, time: Duration, kind: &'static str, words: &dyn Display) {
        Self::event(self, time, kind, words);
    }
}

fn none<'v>() -> std::iter::Empty<&'v f64> {
    std::iter::empty()
}

/// Now, in ns since 1970.
fn wall_clock() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, ring::nanoseconds)
}
