//! Reads reports from untrusted files.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde::de::DeserializeOwned;
use thiserror::Error;

use super::{Report, SCHEMA_VERSION, SamplerReport};
use crate::Interval;

/// The longest report, bytes: a hundred thousand episodes.
const LONGEST_FILE: u64 = 256 << 20;

/// What is wrong with a report: the file, the field and what to do.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The file cannot be read.
    #[error("{}: cannot be read", path.display())]
    Read {
        /// The report.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not JSON, or no report at all.
    #[error("{}: is not a report: {problem}", path.display())]
    NoReport {
        /// The report.
        path: PathBuf,
        /// What the JSON reader says.
        problem: String,
    },
    /// A field is missing, of the wrong type, or of a value that makes no sense.
    #[error("{}: `{field}` {problem}", path.display())]
    Field {
        /// The report.
        path: PathBuf,
        /// The field, as a path from the root.
        field: String,
        /// What is wrong with it.
        problem: String,
    },
}

#[derive(Deserialize)]
struct Version {
    schema_version: u32,
}

/// Reads a document of this version, and has `check` name the first field that makes no sense, and why.
pub(crate) fn read<T: DeserializeOwned>(
    path: &Path,
    version: u32,
    check: impl Fn(&T) -> Result<(), (String, String)>,
) -> Result<T, ReportError> {
    let text = parapolicy_files::read_text(path, LONGEST_FILE);
    let text = text.map_err(|source| ReportError::Read { path: path.into(), source })?;
    let no_report = |problem: String| ReportError::NoReport { path: path.into(), problem };
    let Version { schema_version } = serde_json::from_str(&text).map_err(|error| no_report(error.to_string()))?;
    let field = |field: String, problem: String| ReportError::Field { path: path.into(), field, problem };
    if schema_version != version {
        let problem = format!("is {schema_version}, this program reads version {version}: run it again");
        return Err(field("schema_version".into(), problem));
    }
    let mut json = serde_json::Deserializer::from_str(&text);
    let document: T = serde_path_to_error::deserialize(&mut json).map_err(|error| match error.path().to_string() {
        nowhere if nowhere == "." => no_report(error.inner().to_string()),
        place => field(place, format!("cannot be read: {}", error.inner())),
    })?;
    json.end().map_err(|error| no_report(error.to_string()))?;
    check(&document).map_err(|(place, problem)| field(place, problem))?;
    Ok(document)
}

impl Report {
    /// Reads a `report.json`, and validates every field before use.
    ///
    /// # Errors
    /// A file that cannot be read, that is no report of this version, or whose rewards are invalid: outside `[0, 1]`,
    /// of the same seed twice, or none.
    pub fn load(path: &Path) -> Result<Self, ReportError> {
        read(path, SCHEMA_VERSION, Self::check)
    }

    /// The first field that makes no sense, and why.
    fn check(&self) -> Result<(), (String, String)> {
        if self.samplers.is_empty() {
            return Err(("samplers".into(), "is empty".into()));
        }
        let mut names = HashSet::new();
        for (index, sampler) in self.samplers.iter().enumerate() {
            let place = format!("samplers[{index}]");
            if !names.insert(&sampler.name) {
                return Err((format!("{place}.name"), format!("is `{}`, as of another sampler", sampler.name)));
            }
            sampler.check(&place)?;
        }
        Ok(())
    }
}

impl SamplerReport {
    /// The first field that makes no sense, and why; `place` is where the sampler is.
    pub(crate) fn check(&self, place: &str) -> Result<(), (String, String)> {
        let bounds = |name: &'static str, interval: Option<Interval>| {
            interval
                .into_iter()
                .flat_map(move |Interval { low, high }| [(format!("{name}.low"), low), (format!("{name}.high"), high)])
        };
        let shares = [("reward_mean".to_owned(), self.reward_mean), ("success_rate".to_owned(), self.success_rate)];
        let intervals =
            bounds("reward_interval", self.reward_interval).chain(bounds("success_interval", self.success_interval));
        for (name, reward) in shares.into_iter().chain(intervals) {
            check_reward(format!("{place}.{name}"), reward)?;
        }
        if self.episodes.is_empty() {
            return Err((format!("{place}.episodes"), "is empty".into()));
        }
        let mut seeds = HashSet::new();
        for (index, episode) in self.episodes.iter().enumerate() {
            let place = format!("{place}.episodes[{index}]");
            check_reward(format!("{place}.reward"), episode.reward)?;
            if !seeds.insert(episode.seed) {
                return Err((format!("{place}.seed"), format!("is {}, as of another episode", episode.seed)));
            }
        }
        Ok(())
    }
}

fn check_reward(place: String, reward: f64) -> Result<(), (String, String)> {
    if (0.0..=1.0).contains(&reward) { Ok(()) } else { Err((place, format!("is {reward:?}, but must be in [0, 1]"))) }
}

#[cfg(test)]
mod tests;
