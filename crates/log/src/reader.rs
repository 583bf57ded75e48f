//! Reads logs: observations, plans and commands, episode by episode.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use mcap::MessageStream;
use mcap::read::Options;
use ndarray::{Array1, Array2};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

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
        source: serde_json::Error,
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
    let bytes = fs::read(path).map_err(|source| LogReadError::Read { path: path.to_owned(), source })?;
    let stream = MessageStream::new_with_options(&bytes, Options::IgnoreEndMagic.into());
    let stream = stream.map_err(|source| LogReadError::Mcap { path: path.to_owned(), source })?;
    let mut episodes = Vec::new();
    for message in stream {
        let message = match message {
            Ok(message) => message,
            Err(source) if episodes.is_empty() => return Err(LogReadError::Mcap { path: path.to_owned(), source }),
            // The file is truncated: the program that wrote it was killed.
            Err(_) => break,
        };
        let topic = &message.channel.topic;
        take(&mut episodes, topic, &message.data).map_err(|source| LogReadError::Message {
            path: path.to_owned(),
            topic: topic.clone(),
            source,
        })?;
    }
    // The last step may have an observation but no command.
    episodes.iter_mut().for_each(|episode: &mut LoggedEpisode| episode.steps.retain(|step| !step.action.is_empty()));
    episodes.retain(|episode| !episode.steps.is_empty());
    if episodes.is_empty() { Err(LogReadError::Empty { path: path.to_owned() }) } else { Ok(episodes) }
}

/// The fields that every message has.
#[derive(Deserialize)]
struct Stamped<T> {
    run: String,
    /// Earlier logs have none; there an episode is told by its run and its seed.
    id: Option<u64>,
    episode: u64,
    time: f64,
    #[serde(flatten)]
    body: T,
}

#[derive(Deserialize)]
struct Observation {
    values: Vec<f64>,
}

#[derive(Deserialize)]
struct Command {
    action: Vec<f64>,
}

#[derive(Deserialize)]
struct Plan {
    observed: f64,
    intended: usize,
    rounds: usize,
    evaluations: usize,
    actions: Vec<Observation>,
}

#[derive(Deserialize)]
struct Round {
    actions: Vec<Observation>,
}

#[derive(Deserialize)]
struct Latency {
    sampling_ms: Option<f64>,
}

fn take(episodes: &mut Vec<LoggedEpisode>, topic: &str, data: &[u8]) -> serde_json::Result<()> {
    match topic {
        "/observation" => {
            let (episode, time, Observation { values }) = stamped(episodes, data)?;
            episode.steps.push(LoggedStep { time, observation: values.into(), ..LoggedStep::default() });
        }
        "/command" => {
            let (episode, _, Command { action }) = stamped(episodes, data)?;
            if let Some(step) = episode.steps.last_mut() {
                step.action = action.into();
            }
        }
        "/plan/rounds" => {
            let (episode, ready, Round { actions }) = stamped(episodes, data)?;
            pending(episode, ready).iterates.push(rows(&actions));
        }
        "/plan" => {
            let (episode, ready, plan) = stamped::<Plan>(episodes, data)?;
            let Plan { observed, intended, rounds, evaluations, ref actions } = plan;
            let (actions, pending) = (rows(actions), pending(episode, ready));
            let iterates = std::mem::take(&mut pending.iterates);
            *pending =
                LoggedPlan { observed, ready, actions, intended, rounds, evaluations, sampling_ms: 0.0, iterates };
        }
        "/latency" => {
            let (episode, _, Latency { sampling_ms }) = stamped(episodes, data)?;
            if let (Some(ms), Some(plan)) = (sampling_ms, episode.plans.last_mut()) {
                plan.sampling_ms = ms;
            }
        }
        _ => {}
    }
    Ok(())
}

/// A message, and the episode that it belongs to.
fn stamped<'e, T: DeserializeOwned>(
    episodes: &'e mut Vec<LoggedEpisode>,
    data: &[u8],
) -> serde_json::Result<(&'e mut LoggedEpisode, f64, T)> {
    let Stamped { run, id, episode: seed, time, body } = serde_json::from_slice(data)?;
    let is_this = |episode: &LoggedEpisode| match id {
        Some(id) => episode.id == id,
        None => episode.run == run && episode.seed == seed,
    };
    let at = episodes.iter().rposition(is_this).unwrap_or_else(|| {
        let id = id.unwrap_or(episodes.len() as u64);
        episodes.push(LoggedEpisode { run, id, seed, ..LoggedEpisode::default() });
        episodes.len() - 1
    });
    Ok((&mut episodes[at], time, body))
}

/// The plan whose rounds have begun to come; its own message is the last of them.
fn pending(episode: &mut LoggedEpisode, ready: f64) -> &mut LoggedPlan {
    if episode.plans.last().is_none_or(|plan| !plan.actions.is_empty()) {
        episode.plans.push(LoggedPlan { ready, ..LoggedPlan::default() });
    }
    let last = episode.plans.len() - 1;
    &mut episode.plans[last]
}

/// Rows of one length; a row of another is cut, or filled with zeros.
fn rows(actions: &[Observation]) -> Array2<f64> {
    let width = actions.first().map_or(0, |action| action.values.len());
    let value = |(row, column): (usize, usize)| actions[row].values.get(column).copied().unwrap_or_default();
    Array2::from_shape_fn((actions.len(), width), value)
}
