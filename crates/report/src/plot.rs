//! Plots, as SVG.

pub mod differences;
mod latencies;
mod rewards;

use std::io::Write;

use anyhow::{Result, anyhow};
use parapolicy_eval::SamplerReport;
use plotters::coord::Shift;
use plotters::prelude::*;

/// A plot in a file of its own, px.
pub const SIZE: (u32, u32) = (960, 420);
/// Around a chart, px.
pub const MARGIN: i32 = 12;
/// Of axes and legends.
pub const FONT: (&str, i32) = ("sans-serif", 14);
/// Of titles.
pub const TITLE: (&str, i32) = ("sans-serif", 17);

pub use self::latencies::{Mark, latencies, marks};
pub use self::rewards::rewards;

/// A sampler's figures, and what it is called beside the others.
pub struct Series<'a> {
    /// What it is called.
    pub name: &'a str,
    /// Its figures.
    pub report: &'a SamplerReport,
}

/// What is drawn on.
pub type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

impl<'a> Series<'a> {
    /// Under the sampler's own name.
    pub fn of(report: &'a SamplerReport) -> Self {
        Self { name: &report.name, report }
    }
}

/// Writes an SVG of `size` with what `draw` draws on it.
pub fn write(file: &mut dyn Write, size: (u32, u32), draw: impl FnOnce(&Area<'_>) -> Drawn) -> Result<()> {
    Ok(file.write_all(svg(size, draw)?.as_bytes())?)
}

/// An SVG of `size` with what `draw` draws on it.
pub fn svg(size: (u32, u32), draw: impl FnOnce(&Area<'_>) -> Drawn) -> Result<String> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, size).into_drawing_area();
        let drawn = || -> Drawn {
            area.fill(&WHITE)?;
            draw(&area)?;
            Ok(area.present()?)
        };
        drawn().map_err(|error| anyhow!("the plot could not be drawn: {error}"))?;
    }
    Ok(svg)
}

/// The colour of a series: none is that of plans, orange.
#[must_use]
pub fn colour(index: usize) -> RGBColor {
    const COLOURS: [RGBColor; 8] = [
        RGBColor(90, 90, 90),
        RGBColor(65, 105, 225),
        RGBColor(148, 81, 168),
        RGBColor(0, 134, 139),
        RGBColor(176, 137, 0),
        RGBColor(46, 139, 87),
        RGBColor(190, 60, 95),
        RGBColor(122, 88, 68),
    ];
    COLOURS[index % COLOURS.len()]
}

/// Of what draws.
pub type Drawn = Result<(), Box<dyn std::error::Error>>;

/// Draws the names of a chart's series.
pub fn legend<'a, X: Ranged, Y: Ranged>(
    chart: &mut ChartContext<'a, SVGBackend<'a>, Cartesian2d<X, Y>>,
    position: SeriesLabelPosition,
) -> Drawn {
    let mut labels = chart.configure_series_labels();
    labels.position(position).border_style(BLACK.mix(0.3)).background_style(WHITE).label_font(FONT);
    Ok(labels.draw()?)
}

/// How far from a column's centre its mean is drawn.
const ASIDE: f64 = 0.25;

/// How far from its column's centre the dot at `place` of `count` is drawn.
fn sideways(place: usize, count: usize) -> f64 {
    0.4 * place as f64 / (count.max(2) as f64 - 1.0) - 0.3
}

/// The name of the column whose centre is at `x`; nothing between them.
fn column_name(names: &[&str], x: f64) -> String {
    let nearest = x.round();
    let here = (x - nearest).abs() < 1e-6 && nearest >= 0.0;
    if here { names.get(nearest as usize).map_or_else(String::new, ToString::to_string) } else { String::new() }
}
