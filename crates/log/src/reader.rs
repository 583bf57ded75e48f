//! Reads logs: observations, plans and commands, episode by episode.

mod container;

use std::io;
use std::path::{Path, PathBuf};

use ndarray::{Array1, Array2};
use prost::{DecodeError, Message};
use thiserror::Error;

use self::container::Messages;
use super::message::{Action, Command, Latency, Observation, Plan, Round, Step};
use super::topic::Topic;

/// The largest log that is read, bytes: days of a control loop, and what a program can hold.
const LARGEST_FILE: u64 = 1 << 30;

/// The most episodes of a log: each message is of one, which is looked for.
const MOST_EPISODES: usize = 1 << 16;

/// Why a log cannot be read.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum LogReadError {
    /// The file cannot be read.
    #[error("cannot read the log {}: {source}", path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is no log.
    #[error("{} is not an MCAP file, or cut short before its first message: {source}", path.display())]
    Mcap {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: mcap::McapError,
    },
    /// A message is not what `parapolicy` writes.
    #[error("{}: a message of {topic} is not one that parapolicy wrote: {source}", path.display())]
    Message {
        /// Which file.
        path: PathBuf,
        /// Its topic.
        topic: String,
        /// What is wrong with it.
        source: DecodeError,
    },
    /// Actions of a plan have different lengths.
    #[error("{}: {topic}: action {row} of a plan has {found} numbers, but action 0 has {expected}", path.display())]
    Rows {
        /// Which file.
        path: PathBuf,
        /// Its topic.
        topic: String,
        /// The first action of another length.
        row: usize,
        /// Its length.
        found: usize,
        /// The length of the first action.
        expected: usize,
    },
    /// The log is of a version of parapolicy that wrote JSON.
    #[error(
        "{}: {topic} is JSON, as parapolicy wrote it before its logs were for rerun, too: read it with the version that \
         wrote it, or run again",
        path.display()
    )]
    Former {
        /// Which file.
        path: PathBuf,
        /// The first topic.
        topic: String,
    },
    /// The log has more episodes than are read.
    #[error("{}: {topic}: it begins one more than {MOST_EPISODES} episodes, the most that are read", path.display())]
    Episodes {
        /// Which file.
        path: PathBuf,
        /// The topic of the message that does.
        topic: String,
    },
    /// There is no control step in the file.
    #[error("{}: no episode was logged", path.display())]
    Empty {
        /// Which file.
        path: PathBuf,
    },
}

/// An episode as it was logged. Times are in seconds of the loop's own time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoggedEpisode {
    /// The run's name.
    pub run: String,
    /// The episode's number in the log, from 0: no other has it.
    pub id: u64,
    /// The episode's seed, which others may have, too.
    pub seed: u64,
    /// Every control step, in order.
    pub steps: Vec<LoggedStep>,
    /// Every plan, in the order in which they were ready.
    pub plans: Vec<LoggedPlan>,
}

/// A control step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoggedStep {
    /// When it was observed.
    pub time: f64,
    /// What was observed, raw units.
    pub observation: Array1<f64>,
    /// What was sent, raw units.
    pub action: Array1<f64>,
    /// Its reward, in a loop that knows it.
    pub reward: Option<f64>,
}

/// A plan.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LoggedPlan {
    /// When its observation was taken.
    pub observed: f64,
    /// When it was ready.
    pub ready: f64,
    /// Its actions, `[n, action_dim]`, raw units.
    pub actions: Array2<f64>,
    /// How many of them were meant to be executed.
    pub intended: usize,
    /// Network calls that had to wait for each other.
    pub rounds: usize,
    /// Rows that the network evaluated.
    pub evaluations: usize,
    /// Sampling time, ms.
    pub sampling_ms: f64,
    /// The plan after each round, if that was logged.
    pub iterates: Vec<Array2<f64>>,
}

/// Reads all episodes of a log, in the order in which they began; of a truncated file, everything up to its end.
///
/// # Errors
/// [`LogReadError`], if the file cannot be read, or is no log of this library.
pub fn read(path: &Path) -> Result<Vec<LoggedEpisode>, LogReadError> {
    let bytes = parapolicy_files::read(path, LARGEST_FILE);
    let bytes = bytes.map_err(|source| LogReadError::Read { path: path.to_owned(), source })?;
    let stream = Messages::new(&bytes).map_err(|source| LogReadError::Mcap { path: path.to_owned(), source })?;
    let mut episodes = Vec::new();
    for message in stream {
        let message = match message {
            Ok(message) => message,
            Err(source) if episodes.is_empty() => return Err(LogReadError::Mcap { path: path.to_owned(), source }),
            // The file is truncated: the program that wrote it was killed.
            Err(_) => break,
        };
        let topic = &message.channel.topic;
        let is_ours = message.channel.schema.as_ref().is_some_and(|schema| schema.name.starts_with("parapolicy."));
        if is_ours && message.channel.message_encoding == "json" {
            return Err(LogReadError::Former { path: path.to_owned(), topic: topic.clone() });
        }
        take(&mut episodes, topic, &message.data).map_err(|fault| fault.of(path, topic))?;
    }
    // The last step may have an observation but no command.
    episodes.iter_mut().for_each(|episode: &mut LoggedEpisode| episode.steps.retain(|step| !step.action.is_empty()));
    episodes.retain(|episode| !episode.steps.is_empty());
    if episodes.is_empty() { Err(LogReadError::Empty { path: path.to_owned() }) } else { Ok(episodes) }
}

/// What is wrong with a message.
enum Fault {
    Message(DecodeError),
    Rows { row: usize, found: usize, expected: usize },
    Episodes,
}

impl From<DecodeError> for Fault {
    fn from(error: DecodeError) -> Self {
        Self::Message(error)
    }
}

impl Fault {
    fn of(self, path: &Path, topic: &str) -> LogReadError {
        let (path, topic) = (path.to_owned(), topic.to_owned());
        match self {
            Self::Message(source) => LogReadError::Message { path, topic, source },
            Self::Rows { row, found, expected } => LogReadError::Rows { path, topic, row, found, expected },
            Self::Episodes => LogReadError::Episodes { path, topic },
        }
    }
}

/// Takes a message of the record. What is drawn of it says nothing more.
fn take(episodes: &mut Vec<LoggedEpisode>, topic: &str, data: &[u8]) -> Result<(), Fault> {
    match Topic::ALL.into_iter().find(|known| known.name() == topic) {
        Some(Topic::RecordObservation) => {
            let Observation { run, id, episode, time, values } = Message::decode(data)?;
            let step = LoggedStep { time, observation: values.into(), ..LoggedStep::default() };
            of(episodes, run, id, episode)?.steps.push(step);
        }
        Some(Topic::RecordCommand) => {
            let Command { run, id, episode, action, .. } = Message::decode(data)?;
            if let Some(step) = of(episodes, run, id, episode)?.steps.last_mut() {
                step.action = action.into();
            }
        }
        Some(Topic::RecordStep) => {
            let Step { run, id, episode, reward, .. } = Message::decode(data)?;
            if let Some(step) = of(episodes, run, id, episode)?.steps.last_mut() {
                step.reward = reward;
            }
        }
        Some(Topic::RecordRound) => {
            let Round { run, id, episode, time, actions, .. } = Message::decode(data)?;
            pending(of(episodes, run, id, episode)?, time).iterates.push(rows(&actions)?);
        }
        Some(Topic::RecordPlan) => {
            let Plan { run, id, episode, time: ready, observed, intended, rounds, evaluations, actions, .. } =
                Message::decode(data)?;
            let (actions, pending) = (rows(&actions)?, pending(of(episodes, run, id, episode)?, ready));
            let [intended, rounds, evaluations] = [intended, rounds, evaluations].map(count);
            let iterates = std::mem::take(&mut pending.iterates);
            *pending =
                LoggedPlan { observed, ready, actions, intended, rounds, evaluations, sampling_ms: 0.0, iterates };
        }
        Some(Topic::RecordLatency) => {
            let Latency { run, id, episode, sampling_ms, .. } = Message::decode(data)?;
            if let (Some(ms), Some(plan)) = (sampling_ms, of(episodes, run, id, episode)?.plans.last_mut()) {
                plan.sampling_ms = ms;
            }
        }
        _ => {}
    }
    Ok(())
}

fn count(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The episode of this number, which may be new.
fn of(episodes: &mut Vec<LoggedEpisode>, run: String, id: u64, seed: u64) -> Result<&mut LoggedEpisode, Fault> {
    let known = episodes.iter().rposition(|episode| episode.id == id);
    if known.is_none() && episodes.len() == MOST_EPISODES {
        return Err(Fault::Episodes);
    }
    let at = known.unwrap_or_else(|| {
        episodes.push(LoggedEpisode { run, id, seed, ..LoggedEpisode::default() });
        episodes.len() - 1
    });
    Ok(&mut episodes[at])
}

/// The plan whose rounds have begun to come; its own message is the last of them.
fn pending(episode: &mut LoggedEpisode, ready: f64) -> &mut LoggedPlan {
    if episode.plans.last().is_none_or(|plan| !plan.actions.is_empty()) {
        episode.plans.push(LoggedPlan { ready, ..LoggedPlan::default() });
    }
    let last = episode.plans.len() - 1;
    &mut episode.plans[last]
}

/// Rows of one length: no more memory than the message holds.
fn rows(actions: &[Action]) -> Result<Array2<f64>, Fault> {
    let expected = actions.first().map_or(0, |action| action.values.len());
    let lengths = actions.iter().map(|action| action.values.len());
    if let Some((row, found)) = lengths.enumerate().find(|(_, length)| *length != expected) {
        return Err(Fault::Rows { row, found, expected });
    }
    Ok(Array2::from_shape_fn((actions.len(), expected), |(row, column)| actions[row].values[column]))
}
