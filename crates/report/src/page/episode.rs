//! Episodes on the page, drawn by a script: one seed, the samplers side by side on the clock of [`Track`].

use anyhow::Result;
use askama::Template;
use parapolicy_eval::{EpisodeReport, Recording, Report};
use parapolicy_pusht::geometry::{AGENT_RADIUS, TABLE_SIZE};
use parapolicy_pusht::{PushTScene, SUCCESS_COVERAGE, State};

use super::pusht_table::{Ground, transform};
use crate::track::{Track, period, played, waits};

/// Control steps of a side that are shown: what comes later would make the page heavy.
const LONGEST: usize = 3000;

#[derive(Template)]
#[template(path = "episode.html")]
struct Scene<'a> {
    /// Its anchor on the page.
    id: &'a str,
    title: &'a str,
    seed: u64,
    /// Of the table, px.
    size: f64,
    radius: f64,
    ground: Ground<'a>,
    /// How far from the top the share of the goal is that is a success.
    enough: f64,
    sides: Vec<Side<'a>>,
    /// Whether the robot waits for its plans.
    waits: bool,
    period_ms: f64,
    /// Control steps until the last side is done, as the slider counts.
    last: usize,
    /// The same in s.
    end: f64,
}

/// A sampler's episode.
struct Side<'a> {
    name: &'a str,
    /// The number of its colour.
    colour: usize,
    first: First,
    /// What the script plays, JSON.
    moments: String,
    /// How it ended, in a word, and in more of them.
    ended: &'static str,
    outcome: String,
}

/// Where things are before the script runs.
struct First {
    agent: [f64; 2],
    block: String,
}

/// An episode as it is to be found on the page.
pub struct Anchor<'a> {
    pub id: &'a str,
    pub title: &'a str,
}

/// The section with the samplers' episodes of one seed; nothing if nothing was recorded, or if they are none of PushT.
pub fn render(Anchor { id, title }: Anchor<'_>, recordings: &[Recording], report: &Report) -> Result<String> {
    let scenes: Vec<(PushTScene, &Recording)> =
        recordings.iter().filter_map(|of| Some((PushTScene::read(&of.moments.first()?.scene)?, of))).collect();
    let [(PushTScene { keep_out, .. }, first), ..] = scenes.as_slice() else { return Ok(String::new()) };
    let (period, waits) = (period(report), waits(report));
    let tracks: Vec<Track<'_>> = scenes.iter().map(|(_, recording)| Track::of(recording, period, waits)).collect();
    let sides =
        scenes.iter().zip(&tracks).map(|((scene, recording), track)| side(&scene.state, recording, track, report));
    let shown =
        |track: &Track<'_>| track.steps.iter().take(LONGEST).next_back().map_or(0.0, |step| step.began + period);
    let end = tracks.iter().map(shown).fold(0.0, f64::max);
    let scene = Scene {
        id,
        title,
        seed: first.seed,
        size: TABLE_SIZE,
        radius: AGENT_RADIUS,
        ground: Ground::new(keep_out),
        enough: 1.0 - SUCCESS_COVERAGE,
        sides: sides.collect::<Result<_>>()?,
        waits,
        period_ms: 1e3 * period,
        last: (end / period - 1e-6).ceil() as usize,
        end,
    };
    Ok(scene.render()?)
}

fn side<'a>(state: &State, recording: &'a Recording, track: &Track<'_>, report: &Report) -> Result<Side<'a>> {
    let (colour, episode) = played(recording, report);
    let shown: Vec<Vec<f64>> = (0..track.steps.len().min(LONGEST)).filter_map(|index| numbers(track, index)).collect();
    Ok(Side {
        name: &recording.sampler,
        colour,
        first: First { agent: state.agent.into(), block: transform(&state.block) },
        ended: if succeeds(episode) { "done" } else { "over" },
        outcome: outcome(track, episode),
        moments: serde_json::to_string(&shown)?,
    })
}

fn succeeds(episode: Option<&EpisodeReport>) -> bool {
    episode.is_some_and(|episode| episode.success)
}

/// How it ended, in words.
fn outcome(track: &Track<'_>, episode: Option<&EpisodeReport>) -> String {
    let Some(last) = track.at(track.end) else { return String::new() };
    let ended = if succeeds(episode) { "succeeds after" } else { "is out of time after" };
    let waited = match (last.waited > 0.0, episode) {
        (true, Some(EpisodeReport { plans, .. })) => format!(", {:.2} s of it waiting for {plans} plans", last.waited),
        _ => String::new(),
    };
    let more = if track.steps.len() > LONGEST {
        format!("; the first {LONGEST} control steps are shown")
    } else {
        String::new()
    };
    format!("{ended} {:.2} s{waited}, reward {:.3}{more}", track.end, last.reward)
}

/// A control step: when it began, how long it waited, the newest plan's latency, s; agent, block, coverage after it; and the plan's
/// points in turn; to what can be seen.
fn numbers(track: &Track<'_>, index: usize) -> Option<Vec<f64>> {
    let (moment, step) = (&track.moments[index], &track.steps[index]);
    let PushTScene { state, coverage, .. } = PushTScene::read(&moment.scene)?;
    let rounded = |value: f64, digits: f64| (value * digits).round() / digits;
    let times = [step.began, step.began - step.due, step.latency].map(|time| rounded(time, 1e4));
    let block = state.block.position;
    let positions = [state.agent.x, state.agent.y, block.x, block.y].map(|value| rounded(value, 10.0));
    let rest = [rounded(state.block.angle, 1e4), rounded(coverage, 1e4)];
    let plan = moment.ahead.iter().map(|&value| rounded(value, 10.0));
    Some(times.into_iter().chain(positions).chain(rest).chain(plan).collect())
}
