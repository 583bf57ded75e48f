//! Plot of the deviation of plans that a budget ended early, against rounds.

use std::io::Write;

use anyhow::Result;
use plotters::prelude::*;

use super::{Area, Drawn, FONT, MARGIN, TITLE, colour, legend, write};
use crate::commands::bench::Deviation;

const SIZE: (u32, u32) = (720, 420);
/// Below this a plan counts as the whole one (normalised units).
const FLOOR: f64 = 1e-4;

/// How far a sampler's plans end from the whole ones, after each number of rounds.
pub struct Curve {
    pub name: String,
    pub points: Vec<(usize, Deviation)>,
}

/// Draws the medians, and the 90th percentiles as a band above them, on logarithmic axes.
pub fn draw(curves: &[Curve], file: &mut dyn Write) -> Result<()> {
    write(file, SIZE, |area| curves_on(area, curves))
}

fn curves_on(area: &Area<'_>, curves: &[Curve]) -> Drawn {
    let points = || curves.iter().flat_map(|curve| &curve.points);
    let most = points().map(|(_, deviation)| f64::from(deviation.p90)).fold(FLOOR, f64::max);
    let rounds = points().map(|(rounds, _)| *rounds).max().unwrap_or(1) as f64;
    let mut chart = ChartBuilder::on(area)
        .caption("a plan cut short: distance to the whole plan", TITLE)
        .margin(MARGIN)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d((1.0..rounds * 1.1).log_scale(), (FLOOR..most * 1.5).log_scale())?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_desc("rounds spent")
        .x_label_formatter(&|rounds| format!("{rounds:.0}"))
        .y_desc("largest difference of an action (normalised)")
        .y_label_formatter(&|deviation| format!("{deviation}"))
        .label_style(FONT)
        .draw()?;
    for (index, curve) in curves.iter().enumerate() {
        let at = |quantile: fn(&Deviation) -> f32| {
            let point = move |(rounds, deviation): &(usize, Deviation)| {
                (*rounds as f64, f64::from(quantile(deviation)).max(FLOOR))
            };
            curve.points.iter().map(point).collect::<Vec<_>>()
        };
        let (median, high, colour) = (at(|deviation| deviation.p50), at(|deviation| deviation.p90), colour(index));
        let band: Vec<_> = median.iter().chain(high.iter().rev()).copied().collect();
        chart.draw_series([Polygon::new(band, colour.mix(0.15).filled())])?;
        chart.draw_series(median.iter().map(|point| Circle::new(*point, 3, colour.filled())))?;
        chart
            .draw_series(LineSeries::new(median, colour.stroke_width(2)))?
            .label(&curve.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
    }
    legend(&mut chart, SeriesLabelPosition::LowerLeft)
}
