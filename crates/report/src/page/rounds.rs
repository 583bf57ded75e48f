//! The rounds of one plan of PushT, from pale to dark: on the page, and `rounds.svg`.

use std::io::Write;

use anyhow::Result;
use askama::Template;
use ndarray::Array2;
use parapolicy_control::BoxError;
use parapolicy_eval::{ReportOutput, Rounds, Run};
use parapolicy_pusht::geometry::{AGENT_RADIUS, OUTLINE};
use parapolicy_pusht::{PushTScene, State};

use super::is_pusht;
use super::pusht_table::{Ground, points, transform};

/// Side of the picture, px.
const WIDTH: u32 = 420;
/// What is shown around agent, block and plans, table px.
const MARGIN: f64 = 25.0;
/// The first round's share of the last one's colour.
const PALEST: f64 = 0.2;
/// Up to this many rounds are all labelled; of more, only the first and the last.
const NAMED: usize = 9;

#[derive(Template)]
#[template(path = "rounds.svg")]
struct Picture<'a> {
    /// Whether it stands in a file of its own, without the page's style.
    alone: bool,
    width: u32,
    left: f64,
    top: f64,
    side: f64,
    /// Height of the legend below, table px.
    legend: f64,
    /// Size of its text.
    text: f64,
    thin: f64,
    dot: f64,
    ground: Ground<'a>,
    block: String,
    agent: [f64; 2],
    radius: f64,
    rounds: Vec<Round<'a>>,
}

struct Round<'a> {
    darkness: f64,
    points: String,
    /// The actions themselves, of the last round.
    dots: &'a [[f64; 2]],
    /// Where its name stands in the legend.
    place: Option<f64>,
}

/// The picture in a file of its own.
pub struct RoundsOutput;

impl ReportOutput for RoundsOutput {
    fn file_name(&self) -> &'static str {
        "rounds.svg"
    }

    fn applies(&self, run: &Run<'_>) -> bool {
        rounds_of(run).is_some() && is_pusht(run.report)
    }

    fn write(&self, run: &Run<'_>, file: &mut dyn Write) -> Result<(), BoxError> {
        let Some(rounds) = rounds_of(run) else { return Ok(()) };
        let picture = render(rounds, true)?.unwrap_or_default();
        Ok(file.write_all(picture.as_bytes())?)
    }
}

/// Those of the last sampler.
fn rounds_of<'a>(run: &Run<'a>) -> Option<&'a Rounds> {
    run.recordings.first.last()?.rounds.as_ref()
}

/// The picture, as large as what is in it; `alone` if it stands in a file of its own. None of another environment.
pub fn render(rounds: &Rounds, alone: bool) -> Result<Option<String>> {
    let Some(scene) = PushTScene::read(&rounds.scene) else { return Ok(None) };
    let plan = |plan: &Array2<f64>| plan.outer_iter().map(|action| [action[0], action[1]]).collect();
    let plans: Vec<Vec<[f64; 2]>> = rounds.plans.iter().map(plan).collect();
    let (left, top, side) = frame(&scene.state, &plans);
    let text = side / 26.0;
    let picture = Picture {
        alone,
        width: WIDTH,
        left,
        top,
        side,
        legend: 2.4 * text,
        text,
        thin: side / 200.0,
        dot: side / 110.0,
        ground: Ground::new(&scene.keep_out),
        block: transform(&scene.state.block),
        agent: scene.state.agent.into(),
        radius: AGENT_RADIUS,
        rounds: lines(&plans, text),
    };
    Ok(Some(picture.render()?))
}

/// A line a round; `text` is the size of their names.
fn lines(plans: &[Vec<[f64; 2]>], text: f64) -> Vec<Round<'_>> {
    let last = plans.len().saturating_sub(1);
    let round = |index: usize| {
        let progress = if last > 0 { index as f64 / last as f64 } else { 1.0 };
        let place = match index {
            index if last < NAMED => Some(index),
            0 => Some(0),
            index => (index == last).then_some(1),
        };
        Round {
            darkness: PALEST + (1.0 - PALEST) * progress,
            points: points(plans[index].iter().copied()),
            dots: if index == last { &plans[index] } else { &[] },
            place: place.map(|place| text * (3.5 + 2.4 * place as f64)),
        }
    };
    (0..plans.len()).map(round).collect()
}

/// Left, top and side of the square that holds block, agent and plans.
#[must_use]
pub fn frame(state: &State, plans: &[Vec<[f64; 2]>]) -> (f64, f64, f64) {
    let block = state.block.place(&OUTLINE).into_iter();
    let seen: Vec<[f64; 2]> = block.chain([state.agent.into()]).chain(plans.iter().flatten().copied()).collect();
    let [(left, right), (top, bottom)] = [0, 1].map(|axis| {
        let values = || seen.iter().map(move |point| point[axis]);
        (values().fold(f64::INFINITY, f64::min) - MARGIN, values().fold(f64::NEG_INFINITY, f64::max) + MARGIN)
    });
    let side = (right - left).max(bottom - top);
    ((left + right - side) / 2.0, (top + bottom - side) / 2.0, side)
}
