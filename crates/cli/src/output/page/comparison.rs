//! `compare.html`: two reports side by side.

use std::io::Write;

use anyhow::Result;
use askama::Template;
use parapolicy_eval::{Comparison, Pair, Report, paired_rewards};

use super::{PLOT, shell};
use crate::output::plot::differences::{Paired, differences};
use crate::output::plot::{Series, latencies, rewards, svg};
use crate::output::table::Glance;
use crate::output::table::comparison::{LETTERS, glance, missing, name, verdicts};

/// Two reports, what they are called, and what came of comparing them.
pub struct Compared<'a> {
    pub names: &'a [String; 2],
    pub reports: [&'a Report; 2],
    pub comparison: &'a Comparison<'a>,
}

#[derive(Template)]
#[template(path = "compare.html")]
struct ComparisonPage<'a> {
    compared: &'a Compared<'a>,
    glance: Glance,
    missing: Vec<String>,
    /// As a shell takes them.
    commands: [String; 2],
    latencies: String,
    rewards: String,
    differences: Option<String>,
    seeds: Vec<Seeds>,
}

/// Rewards of a pair in A and in B, for every seed in both.
struct Seeds {
    name: String,
    rewards: Vec<(u64, [f64; 2])>,
}

/// Writes the page.
pub fn write(compared: &Compared<'_>, file: &mut dyn Write) -> Result<()> {
    let pairs = &compared.comparison.pairs;
    let names: Vec<String> = pairs.iter().flat_map(labels).collect();
    let samplers = pairs.iter().flat_map(|pair| pair.samplers);
    let series: Vec<Series<'_>> = names.iter().zip(samplers).map(|(name, report)| Series { name, report }).collect();
    let page = ComparisonPage {
        compared,
        glance: glance(compared.comparison),
        missing: verdicts(compared.comparison).into_iter().chain(missing(compared.comparison)).collect(),
        commands: compared.reports.map(|report| shell(&report.command)),
        latencies: svg(PLOT, |area| latencies(area, &series, &[]))?,
        rewards: svg(PLOT, |area| rewards(area, &series))?,
        differences: differing(pairs)?,
        seeds: pairs.iter().map(|pair| Seeds { name: name(pair), rewards: paired(pair) }).collect(),
    };
    Ok(file.write_all(page.render()?.as_bytes())?)
}

/// What the samplers of a pair are called in a plot.
fn labels(pair: &Pair<'_>) -> [String; 2] {
    let [(a, first), (b, second)] = [(LETTERS[0], pair.samplers[0]), (LETTERS[1], pair.samplers[1])];
    [format!("{a} {}", first.name), format!("{b} {}", second.name)]
}

/// The plot of rewards in B minus rewards in A; none without a seed in both.
fn differing(pairs: &[Pair<'_>]) -> Result<Option<String>> {
    let names: Vec<String> = pairs.iter().map(name).collect();
    let columns = pairs.iter().zip(&names).enumerate().filter_map(|(place, (pair, name))| {
        // In the colour that the second one has in the other plots.
        Some(Paired { name, index: 2 * place + 1, seeds: paired(pair), difference: pair.difference? })
    });
    let columns: Vec<Paired<'_>> = columns.collect();
    if columns.is_empty() {
        Ok(None)
    } else {
        svg(PLOT, |area| differences(area, &columns, "reward, B minus A")).map(Some)
    }
}

fn paired(pair: &Pair<'_>) -> Vec<(u64, [f64; 2])> {
    let [first, second] = pair.samplers;
    paired_rewards(&first.episodes, &second.episodes).collect()
}
