pub mod anytime;
pub mod study;

use std::io::Write;

use anyhow::{Result, anyhow};
use parapolicy_control::{Latency, SamplerReport};
use plotters::coord::Shift;
use plotters::prelude::*;

const SIZE: (u32, u32) = (960, 420);
const MARGIN: i32 = 12;
const FONT: (&str, i32) = ("sans-serif", 14);
const TITLE: (&str, i32) = ("sans-serif", 17);

/// A sampler's figures and its latencies, whole.
pub struct Series<'a> {
    pub report: &'a SamplerReport,
    pub latency: &'a Latency,
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// Draws sampling latency as cumulative distributions, and the reward of every episode with the mean's interval.
pub fn draw(series: &[Series<'_>], file: &mut dyn Write) -> Result<()> {
    write(file, SIZE, |area| {
        let (left, right) = area.split_horizontally(SIZE.0 / 2);
        latencies(&left, series)?;
        rewards(&right, series)
    })
}

/// Writes an SVG of `size` with what `draw` draws on it.
fn write(file: &mut dyn Write, size: (u32, u32), draw: impl FnOnce(&Area<'_>) -> Drawn) -> Result<()> {
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
    Ok(file.write_all(svg.as_bytes())?)
}

fn colour(index: usize) -> RGBColor {
    const COLOURS: [RGBColor; 6] = [
        RGBColor(90, 90, 90),
        RGBColor(65, 105, 225),
        RGBColor(214, 96, 36),
        RGBColor(46, 139, 87),
        RGBColor(148, 81, 168),
        RGBColor(176, 137, 0),
    ];
    COLOURS[index % COLOURS.len()]
}

type Drawn = Result<(), Box<dyn std::error::Error>>;

/// Draws the names of a chart's series.
fn legend<'a, X: Ranged, Y: Ranged>(
    chart: &mut ChartContext<'a, SVGBackend<'a>, Cartesian2d<X, Y>>,
    position: SeriesLabelPosition,
) -> Drawn {
    let mut labels = chart.configure_series_labels();
    labels.position(position).border_style(BLACK.mix(0.3)).background_style(WHITE).label_font(FONT);
    Ok(labels.draw()?)
}

fn latencies(area: &Area<'_>, series: &[Series<'_>]) -> Drawn {
    let slowest = series.iter().map(|entry| entry.report.throughput.call_latency_ms.max).fold(0.0, f64::max);
    let together = series.iter().any(|entry| entry.report.sampling_latency_ms.is_none());
    let (caption, unit) = if together {
        ("latency of a call, shared by its plans", "milliseconds a call")
    } else {
        ("sampling latency", "milliseconds a plan")
    };
    let mut chart = ChartBuilder::on(area)
        .caption(caption, TITLE)
        .margin(MARGIN)
        .x_label_area_size(40)
        .y_label_area_size(50)
        .build_cartesian_2d(0.0..slowest * 1.05, 0.0..1.0)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_desc(unit)
        .x_label_formatter(&|milliseconds| format!("{milliseconds:.0}"))
        .y_desc("share of plans")
        .label_style(FONT)
        .draw()?;
    for (index, entry) in series.iter().enumerate() {
        let stroke = colour(index).stroke_width(2);
        chart
            .draw_series(LineSeries::new(steps(entry.latency), stroke))?
            .label(&entry.report.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], stroke));
    }
    legend(&mut chart, SeriesLabelPosition::LowerRight)
}

/// The cumulative distribution as stairs: it rises where a plan was, and is level between.
fn steps(latency: &Latency) -> Vec<(f64, f64)> {
    let mut points = Vec::new();
    let mut below = 0.0;
    for (milliseconds, share) in latency.cumulative() {
        points.extend([(milliseconds, below), (milliseconds, share)]);
        below = share;
    }
    points
}

/// A column of dots a sampler, one dot an episode, spread sideways; the mean and its interval beside them.
fn rewards(area: &Area<'_>, series: &[Series<'_>]) -> Drawn {
    let names: Vec<&str> = series.iter().map(|entry| entry.report.name.as_str()).collect();
    let mut chart = ChartBuilder::on(area)
        .caption("reward", TITLE)
        .margin(MARGIN)
        .x_label_area_size(40)
        .y_label_area_size(50)
        .build_cartesian_2d(-0.5..names.len() as f64 - 0.5, 0.0..1.02)?;
    let name = |x: &f64| {
        let nearest = x.round();
        let here = (x - nearest).abs() < 1e-6 && nearest >= 0.0;
        if here { names.get(nearest as usize).map_or_else(String::new, ToString::to_string) } else { String::new() }
    };
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .disable_x_mesh()
        .x_labels(2 * names.len() + 1)
        .x_label_formatter(&name)
        .y_desc("largest reward of an episode")
        .label_style(FONT)
        .draw()?;
    for (index, entry) in series.iter().enumerate() {
        let (column, colour) = (index as f64, colour(index));
        let count = entry.report.episodes.len().max(2) as f64;
        chart.draw_series(entry.report.episodes.iter().enumerate().map(|(place, episode)| {
            let x = column - 0.3 + 0.4 * place as f64 / (count - 1.0);
            Circle::new((x, episode.reward), 3, colour.mix(0.5).filled())
        }))?;
        let (mean, interval, x) = (entry.report.reward_mean, entry.report.reward_interval, column + 0.25);
        let line = colour.stroke_width(2);
        chart.draw_series([PathElement::new([(x, interval.low), (x, interval.high)], line)])?;
        chart.draw_series([Circle::new((x, mean), 5, colour.filled())])?;
    }
    Ok(())
}
