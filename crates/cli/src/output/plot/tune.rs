//! Plots of what `tune` measured: distance and reward against latency.

use std::io::Write;

use anyhow::Result;
use parapolicy_control::tuned::{Estimate, Measured, Tuned};
use parapolicy_eval::tuning::{Point, frontier};
use plotters::prelude::*;

use super::{Area, Drawn, FONT, MARGIN, SIZE, TITLE, colour, legend, write};

/// Distance of plans against their latency with the frontier; beside it the reward, where episodes were played.
pub fn draw(tuned: &Tuned, file: &mut dyn Write) -> Result<()> {
    write(file, SIZE, |area| {
        let (left, right) = area.split_horizontally(SIZE.0 / 2);
        let played = has_rewards(tuned);
        let distance = if played { &left } else { area };
        distances(&distance.titled("distance from the reference's plans", TITLE)?, tuned)?;
        if played { rewards(&right.titled("reward beside the reference's", TITLE)?, tuned) } else { Ok(()) }
    })
}

/// Whether episodes were played.
pub fn has_rewards(tuned: &Tuned) -> bool {
    tuned.settings.iter().any(|measured| measured.reward.is_some())
}

/// Distance against latency; a line along the settings that no other beats in both.
pub fn distances(area: &Area<'_>, tuned: &Tuned) -> Drawn {
    let point = |measured: &Measured| Point { latency_ms: measured.latency_ms.p50, distance: measured.distance.mean };
    let points: Vec<Point> = tuned.settings.iter().map(point).collect();
    let line = frontier(&points).into_iter().map(|index| (points[index].latency_ms, points[index].distance)).collect();
    panel(area, tuned, "energy distance (normalised units)", line, |measured| Some(measured.distance))
}

/// Difference in reward against latency.
pub fn rewards(area: &Area<'_>, tuned: &Tuned) -> Drawn {
    let zero = Estimate { mean: 0.0, interval: None, count: 0 };
    panel(area, tuned, "reward minus the reference's", Vec::new(), |measured| {
        Some(measured.reward?.difference.unwrap_or(zero))
    })
}

/// Points with their intervals, numbered as in the table, a colour a solver.
fn panel(
    area: &Area<'_>,
    tuned: &Tuned,
    what: &str,
    line: Vec<(f64, f64)>,
    of: impl Fn(&Measured) -> Option<Estimate>,
) -> Drawn {
    let shown: Vec<(usize, &Measured, Estimate)> = tuned
        .settings
        .iter()
        .enumerate()
        .filter_map(|(index, measured)| Some((index, measured, of(measured)?)))
        .collect();
    let ends = |estimate: &Estimate| estimate.interval.map_or([estimate.mean; 2], |found| [found.low, found.high]);
    let all = || shown.iter().flat_map(|(_, _, estimate)| ends(estimate)).chain([0.0]);
    let [low, high] = [all().fold(0.0, f64::min), all().fold(0.0, f64::max)];
    let room = 0.1 * (high - low).max(1e-3);
    let times = || shown.iter().map(|(_, measured, _)| measured.latency_ms.p50);
    let [fastest, slowest] = [times().fold(f64::INFINITY, f64::min), times().fold(0.0, f64::max)];
    let mut chart = ChartBuilder::on(area)
        .margin(MARGIN)
        .x_label_area_size(40)
        .y_label_area_size(64)
        .build_cartesian_2d((0.7 * fastest..1.6 * slowest).log_scale(), low - room..high + room)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_desc("median time of a plan, ms")
        .x_label_formatter(&|ms| format!("{ms}"))
        .y_desc(what)
        .y_label_formatter(&|value| format!("{value:.3}"))
        .label_style(FONT)
        .draw()?;
    chart.draw_series(LineSeries::new(line, BLACK.mix(0.4).stroke_width(2)))?;
    let mut solvers: Vec<&str> = Vec::new();
    for (index, measured, estimate) in &shown {
        let (x, solver) = (measured.latency_ms.p50, measured.setting.solver.as_str());
        let known = solvers.iter().position(|known| *known == solver);
        let hue = colour(known.unwrap_or(solvers.len()) + 1);
        let [low, high] = ends(estimate);
        chart.draw_series([PathElement::new([(x, low), (x, high)], hue.stroke_width(1))])?;
        let drawn = chart.draw_series([Circle::new((x, estimate.mean), 4, hue.filled())])?;
        if known.is_none() {
            drawn.label(solver).legend(move |(x, y)| Circle::new((x + 9, y), 4, hue.filled()));
            solvers.push(solver);
        }
        chart.draw_series([Text::new((index + 1).to_string(), (x * 1.06, estimate.mean), FONT)])?;
    }
    legend(&mut chart, SeriesLabelPosition::UpperRight)
}
