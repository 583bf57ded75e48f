//! Weights of the ways over an episode, one above the other.

use anyhow::Result;
use askama::Template;

use crate::commands::modes::{ModesReport, SituationReport};
use crate::output::table::modes::{name, percent};

/// The ribbon, px.
const SIZE: [f64; 2] = [900.0, 180.0];
const LEFT: f64 = 44.0;
const TOP: f64 = 24.0;

#[derive(Template)]
#[template(path = "modes_ribbon.svg")]
struct Ribbon {
    alone: bool,
    parts: Vec<Part>,
    /// Where the executed mode is, and its column's width.
    executed: Vec<[f64; 3]>,
    /// Columns in which the plan is not the one that was intended before.
    changed: Vec<f64>,
    steps: Vec<(f64, usize)>,
    right: f64,
    bottom: f64,
}

struct Part {
    colour: &'static str,
    x: f64,
    y: f64,
    width: f64,
    height: f64,
    words: String,
}

/// The ribbon.
pub fn draw(report: &ModesReport, colours: &[&'static str], alone: bool) -> Result<String> {
    let width = SIZE[0] / report.situations.len().max(1) as f64;
    let mut ribbon = Ribbon {
        alone,
        parts: Vec::new(),
        executed: Vec::new(),
        changed: Vec::new(),
        steps: Vec::new(),
        right: LEFT + SIZE[0],
        bottom: TOP + SIZE[1],
    };
    for (column, situation) in report.situations.iter().enumerate() {
        let x = LEFT + width * column as f64;
        ribbon.column(situation, colours, x, width);
        if let Some(step) = situation.step.filter(|_| column % report.situations.len().div_ceil(12) == 0) {
            ribbon.steps.push((x + width / 2.0, step));
        }
    }
    Ok(ribbon.render()?)
}

impl Ribbon {
    fn column(&mut self, situation: &SituationReport, colours: &[&'static str], x: f64, width: f64) {
        // In the order of their names, so that a way is at the same height in neighbouring columns.
        let mut order: Vec<usize> = (0..situation.modes.len()).collect();
        order.sort_by_key(|mode| situation.modes[*mode].identity);
        let mut y = TOP;
        for index in order {
            let mode = &situation.modes[index];
            let height = SIZE[1] * mode.weight.mean;
            let step = situation.step.unwrap_or_default();
            let words = format!("control step {step}, way {}: {}", name(mode), percent(mode.weight.mean));
            self.parts.push(Part { colour: colours[mode.identity], x, y, width, height, words });
            if situation.executed == Some(index) && situation.modes.len() > 1 {
                self.executed.push([x + width / 2.0, y + height / 2.0, (width / 6.0).min(4.0)]);
            }
            y += height;
        }
        if situation.changed() {
            self.changed.push(x + width / 2.0);
        }
    }
}
