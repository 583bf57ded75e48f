//! The rounds of one plan, from pale to dark.

use anyhow::Result;
use askama::Template;
use parapolicy_pusht::KeepOut;
use parapolicy_pusht::geometry::{AGENT_RADIUS, OUTLINE};

use super::table::{Ground, points, transform};
use crate::output::animation::Rounds;

/// Side of the picture, px.
const WIDTH: u32 = 420;
/// What is shown around agent, block and plans, table px.
const MARGIN: f64 = 25.0;
/// The first round's share of the last one's colour.
const PALEST: f64 = 0.2;
/// So many rounds have a name; of more, the first and the last.
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

/// The picture, as large as what is in it; `alone` if it stands in a file of its own.
pub fn render(rounds: &Rounds, keep_out: &[KeepOut], alone: bool) -> Result<String> {
    let (left, top, side) = frame(rounds);
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
        ground: Ground::new(keep_out),
        block: transform(&rounds.state.block),
        agent: rounds.state.agent.into(),
        radius: AGENT_RADIUS,
        rounds: lines(rounds, text),
    };
    Ok(picture.render()?)
}

/// A line a round; `text` is the size of their names.
fn lines(Rounds { plans, .. }: &Rounds, text: f64) -> Vec<Round<'_>> {
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
fn frame(Rounds { state, plans }: &Rounds) -> (f64, f64, f64) {
    let block = state.block.place(&OUTLINE).into_iter();
    let seen: Vec<[f64; 2]> = block.chain([state.agent.into()]).chain(plans.iter().flatten().copied()).collect();
    let [(left, right), (top, bottom)] = [0, 1].map(|axis| {
        let values = || seen.iter().map(move |point| point[axis]);
        (values().fold(f64::INFINITY, f64::min) - MARGIN, values().fold(f64::NEG_INFINITY, f64::max) + MARGIN)
    });
    let side = (right - left).max(bottom - top);
    ((left + right - side) / 2.0, (top + bottom - side) / 2.0, side)
}
