//! `modes.html` and `modes.svg`: the ways that plans go, each in a colour of its own.

mod lines;
mod ribbon;
mod scene;

use std::io::Write;

use anyhow::Result;
use askama::Template;
use ndarray::{ArrayView2, Axis, s};
use parapolicy_policy::Manifest;
use parapolicy_pusht::State;

use super::shell;
use crate::commands::modes::{Drawn, ModeReport, ModesReport, Near, Situation, SituationReport};
use crate::output::table::Glance;
use crate::output::table::modes::{glance, interval, name, percent, sentences};

/// The most pictures on a page.
const PICTURES: usize = 24;
/// Those of the page's style, which darkens with it.
const COLOURS: [&str; 7] = ["#4169E1", "#D66024", "#2E8B57", "#9451A8", "#B08900", "#00868B", "#BE3C5F"];

/// What a situation is drawn from.
pub struct Picture<'a> {
    pub situation: &'a Situation,
    pub drawn: &'a Drawn,
    pub report: &'a SituationReport,
    pub manifest: &'a Manifest,
}

/// The plans of a way.
struct Fan<'a> {
    colour: &'static str,
    /// Few plans are drawn stronger.
    opacity: f64,
    /// `[n, action_dim]` each, from the first action that is executed on.
    plans: Vec<ArrayView2<'a, f64>>,
    shown: Vec<ArrayView2<'a, f64>>,
    /// The plan that stands for it.
    stands: Option<ArrayView2<'a, f64>>,
    words: String,
}

#[derive(Template)]
#[template(path = "modes.html")]
struct ModesPage<'a> {
    report: &'a ModesReport,
    sentences: Vec<String>,
    glance: Glance,
    ribbon: Option<String>,
    pictures: Vec<(String, String)>,
    /// Situations with several ways, of which there is no room for a picture.
    left_out: usize,
    command: String,
}

/// Writes the page.
pub fn write(report: &ModesReport, pictures: &[Picture<'_>], near: Option<&Near>, file: &mut dyn Write) -> Result<()> {
    let is_episode = pictures.len() > 1;
    let worth = |picture: &&Picture<'_>| {
        !is_episode || picture.report.torn() > 0.5 || picture.report.changed() || picture.report.modes.len() > 1
    };
    let colours = colours(report);
    let several = pictures.iter().filter(worth).count();
    let mut chosen: Vec<&Picture<'_>> = pictures.iter().filter(worth).collect();
    // Where there is no room for all of them, those that are torn most.
    chosen.sort_by(|a, b| b.report.torn().total_cmp(&a.report.torn()));
    chosen.truncate(PICTURES);
    chosen.sort_by_key(|picture| picture.report.step);
    let drawn = chosen.iter().map(|picture| Ok((picture.title(), picture.draw(&colours, near, false)?)));
    let page = ModesPage {
        report,
        sentences: sentences(report),
        glance: glance(report),
        ribbon: is_episode.then(|| ribbon::draw(report, &colours, false)).transpose()?,
        pictures: drawn.collect::<Result<_>>()?,
        left_out: several.saturating_sub(PICTURES),
        command: shell(&report.command),
    };
    Ok(file.write_all(page.render()?.as_bytes())?)
}

/// Writes the picture of the only situation, or the ribbon of an episode.
pub fn picture(
    report: &ModesReport,
    pictures: &[Picture<'_>],
    near: Option<&Near>,
    file: &mut dyn Write,
) -> Result<()> {
    let colours = colours(report);
    let text = match pictures {
        [picture] => picture.draw(&colours, near, true)?,
        _ => ribbon::draw(report, &colours, true)?,
    };
    Ok(file.write_all(text.as_bytes())?)
}

/// The colour of each way: one that no other way has in the same situation or the one before; of those that are left, the one used least.
fn colours(report: &ModesReport) -> Vec<&'static str> {
    let mut chosen: Vec<Option<usize>> = vec![None; report.identities.len()];
    let mut used = [0; COLOURS.len()];
    let mut before = Vec::new();
    for situation in &report.situations {
        let here: Vec<usize> = situation.modes.iter().map(|mode| mode.identity).collect();
        for &identity in &here {
            if chosen[identity].is_none() {
                let near = |colour: usize| here.iter().chain(&before).any(|other| chosen[*other] == Some(colour));
                let free = (0..COLOURS.len()).min_by_key(|colour| (near(*colour), used[*colour], *colour)).unwrap_or(0);
                chosen[identity] = Some(free);
                used[free] += 1;
            }
        }
        before = here;
    }
    chosen.into_iter().map(|colour| COLOURS[colour.unwrap_or(0)]).collect()
}

impl Picture<'_> {
    fn title(&self) -> String {
        self.report.step.map_or_else(|| "The observation".into(), |step| format!("Control step {step}"))
    }

    fn draw(&self, colours: &[&'static str], near: Option<&Near>, alone: bool) -> Result<String> {
        let fans: Vec<Fan<'_>> = self.report.modes.iter().map(|mode| self.fan(mode, colours, near)).collect();
        let newest = self.situation.observation.outer_iter().next_back().map(|row| row.to_vec());
        let state = newest.and_then(|newest| State::observed(self.manifest, &newest));
        match state.filter(|_| self.manifest.action_dim() == 2) {
            Some(state) => scene::draw(&state, &fans, self.manifest.n_action_steps, alone),
            None => lines::draw(&fans, self.manifest, alone),
        }
    }

    fn fan<'b>(&'b self, mode: &ModeReport, colours: &[&'static str], near: Option<&'b Near>) -> Fan<'b> {
        let start = self.manifest.executed_steps().start;
        let plan = |plan: &usize| self.drawn.actions.index_axis(Axis(0), *plan).slice_move(s![start.., ..]);
        let shown = |near: &'b Near| mode.shown.iter().map(|row| near.actions.index_axis(Axis(0), *row)).collect();
        let mut words = format!("{} ({})", percent(mode.weight.mean), interval(mode.weight));
        if let Some(demonstrated) = mode.demonstrated {
            words += &format!(", demonstrated {}", percent(demonstrated.mean));
        }
        Fan {
            colour: colours[mode.identity],
            opacity: (20.0 / mode.members.len().max(1) as f64).clamp(0.22, 0.8),
            plans: mode.members.iter().map(plan).collect(),
            shown: near.map_or_else(Vec::new, shown),
            stands: mode.medoid.as_ref().map(plan),
            words: format!("{}: {words}", name(mode)),
        }
    }
}
