//! Plot of latencies, as cumulative distributions.

use parapolicy_control::Latency;
use plotters::prelude::*;

use super::{Area, Drawn, FONT, MARGIN, Series, colour, legend};

/// In milliseconds, where no plan took longer.
const SHORTEST_AXIS: f64 = 0.01;

/// Latencies as cumulative distributions.
pub fn latencies(area: &Area<'_>, series: &[Series<'_>]) -> Drawn {
    let slowest = series.iter().map(|entry| entry.report.throughput.call_histogram.percentiles().max);
    let slowest = slowest.fold(SHORTEST_AXIS, f64::max);
    let batched = series.iter().any(|entry| entry.report.sampling_latency_ms.is_none());
    let unit = if batched { "milliseconds a call, shared by its plans" } else { "milliseconds a plan" };
    let mut chart = ChartBuilder::on(area)
        .margin(MARGIN)
        .x_label_area_size(40)
        .y_label_area_size(50)
        .build_cartesian_2d(0.0..slowest * 1.05, 0.0..1.0)?;
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
