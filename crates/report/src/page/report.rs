//! `report.html`: the report as a page.

use std::io::Write;
use std::path::Path;

use anyhow::Result;
use askama::Template;
use parapolicy_control::BoxError;
use parapolicy_eval::{
    EpisodeReport, Recording, Recordings, Report, ReportOutput, Roofline, Run, SamplerReport, paired_rewards,
};

use super::episode::Anchor;
use super::figure::{latency_heading, together};
use super::{PLOT, episode, is_pusht, rounds, shell};
use crate::plot::differences::{Paired, differences};
use crate::plot::{Series, latencies, marks, rewards, svg};
use crate::table::roofline::{limits, roofline_cells};
use crate::table::{self, Glance};
use crate::verdict::verdict;

#[derive(Template)]
#[template(path = "report.html")]
struct ReportPage<'a> {
    report: &'a Report,
    /// How far batches are from what the machine can do, a text a column; or why that is not known.
    roofline: Result<(String, Vec<[String; 6]>), &'a str>,
    glance: Glance,
    /// Which sampler is the fastest, what that costs, and whether it is fast enough.
    verdict: Vec<String>,
    /// Difference in reward to the first sampler, in words.
    notes: Vec<String>,
    /// As a shell takes it.
    command: String,
    /// Episodes of a sampler.
    episodes: usize,
    /// Whether plans were drawn together.
    together: bool,
    /// What the plot of latencies is called.
    latency_heading: &'static str,
    /// Whether plans were refined.
    refined: bool,
    most_rounds: f64,
    most_evaluations: f64,
    latencies: String,
    rewards: String,
    differences: Option<String>,
    /// The sampler that earned least, its episode, and its anchor if that can be watched.
    worst: Option<(&'a str, &'a EpisodeReport, Option<&'static str>)>,
    /// The seed of an episode that can be watched.
    first: Option<u64>,
    /// Sections of episodes.
    scenes: Vec<String>,
    /// How a plan came about, where that was watched.
    rounds: Option<String>,
    seeds: Vec<SeedRow<'a>>,
    /// Which there are, in words.
    seed_range: String,
}

/// A seed, where its episodes can be watched, and each sampler's.
type SeedRow<'a> = (u64, Option<&'static str>, Vec<Option<&'a EpisodeReport>>);

/// Where the first seed's episodes are on the page, and the worst.
const FIRST: &str = "first";
const WORST: &str = "worst";

/// The page of all that was measured.
pub struct HtmlOutput;

impl ReportOutput for HtmlOutput {
    fn file_name(&self) -> &'static str {
        "report.html"
    }

    fn write(&self, run: &Run<'_>, file: &mut dyn Write) -> Result<(), BoxError> {
        Ok(write(run.report, run.recordings, file)?)
    }
}

/// Writes the page.
fn write(report: &Report, recordings: &Recordings, file: &mut dyn Write) -> Result<()> {
    let series: Vec<Series<'_>> = report.samplers.iter().map(Series::of).collect();
    let most = |figure: fn(&SamplerReport) -> f64| report.samplers.iter().map(figure).fold(1.0, f64::max);
    let none = Recordings::default();
    let Recordings { first, worst } = if is_pusht(report) { recordings } else { &none };
    let least = least(&report.samplers);
    let watched = |seed: u64| anchor(seed, first, worst);
    let anchor = least.and_then(|(_, episode)| watched(episode.seed));
    let page = ReportPage {
        report,
        roofline: match &report.roofline {
            Roofline::Known(known) => Ok((limits(known), known.batches.iter().map(roofline_cells).collect())),
            Roofline::Unknown(why) => Err(why),
        },
        glance: Glance::of(report),
        verdict: verdict(report),
        notes: table::notes(report),
        command: shell(&elsewhere(&report.command)),
        episodes: report.samplers.first().map_or(0, |sampler| sampler.episodes.len()),
        together: together(report),
        latency_heading: latency_heading(report),
        refined: report.samplers.iter().any(|sampler| sampler.refinement.is_some()),
        most_rounds: most(|sampler| sampler.rounds_mean),
        most_evaluations: most(|sampler| sampler.evaluations_mean),
        latencies: svg(PLOT, |area| latencies(area, &series, &marks(report)))?,
        rewards: svg(PLOT, |area| rewards(area, &series))?,
        differences: paired(report)?,
        worst: least.map(|(name, episode)| (name, episode, anchor)),
        first: first.first().map(|recording| recording.seed),
        scenes: scenes([first, worst], anchor, report)?,
        rounds: first
            .last()
            .and_then(|recording| recording.rounds.as_ref())
            .and_then(|plan| rounds::render(plan, false).transpose())
            .transpose()?,
        seeds: seeds(&report.samplers, watched),
        seed_range: seed_range(&report.samplers),
    };
    Ok(file.write_all(page.render()?.as_bytes())?)
}

/// The episode that earned least, of the earliest seed.
fn least(samplers: &[SamplerReport]) -> Option<(&str, &EpisodeReport)> {
    let all = samplers.iter().flat_map(|of| of.episodes.iter().map(move |episode| (of.name.as_str(), episode)));
    all.min_by(|(_, one), (_, other)| one.reward.total_cmp(&other.reward).then(one.seed.cmp(&other.seed)))
}

/// Where the episodes of a seed can be watched.
fn anchor(seed: u64, first: &[Recording], worst: &[Recording]) -> Option<&'static str> {
    let is_of = |recordings: &[Recording]| recordings.first().is_some_and(|recording| recording.seed == seed);
    [(FIRST, first), (WORST, worst)].into_iter().find(|(_, recordings)| is_of(recordings)).map(|(id, _)| id)
}

/// The first seed's episodes, and those of the worst seed that was recorded; `worst` is the anchor of the worst of all.
fn scenes(recordings: [&[Recording]; 2], worst: Option<&str>, report: &Report) -> Result<Vec<String>> {
    let first = if worst == Some(FIRST) { "The first episode, and the worst" } else { "The first episode" };
    let last = if worst == Some(WORST) { "The worst episode" } else { "The worst episode that was recorded" };
    let anchors = [Anchor { id: FIRST, title: first }, Anchor { id: WORST, title: last }];
    anchors.into_iter().zip(recordings).map(|(anchor, of)| episode::render(anchor, of, report)).collect()
}

/// The plot of each sampler's reward minus the first one's; none for a single sampler.
fn paired(report: &Report) -> Result<Option<String>> {
    let Some((first, others)) = report.samplers.split_first() else { return Ok(None) };
    let columns = (1..).zip(others).filter_map(|(index, sampler)| {
        let seeds = paired_rewards(&first.episodes, &sampler.episodes).collect();
        Some(Paired { name: &sampler.name, index, seeds, difference: sampler.reward_difference? })
    });
    let columns: Vec<Paired<'_>> = columns.collect();
    let unit = format!("reward minus {}'s", first.name);
    if columns.is_empty() { Ok(None) } else { svg(PLOT, |area| differences(area, &columns, &unit)).map(Some) }
}

/// A command line as it is given where the program is installed, and not built beside its sources.
fn elsewhere(command: &[String]) -> Vec<String> {
    const PROGRAM: &str = "parapolicy";
    let is_program = |path: &String| Path::new(path).file_stem().is_some_and(|name| name == PROGRAM);
    match command.split_first() {
        Some((program, arguments)) if is_program(program) => {
            [PROGRAM.to_owned()].into_iter().chain(arguments.iter().cloned()).collect()
        }
        _ => command.to_vec(),
    }
}

/// The first sampler's seeds, in words.
fn seed_range(samplers: &[SamplerReport]) -> String {
    let seeds = || samplers.iter().take(1).flat_map(|first| &first.episodes).map(|episode| episode.seed);
    match (seeds().min(), seeds().max(), seeds().count()) {
        (Some(first), Some(last), count) if first < last => format!("{first} to {last}, {count} of them"),
        (Some(only), ..) => only.to_string(),
        _ => String::new(),
    }
}

/// Every seed of the first sampler, with the episodes of all.
fn seeds<'a>(samplers: &'a [SamplerReport], watched: impl Fn(u64) -> Option<&'static str>) -> Vec<SeedRow<'a>> {
    let row = |(index, episode): (usize, &'a EpisodeReport)| {
        let at = |sampler: &'a SamplerReport| sampler.episodes.get(index).filter(|other| other.seed == episode.seed);
        (episode.seed, watched(episode.seed), samplers.iter().map(at).collect())
    };
    samplers.first().into_iter().flat_map(|first| first.episodes.iter().enumerate().map(row)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_one_that_works_elsewhere() {
        let command = |program: &str| [program, "run", "--seed", "7"].map(str::to_owned).to_vec();
        for program in ["parapolicy", "target/release/parapolicy", "/usr/bin/parapolicy", "parapolicy.exe"] {
            assert_eq!(elsewhere(&command(program)), command("parapolicy"));
        }
        assert_eq!(elsewhere(&command("evaluate.py")), command("evaluate.py"), "of another program");
        assert!(elsewhere(&[]).is_empty());
    }

    #[test]
    fn a_seed_leads_to_where_it_can_be_watched() {
        let of = |seed: u64| vec![Recording { seed, ..Recording::default() }];
        let (first, worst) = (of(5), of(8));
        let found = [5, 8, 6].map(|seed| anchor(seed, &first, &worst));
        assert_eq!(found, [Some(FIRST), Some(WORST), None]);
        assert_eq!(anchor(0, &[], &[]), None);
    }
}
