//! An animated episode on the page, drawn by a script.

use anyhow::Result;
use askama::Template;
use parapolicy_eval::{Moment, Recording};
use parapolicy_pusht::geometry::{AGENT_RADIUS, TABLE_SIZE};
use parapolicy_pusht::{PushTScene, SUCCESS_COVERAGE};

use super::pusht_table::{Ground, transform};

/// Control steps that are shown: what comes later would make the page heavy.
const LONGEST: usize = 3000;

#[derive(Template)]
#[template(path = "episode.html")]
struct Episode<'a> {
    name: &'a str,
    seed: u64,
    side: f64,
    radius: f64,
    ground: Ground<'a>,
    /// How far from the top the share of the goal is that is a success.
    enough: f64,
    first: First,
    /// What the script plays, JSON.
    moments: String,
    shown: usize,
    steps: usize,
    last: usize,
}

/// Where things are before the script runs.
struct First {
    agent: [f64; 2],
    block: String,
}

/// The section with an episode; nothing if nothing was recorded, or if it is no episode of PushT.
pub fn render(recording: &Recording) -> Result<String> {
    let steps = recording.moments.len();
    let shown = recording.moments.iter().take(LONGEST);
    let scenes: Option<Vec<_>> = shown.map(|moment| Some((PushTScene::read(&moment.scene)?, moment))).collect();
    let Some(moments) = scenes else { return Ok(String::new()) };
    let Some((PushTScene { state, keep_out, .. }, _)) = moments.first() else { return Ok(String::new()) };
    let episode = Episode {
        name: &recording.sampler,
        seed: recording.seed,
        side: TABLE_SIZE,
        radius: AGENT_RADIUS,
        ground: Ground::new(keep_out),
        enough: 1.0 - SUCCESS_COVERAGE,
        first: First { agent: state.agent.into(), block: transform(&state.block) },
        moments: serde_json::to_string(&moments.iter().map(numbers).collect::<Vec<_>>())?,
        shown: moments.len(),
        steps,
        last: moments.len() - 1,
    };
    Ok(episode.render()?)
}

/// Agent, block, coverage, and the plan's points in turn, to what can be seen.
fn numbers((PushTScene { state, coverage, .. }, moment): &(PushTScene, &Moment)) -> Vec<f64> {
    let rounded = |value: f64, digits: f64| (value * digits).round() / digits;
    let block = state.block.position;
    let positions = [state.agent.x, state.agent.y, block.x, block.y].map(|value| rounded(value, 10.0));
    let rest = [rounded(state.block.angle, 1e4), rounded(*coverage, 1e4)];
    let plan = moment.ahead.iter().map(|&value| rounded(value, 10.0));
    positions.into_iter().chain(rest).chain(plan).collect()
}
