//! Plot of rewards, one dot per episode.

use plotters::prelude::*;

use super::{ASIDE, Area, Drawn, FONT, MARGIN, Series, colour, column_name, sideways};

/// A column of dots a sampler, one dot an episode, spread sideways; the mean and its interval beside them.
pub fn rewards(area: &Area<'_>, series: &[Series<'_>]) -> Drawn {
    let names: Vec<&str> = series.iter().map(|entry| entry.name).collect();
    let lowest =
        series.iter().flat_map(|entry| &entry.report.episodes).map(|episode| episode.reward).fold(0.95, f64::min);
    let lowest = (10.0 * lowest).floor() / 10.0;
    let room = 0.03 * (1.0 - lowest);
    let mut chart = ChartBuilder::on(area)
        .margin(MARGIN)
        .x_label_area_size(30)
        .y_label_area_size(60)
        .build_cartesian_2d(-0.5..names.len() as f64 - 0.5, lowest - room..1.0 + room)?;
    let name = |x: &f64| column_name(&names, *x);
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .disable_x_mesh()
        .x_labels(2 * names.len() + 1)
        .x_label_formatter(&name)
        .y_labels(6)
        .y_label_formatter(&|reward| format!("{reward:.2}"))
        .y_desc("largest reward of an episode")
        .label_style(FONT)
        .draw()?;
    for (index, entry) in series.iter().enumerate() {
        let (column, colour) = (index as f64, colour(index));
        let count = entry.report.episodes.len();
        chart.draw_series(entry.report.episodes.iter().enumerate().map(|(place, episode)| {
            Circle::new((column + sideways(place, count), episode.reward), 3, colour.mix(0.5).filled())
        }))?;
        let (mean, interval, x) = (entry.report.reward_mean, entry.report.reward_interval, column + ASIDE);
        let line = colour.stroke_width(2);
        chart.draw_series(interval.map(|found| PathElement::new([(x, found.low), (x, found.high)], line)))?;
        chart.draw_series([Circle::new((x, mean), 5, colour.filled())])?;
    }
    Ok(())
}
