//! Parts of a run put together: shards that several machines played.
//!
//! Episodes and sums are those of all parts, and whatever is computed from them is computed anew: means, intervals, paired
//! differences, percentiles of merged histograms. So the report is the one that a single run of all seeds would have written, to
//! the bit, but for what the wall's clock says.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Machine, RealtimeReport, Report, SamplerReport, SamplerRun, Seeds, ShardReport};
use crate::Roofline;

/// A part of a merged report.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Part {
    /// The command line that made it.
    pub command: Vec<String>,
    /// Where it was measured.
    pub machine: Machine,
    /// Which shard it was, where it was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<ShardReport>,
    /// From its first seed to its last.
    pub seeds: Seeds,
    /// Episodes of all its samplers.
    pub episodes: usize,
}

/// Why reports cannot be merged. Reports are named as the caller names them.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum MergeError {
    /// There is nothing to merge.
    #[error("there is no report to merge")]
    Nothing,
    /// A report of an earlier version, which lacks the sums.
    #[error("{name}: was written by an earlier version, without the sums that merging takes: run it again")]
    NoTally {
        /// The report.
        name: String,
    },
    /// Reports of different runs.
    #[error("{name}: `{field}` is {found}, but {expected} in {first}: only parts of one run are merged")]
    Differs {
        /// The report.
        name: String,
        /// The report that it differs from.
        first: String,
        /// In what.
        field: &'static str,
        /// What it says.
        found: String,
        /// What the first says.
        expected: String,
    },
    /// The same episode twice.
    #[error("{name}: has the episode of seed {seed} by {sampler}, as another of the reports: leave one of them out")]
    SeedTwice {
        /// The report.
        name: String,
        /// The sampler.
        sampler: String,
        /// The seed.
        seed: u64,
    },
}

impl MergeError {
    /// Refuses the report `name` if one of `fields`, each with what the report `first` says and what this one does, is another.
    ///
    /// # Errors
    /// [`MergeError::Differs`] in the first of them.
    pub fn first_difference(
        first: &str,
        name: &str,
        fields: impl IntoIterator<Item = (&'static str, String, String)>,
    ) -> Result<(), Self> {
        match fields.into_iter().find(|(_, expected, found)| expected != found) {
            None => Ok(()),
            Some((field, expected, found)) => {
                Err(Self::Differs { name: name.to_owned(), first: first.to_owned(), field, found, expected })
            }
        }
    }
}

/// Parts of one run that are put together, sampler by sampler: what [`merge`] does of reports, for whoever has samplers of other
/// reports. Parts are added in the order of their seeds.
#[derive(Clone, Debug, Default)]
pub struct Sums {
    runs: Vec<SamplerRun>,
    taken: BTreeSet<(usize, u64)>,
}

impl Sums {
    /// Adds a part's samplers, the same as every other part's and in the same order; errors call the part by `name`.
    ///
    /// # Errors
    /// [`MergeError::NoTally`] and [`MergeError::SeedTwice`].
    pub fn add<'a>(
        &mut self,
        name: &str,
        samplers: impl IntoIterator<Item = &'a SamplerReport>,
    ) -> Result<(), MergeError> {
        for (index, sampler) in samplers.into_iter().enumerate() {
            let run = SamplerRun::of(sampler).ok_or_else(|| MergeError::NoTally { name: name.to_owned() })?;
            if let Some(twice) = sampler.episodes.iter().find(|episode| !self.taken.insert((index, episode.seed))) {
                let (name, sampler, seed) = (name.to_owned(), sampler.name.clone(), twice.seed);
                return Err(MergeError::SeedTwice { name, sampler, seed });
            }
            match self.runs.get_mut(index) {
                Some(sum) => sum.merge(&run),
                None => self.runs.push(run),
            }
        }
        Ok(())
    }

    /// All episodes of each sampler.
    #[must_use]
    pub fn runs(&self) -> &[SamplerRun] {
        &self.runs
    }

    /// Seeds that not every sampler has, of the whole run that shards are of, or between the first and the last of `parts`.
    #[must_use]
    pub fn missing(&self, parts: &[Part]) -> Vec<Seeds> {
        missing(parts, &self.taken, self.runs.len())
    }
}

/// Merges reports of disjoint seeds, each with the name by which errors call it.
///
/// # Errors
/// [`MergeError`]: of different models, solvers, steps, scenarios, loops or samplers; or with an episode in common.
pub fn merge(reports: &[(String, Report)]) -> Result<Report, MergeError> {
    let mut ordered: Vec<&(String, Report)> = reports.iter().collect();
    ordered.sort_by_key(|(_, report)| seeds(report).first);
    let Some((first_name, first)) = ordered.first() else { return Err(MergeError::Nothing) };
    let mut sums = Sums::default();
    for (name, report) in &ordered {
        same(first_name, first, name, report)?;
        sums.add(name, &report.samplers)?;
    }
    let parts: Vec<Part> = ordered.iter().flat_map(|(_, report)| parts(report)).collect();
    let runs: Vec<&SamplerRun> = sums.runs.iter().collect();
    let samplers = SamplerRun::reports(&runs).ok_or(MergeError::Nothing)?;
    let is_one_machine = parts.iter().all(|part| part.machine == first.machine);
    let missing = sums.missing(&parts);
    Ok(Report {
        roofline: match is_one_machine {
            true => first.roofline.clone(),
            false => Roofline::Unknown("it was measured on several machines".into()),
        },
        made: None,
        interrupted: None,
        shard: None,
        parts,
        missing,
        samplers,
        ..first.clone()
    })
}

/// Refuses a report of another run.
fn same(first_name: &str, first: &Report, name: &str, report: &Report) -> Result<(), MergeError> {
    let names = |report: &Report| report.samplers.iter().map(|sampler| sampler.name.clone()).collect::<Vec<_>>();
    let windows = |report: &Report| report.samplers.iter().map(|s| (s.window, s.tolerance)).collect::<Vec<_>>();
    // What the operating system granted may differ from machine to machine.
    let in_time =
        |report: &Report| report.in_time.clone().map(|settings| RealtimeReport { realtime: None, ..settings });
    let whole = |report: &Report| report.shard.or_else(|| report.parts.first()?.shard).map(|shard| shard.whole);
    let fields = [
        ("model", format!("{:?}", first.model), format!("{:?}", report.model)),
        ("environment", first.environment.clone(), report.environment.clone()),
        ("scenario", first.scenario.clone(), report.scenario.clone()),
        ("solver", first.solver.clone(), report.solver.clone()),
        ("steps", first.steps.to_string(), report.steps.to_string()),
        ("environments", first.environments.to_string(), report.environments.to_string()),
        ("in_time", format!("{:?}", in_time(first)), format!("{:?}", in_time(report))),
        ("samplers", format!("{:?}", names(first)), format!("{:?}", names(report))),
        ("window and tolerance", format!("{:?}", windows(first)), format!("{:?}", windows(report))),
        ("shard.whole", format!("{:?}", whole(first)), format!("{:?}", whole(report))),
    ];
    MergeError::first_difference(first_name, name, fields)
}

/// The parts that a report stands for: itself, or what it was merged from.
fn parts(report: &Report) -> Vec<Part> {
    if !report.parts.is_empty() {
        return report.parts.clone();
    }
    let episodes = report.samplers.iter().map(|sampler| sampler.episodes.len()).sum();
    let (command, machine) = (report.command.clone(), report.machine.clone());
    vec![Part { command, machine, shard: report.shard, seeds: seeds(report), episodes }]
}

/// From the first seed of a report to its last.
fn seeds(report: &Report) -> Seeds {
    let all = || report.samplers.iter().flat_map(|sampler| &sampler.episodes).map(|episode| episode.seed);
    Seeds { first: all().min().unwrap_or_default(), last: all().max().unwrap_or_default() }
}

/// Seeds that not every sampler has, of the whole run that shards are of, or between the first and the last.
fn missing(parts: &[Part], taken: &BTreeSet<(usize, u64)>, samplers: usize) -> Vec<Seeds> {
    let whole = parts.iter().find_map(|part| part.shard).map(|shard| shard.whole);
    let first = whole.map_or_else(|| parts.iter().map(|part| part.seeds.first).min(), |whole| Some(whole.first));
    let last = whole.map_or_else(|| parts.iter().map(|part| part.seeds.last).max(), |whole| Some(whole.last));
    let (Some(mut next), Some(last)) = (first, last) else { return Vec::new() };
    let by = |index: usize| taken.range((index, 0)..=(index, u64::MAX)).map(|(_, seed)| *seed);
    let mut everywhere: BTreeSet<u64> = by(0).collect();
    for index in 1..samplers {
        let here: BTreeSet<u64> = by(index).collect();
        everywhere.retain(|seed| here.contains(seed));
    }
    let mut gaps = Vec::new();
    for seed in everywhere {
        if seed > next {
            gaps.push(Seeds { first: next, last: seed - 1 });
        }
        next = seed.saturating_add(1);
    }
    if next <= last {
        gaps.push(Seeds { first: next, last });
    }
    gaps
}

#[cfg(test)]
mod tests;
