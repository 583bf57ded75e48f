//! Plans on the table of PushT.

use anyhow::Result;
use askama::Template;
use ndarray::ArrayView2;
use parapolicy_pusht::State;
use parapolicy_pusht::geometry::AGENT_RADIUS;

use super::Fan;
use crate::output::page::pusht_table::{Ground, points, transform};
use crate::output::page::rounds::frame;

/// Side of the picture, px.
const WIDTH: u32 = 480;

#[derive(Template)]
#[template(path = "modes_scene.svg")]
struct Scene<'a> {
    alone: bool,
    width: u32,
    left: f64,
    top: f64,
    side: f64,
    /// A pixel of the picture, table px.
    pixel: f64,
    legend: f64,
    ground: Ground<'a>,
    block: String,
    agent: [f64; 2],
    radius: f64,
    fans: Vec<Lines>,
}

/// A way, as it is drawn.
struct Lines {
    colour: &'static str,
    opacity: f64,
    plans: Vec<String>,
    shown: Vec<String>,
    stands: Option<String>,
    /// The actions of the plan that stands for it that are executed.
    dots: Vec<[f64; 2]>,
    words: String,
}

/// The picture, as large as what is in it.
pub fn draw(state: &State, fans: &[Fan<'_>], executed: usize, alone: bool) -> Result<String> {
    let all = fans.iter().flat_map(|fan| fan.plans.iter().chain(&fan.shown));
    let (left, top, side) = frame(state, &all.map(places).collect::<Vec<_>>());
    let pixel = side / f64::from(WIDTH);
    let line = |plan: &ArrayView2<'_, f64>| points(places(plan));
    let lines = fans.iter().map(|fan| Lines {
        colour: fan.colour,
        opacity: fan.opacity,
        plans: fan.plans.iter().map(line).collect(),
        shown: fan.shown.iter().map(line).collect(),
        stands: fan.stands.as_ref().map(line),
        dots: fan.stands.iter().flat_map(|plan| places(plan).into_iter().take(executed)).collect(),
        words: fan.words.clone(),
    });
    let scene = Scene {
        alone,
        width: WIDTH,
        left,
        top,
        side,
        pixel,
        legend: pixel * (20.0 * fans.len() as f64 + 14.0),
        ground: Ground::new(&[]),
        block: transform(&state.block),
        agent: state.agent.into(),
        radius: AGENT_RADIUS,
        fans: lines.collect(),
    };
    Ok(scene.render()?)
}

fn places(plan: &ArrayView2<'_, f64>) -> Vec<[f64; 2]> {
    plan.outer_iter().map(|action| [action[0], action[1]]).collect()
}
