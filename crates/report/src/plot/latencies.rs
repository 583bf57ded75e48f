//! Plot of latencies, as cumulative distributions.

use parapolicy_control::Latency;
use parapolicy_eval::Report;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{Area, Drawn, FONT, MARGIN, Series, colour, legend};
use crate::verdict::actions_per_plan;

/// In milliseconds, where no plan took longer.
const SHORTEST_AXIS: f64 = 0.01;

/// A latency that means something to the robot, with what it is.
pub struct Mark {
    milliseconds: f64,
    name: &'static str,
}

/// One control step, and what the actions of a plan last; none where plans share a call.
#[must_use]
pub fn marks(report: &Report) -> Vec<Mark> {
    let Some(period) = report.period_ms.filter(|_| report.samplers.iter().all(|s| s.sampling_latency_ms.is_some()))
    else {
        return Vec::new();
    };
    let lasts = report.samplers.iter().filter_map(actions_per_plan).fold(f64::INFINITY, f64::min);
    let marks = [(period, "a control step"), (period * lasts, "a plan's actions")];
    let mark = |(milliseconds, name): (f64, &'static str)| Mark { milliseconds, name };
    marks.into_iter().map(mark).filter(|mark| mark.milliseconds.is_finite()).collect()
}

/// Latencies as cumulative distributions, with the marks that are no further than half as far again as the slowest plan.
pub fn latencies(area: &Area<'_>, series: &[Series<'_>], marks: &[Mark]) -> Drawn {
    let slowest = series.iter().map(|entry| entry.report.throughput.call_histogram.percentiles().max);
    let slowest = slowest.fold(SHORTEST_AXIS, f64::max);
    let marks: Vec<&Mark> = marks.iter().filter(|mark| mark.milliseconds <= 1.5 * slowest).collect();
    let widest = marks.iter().map(|mark| mark.milliseconds).fold(slowest, f64::max);
    let batched = series.iter().any(|entry| entry.report.sampling_latency_ms.is_none());
    let unit = if batched { "milliseconds a call, shared by its plans" } else { "milliseconds a plan" };
    let mut chart = ChartBuilder::on(area)
        .margin(MARGIN)
        .x_label_area_size(40)
        .y_label_area_size(50)
        .build_cartesian_2d(0.0..widest * 1.05, 0.0..1.0)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_labels(7)
        .y_labels(6)
        .x_desc(unit)
        .x_label_formatter(&|milliseconds| format!("{milliseconds:.0}"))
        .y_desc("share of plans")
        .label_style(FONT)
        .draw()?;
    for (index, entry) in series.iter().enumerate() {
        let stroke = colour(index).stroke_width(2);
        chart
            .draw_series(LineSeries::new(steps(&entry.report.throughput.call_histogram), stroke))?
            .label(entry.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], stroke));
    }
    for mark in marks {
        let (x, grey) = (mark.milliseconds, BLACK.mix(0.6));
        chart.draw_series(DashedLineSeries::new([(x, 0.0), (x, 1.0)], 4, 4, grey.stroke_width(1)))?;
        let upwards = FONT.into_font().transform(FontTransform::Rotate270).color(&grey);
        let beside = upwards.pos(Pos::new(HPos::Left, VPos::Bottom));
        // Above the legend, if that is there.
        chart.draw_series([Text::new(mark.name, (x, 0.3), beside)])?;
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
