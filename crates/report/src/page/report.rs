//! `report.html`: the report as a page.

use std::io::Write;

use anyhow::Result;
use askama::Template;
use parapolicy_control::BoxError;
use parapolicy_eval::{EpisodeReport, Recording, Report, ReportOutput, Roofline, Run, SamplerReport, paired_rewards};

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
    /// Whether plans were refined.
    refined: bool,
    most_rounds: f64,
    most_evaluations: f64,
    latencies: String,
    rewards: String,
    differences: Option<String>,
    episode: String,
    /// How a plan came about, where that was watched.
    rounds: Option<String>,
    seeds: Vec<(u64, Vec<Option<&'a EpisodeReport>>)>,
}

/// The page of all that was measured.
pub struct HtmlOutput;

impl ReportOutput for HtmlOutput {
    fn file_name(&self) -> &'static str {
        "report.html"
    }

    fn write(&self, run: &Run<'_>, file: &mut dyn Write) -> Result<(), BoxError> {
        Ok(write(run.report, &run.recordings.first, file)?)
    }
}

/// Writes the page; `first` are the samplers' first episodes, the last of which is shown.
fn write(report: &Report, first: &[Recording], file: &mut dyn Write) -> Result<()> {
    let series: Vec<Series<'_>> = report.samplers.iter().map(Series::of).collect();
    let most = |figure: fn(&SamplerReport) -> f64| report.samplers.iter().map(figure).fold(1.0, f64::max);
    let shown = first.last().filter(|_| is_pusht(report));
    let page = ReportPage {
        report,
        roofline: match &report.roofline {
            Roofline::Known(known) => Ok((limits(known), known.batches.iter().map(roofline_cells).collect())),
            Roofline::Unknown(why) => Err(why),
        },
        glance: Glance::of(report),
        verdict: verdict(report),
        notes: table::notes(report),
        command: shell(&report.command),
        episodes: report.samplers.first().map_or(0, |sampler| sampler.episodes.len()),
        together: report.samplers.iter().any(|sampler| sampler.sampling_latency_ms.is_none()),
        refined: report.samplers.iter().any(|sampler| sampler.refinement.is_some()),
        most_rounds: most(|sampler| sampler.rounds_mean),
        most_evaluations: most(|sampler| sampler.evaluations_mean),
        latencies: svg(PLOT, |area| latencies(area, &series, &marks(report)))?,
        rewards: svg(PLOT, |area| rewards(area, &series))?,
        differences: paired(report)?,
        episode: shown.map_or_else(|| Ok(String::new()), episode::render)?,
        rounds: shown
            .and_then(|recording| recording.rounds.as_ref())
            .and_then(|plan| rounds::render(plan, false).transpose())
            .transpose()?,
        seeds: seeds(&report.samplers),
    };
    Ok(file.write_all(page.render()?.as_bytes())?)
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

/// Every seed of the first sampler, with the episodes of all.
fn seeds<'a>(samplers: &'a [SamplerReport]) -> Vec<(u64, Vec<Option<&'a EpisodeReport>>)> {
    let row = |(index, episode): (usize, &'a EpisodeReport)| {
        let at = |sampler: &'a SamplerReport| sampler.episodes.get(index).filter(|other| other.seed == episode.seed);
        (episode.seed, samplers.iter().map(at).collect())
    };
    samplers.first().into_iter().flat_map(|first| first.episodes.iter().enumerate().map(row)).collect()
}
