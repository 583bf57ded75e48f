//! Parts of a study put together, as those of a run are: every row computed anew from all its episodes.

use super::{Group, Row, Study};
use crate::{MergeError, Part, SamplerRun, Seeds, Sums};

/// Merges studies of disjoint seeds, each with the name by which errors call it.
///
/// # Errors
/// [`MergeError`]: of different models, solvers, steps or conditions; or with an episode in common.
pub fn merge(studies: &[(String, Study)]) -> Result<Study, MergeError> {
    let mut ordered: Vec<&(String, Study)> = studies.iter().collect();
    ordered.sort_by_key(|(_, study)| seeds(study).first);
    let Some((first_name, first)) = ordered.first() else { return Err(MergeError::Nothing) };
    let mut sums = Sums::default();
    for (name, study) in &ordered {
        same(first_name, first, name, study)?;
        sums.add(name, study.results())?;
    }
    let parts: Vec<Part> = ordered.iter().flat_map(|(_, study)| parts(study)).collect();
    let mut runs = sums.runs();
    let mut groups = Vec::new();
    for group in &first.groups {
        let (own, others) = runs.split_at(group.rows.len());
        groups.push(merged(group, own).ok_or(MergeError::Nothing)?);
        runs = others;
    }
    let missing = sums.missing(&parts);
    Ok(Study { interrupted: None, shard: None, parts, missing, groups, ..first.clone() })
}

/// A group with all episodes of its rows.
fn merged(group: &Group, runs: &[SamplerRun]) -> Option<Group> {
    let results = SamplerRun::reports(&runs.iter().collect::<Vec<_>>())?;
    let rows = group.rows.iter().zip(results).map(|(row, result)| Row { result, ..row.clone() });
    Some(Group { rows: rows.collect(), ..group.clone() })
}

/// Refuses a part of another study.
fn same(first_name: &str, first: &Study, name: &str, study: &Study) -> Result<(), MergeError> {
    let groups = |study: &Study| {
        let row = |Row { latency_ms, replan, result }: &Row| {
            format!("{} {latency_ms:?} {replan} {:?} {:?}", result.name, result.window, result.tolerance)
        };
        let group = |Group { varied, scenario, rule, rows }: &Group| {
            format!("{varied:?} {scenario} {rule} {:?}", rows.iter().map(row).collect::<Vec<_>>())
        };
        format!("{:?}", study.groups.iter().map(group).collect::<Vec<_>>())
    };
    let whole = |study: &Study| study.shard.or_else(|| study.parts.first()?.shard).map(|shard| shard.whole);
    MergeError::first_difference(
        first_name,
        name,
        [
            ("model", format!("{:?}", first.model), format!("{:?}", study.model)),
            ("solver", first.solver.clone(), study.solver.clone()),
            ("steps", first.steps.to_string(), study.steps.to_string()),
            ("late", first.late.clone(), study.late.clone()),
            ("groups", groups(first), groups(study)),
            ("shard.whole", format!("{:?}", whole(first)), format!("{:?}", whole(study))),
        ],
    )
}

/// The parts that a study stands for: itself, or what it was merged from.
fn parts(study: &Study) -> Vec<Part> {
    if !study.parts.is_empty() {
        return study.parts.clone();
    }
    let episodes = study.results().map(|result| result.episodes.len()).sum();
    let (command, machine) = (study.command.clone(), study.machine.clone());
    vec![Part { command, machine, shard: study.shard, seeds: seeds(study), episodes }]
}

/// From the first seed of a study to its last.
fn seeds(study: &Study) -> Seeds {
    let all = || study.results().flat_map(|result| &result.episodes).map(|episode| episode.seed);
    Seeds { first: all().min().unwrap_or_default(), last: all().max().unwrap_or_default() }
}
