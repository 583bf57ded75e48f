//! `report.svg`: the page's plots of latency and reward, in the page's form.

use std::io::Write;

use anyhow::Result;
use askama::Template;
use parapolicy_control::BoxError;
use parapolicy_eval::{Report, ReportOutput, Run};

use super::PLOT;
use crate::plot::{Series, latencies, marks, rewards, svg};
use crate::verdict::verdict;

/// Around all, and between cards, px.
const EDGE: u32 = 20;
/// Around a plot in its card.
const PAD: u32 = 16;
/// What the title takes.
const HEAD: u32 = 80;
/// What a card's heading takes.
const HEADING: u32 = 44;

#[derive(Template)]
#[template(path = "figure.svg")]
struct Figure {
    width: u32,
    height: u32,
    edge: u32,
    pad: u32,
    head: u32,
    card_width: u32,
    card_height: u32,
    title: String,
    /// The first sentence of the page's answer.
    answer: String,
    cards: Vec<Card>,
}

struct Card {
    left: u32,
    heading: &'static str,
    plot: String,
}

/// The plots in a file of their own.
pub struct SvgOutput;

impl ReportOutput for SvgOutput {
    fn file_name(&self) -> &'static str {
        "report.svg"
    }

    fn write(&self, run: &Run<'_>, file: &mut dyn Write) -> Result<(), BoxError> {
        Ok(write(run.report, file)?)
    }
}

fn write(report: &Report, file: &mut dyn Write) -> Result<()> {
    let series: Vec<Series<'_>> = report.samplers.iter().map(Series::of).collect();
    let plots = [
        (latency_heading(report), svg(PLOT, |area| latencies(area, &series, &marks(report)))?),
        ("Reward by episode", svg(PLOT, |area| rewards(area, &series))?),
    ];
    let (card_width, card_height) = (PLOT.0 + 2 * PAD, PLOT.1 + HEADING + PAD);
    let figure = Figure {
        width: 2 * card_width + 3 * EDGE,
        height: HEAD + card_height + EDGE,
        edge: EDGE,
        pad: PAD,
        head: HEAD,
        card_width,
        card_height,
        title: format!("{} on {}, {} in {} steps", report.model.name, report.scenario, report.solver, report.steps),
        answer: verdict(report).into_iter().next().unwrap_or_default(),
        cards: (0..)
            .zip(plots)
            .map(|(place, (heading, plot))| Card { left: EDGE + place * (card_width + EDGE), heading, plot })
            .collect(),
    };
    Ok(file.write_all(figure.render()?.as_bytes())?)
}

/// Whether plans were drawn together.
pub fn together(report: &Report) -> bool {
    report.samplers.iter().any(|sampler| sampler.sampling_latency_ms.is_none())
}

/// What the plot of latencies is called.
pub fn latency_heading(report: &Report) -> &'static str {
    if together(report) { "Latency of a call" } else { "Latency of a plan" }
}
