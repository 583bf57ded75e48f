//! Plot of paired differences in reward, one dot per seed.

use parapolicy_eval::Difference;
use plotters::prelude::*;

use super::{ASIDE, Area, Drawn, FONT, MARGIN, colour, column_name, sideways};

/// The axis goes at least so far up and down.
const SMALLEST: f64 = 0.02;

/// Rewards, a seed at a time, minus the rewards of the same seeds under another sampler or in another report.
pub struct Paired<'a> {
    /// What it is called.
    pub name: &'a str,
    /// Index of its colour.
    pub index: usize,
    /// For each seed, the reward to compare with, and the reward here.
    pub seeds: Vec<(u64, [f64; 2])>,
    /// Their mean.
    pub difference: Difference,
}

/// A column of dots each, one dot a seed, spread sideways; the mean and its interval beside them.
pub fn differences(area: &Area<'_>, columns: &[Paired<'_>], unit: &str) -> Drawn {
    let names: Vec<&str> = columns.iter().map(|column| column.name).collect();
    let farthest = columns.iter().flat_map(|column| &column.seeds).map(|(_, [there, here])| (here - there).abs());
    let farthest = 1.1 * farthest.fold(SMALLEST, f64::max);
    let mut chart = ChartBuilder::on(area)
        .margin(MARGIN)
        .x_label_area_size(30)
        .y_label_area_size(60)
        .build_cartesian_2d(-0.5..names.len() as f64 - 0.5, -farthest..farthest)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .disable_x_mesh()
        .x_labels(2 * names.len() + 1)
        .x_label_formatter(&|x| column_name(&names, *x))
        .y_labels(6)
        .y_desc(unit)
        .y_label_formatter(&|y| if y.abs() < 1e-9 { "0".to_owned() } else { format!("{y:+.2}") })
        .label_style(FONT)
        .draw()?;
    let ends = [(-0.5, 0.0), (names.len() as f64 - 0.5, 0.0)];
    chart.draw_series([PathElement::new(ends, BLACK.stroke_width(1))])?;
    for (place, column) in columns.iter().enumerate() {
        let (centre, colour, count) = (place as f64, colour(column.index), column.seeds.len());
        chart.draw_series(column.seeds.iter().enumerate().map(|(place, (_, [there, here]))| {
            Circle::new((centre + sideways(place, count), here - there), 3, colour.mix(0.5).filled())
        }))?;
        let (Difference { mean, interval, .. }, x) = (column.difference, centre + ASIDE);
        let line = colour.stroke_width(2);
        chart.draw_series(interval.map(|found| PathElement::new([(x, found.low), (x, found.high)], line)))?;
        chart.draw_series([Circle::new((x, mean), 5, colour.filled())])?;
    }
    Ok(())
}
