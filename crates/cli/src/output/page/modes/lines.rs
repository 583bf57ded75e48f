//! Plans of any robot: a panel a number of the action, the actions from left to right.

use anyhow::Result;
use askama::Template;
use ndarray::ArrayView2;
use parapolicy_policy::Manifest;

use super::Fan;

/// Panels at most.
const PANELS: usize = 8;
/// A panel, px.
const SIZE: [f64; 2] = [460.0, 90.0];

#[derive(Template)]
#[template(path = "modes_lines.svg")]
struct Plot {
    alone: bool,
    width: f64,
    height: f64,
    panels: Vec<Panel>,
    legend: Vec<(f64, &'static str, String)>,
}

struct Panel {
    top: f64,
    title: String,
    /// Largest and smallest value.
    bounds: [String; 2],
    /// Colour, opacity, width and points.
    lines: Vec<(&'static str, f64, f64, String)>,
}

/// The picture.
pub fn draw(fans: &[Fan<'_>], manifest: &Manifest, alone: bool) -> Result<String> {
    let names: Vec<String> = manifest
        .actions
        .iter()
        .flat_map(|entry| {
            (0..entry.len()).map(move |index| match entry.len() {
                1 => entry.name.clone(),
                _ => format!("{} [{index}]", entry.name),
            })
        })
        .take(PANELS)
        .collect();
    let pitch = SIZE[1] + 30.0;
    let panels =
        names.into_iter().enumerate().map(|(column, title)| panel(fans, column, title, 24.0 + pitch * column as f64));
    let panels: Vec<Panel> = panels.collect();
    let end = pitch * panels.len() as f64;
    let legend = (1..).zip(fans).map(|(row, fan)| (end + 20.0 * f64::from(row), fan.colour, fan.words.clone()));
    let height = end + 20.0 * fans.len() as f64 + 14.0;
    Ok(Plot { alone, width: SIZE[0] + 20.0, height, panels, legend: legend.collect() }.render()?)
}

fn panel(fans: &[Fan<'_>], column: usize, title: String, top: f64) -> Panel {
    let all = || fans.iter().flat_map(|fan| fan.plans.iter().chain(&fan.shown));
    let values = || all().flat_map(|plan| plan.column(column).to_vec());
    let (low, high) = (values().fold(f64::INFINITY, f64::min), values().fold(f64::NEG_INFINITY, f64::max));
    let steps = all().map(ArrayView2::nrows).max().unwrap_or(1).max(2);
    let line = |plan: &ArrayView2<'_, f64>| {
        let point = |(step, value): (usize, &f64)| {
            let x = 10.0 + SIZE[0] * step as f64 / (steps - 1) as f64;
            let share = if high > low { (value - low) / (high - low) } else { 0.5 };
            format!("{x:.1},{:.1}", top + SIZE[1] * (1.0 - share))
        };
        plan.column(column).iter().enumerate().map(point).collect::<Vec<_>>().join(" ")
    };
    let thin = fans.iter().flat_map(|fan| fan.plans.iter().map(|plan| (fan.colour, fan.opacity, 1.0, line(plan))));
    let thick = fans.iter().flat_map(|fan| fan.stands.iter().map(|plan| (fan.colour, 1.0, 2.5, line(plan))));
    Panel { top, title, bounds: [high, low].map(|value| format!("{value:.3}")), lines: thin.chain(thick).collect() }
}
