//! Plots of a latency study.

use std::io::Write;

use anyhow::Result;
use parapolicy_eval::SamplerReport;
use parapolicy_eval::study::{Group, Row, Study, Varied};
use plotters::prelude::*;

use super::{Area, Drawn, FONT, MARGIN, SIZE, TITLE, colour, legend, write};

/// Draws reward against latency, with the samplers at theirs, and against the replanning interval.
pub fn draw(study: &Study, file: &mut dyn Write) -> Result<()> {
    write(file, SIZE, |area| {
        let (left, right) = area.split_horizontally(SIZE.0 / 2);
        against_latency(&left.titled("reward against latency", TITLE)?, study)?;
        against_interval(&right.titled("reward against interval", TITLE)?, study)
    })
}

/// Reward against latency, with the samplers at theirs.
pub fn against_latency(area: &Area<'_>, study: &Study) -> Drawn {
    let stated = |row: &Row| row.latency_ms.unwrap_or_else(|| median(&row.result));
    panel(area, study, &Axis { of: &stated, unit: "latency of a plan, ms" }, &[Varied::Latency, Varied::Sampler])
}

/// Reward against the replanning interval.
pub fn against_interval(area: &Area<'_>, study: &Study) -> Drawn {
    let steps = |row: &Row| row.replan.parse::<f64>().unwrap_or_default();
    panel(area, study, &Axis { of: &steps, unit: "control steps from plan to plan" }, &[Varied::Replan])
}

/// What lies along.
struct Axis<'a> {
    of: &'a dyn Fn(&Row) -> f64,
    unit: &'a str,
}

fn median(result: &SamplerReport) -> f64 {
    result.sampling_latency_ms.map_or(0.0, |latency| latency.p50)
}

/// Ends of the mean's interval; without one, the mean itself.
fn ends(result: &SamplerReport) -> [f64; 2] {
    result.reward_interval.map_or([result.reward_mean; 2], |interval| [interval.low, interval.high])
}

fn panel(area: &Area<'_>, study: &Study, axis: &Axis<'_>, shown: &[Varied]) -> Drawn {
    let groups: Vec<&Group> = study.groups.iter().filter(|group| shown.contains(&group.varied)).collect();
    let rows = || groups.iter().flat_map(|group| &group.rows);
    let farthest = rows().map(axis.of).fold(1.0, f64::max);
    let lowest = study.groups.iter().flat_map(|group| &group.rows).map(|row| ends(&row.result)[0]);
    let lowest = (10.0 * lowest.fold(1.0, f64::min)).floor() / 10.0;
    let mut chart = ChartBuilder::on(area)
        .margin(MARGIN)
        .x_label_area_size(40)
        .y_label_area_size(60)
        .build_cartesian_2d(0.0..farthest * 1.05, lowest..1.02)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_desc(axis.unit)
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_desc("largest reward of an episode, mean")
        .y_label_formatter(&|y| format!("{y:.2}"))
        .label_style(FONT)
        .draw()?;
    let mut curves: Vec<(&str, &str)> = Vec::new();
    for group in &study.groups {
        let curve = (group.scenario.as_str(), group.rule.as_str());
        if !curves.contains(&curve) {
            curves.push(curve);
        }
    }
    let colour = |group: &Group| {
        let first = curves.iter().position(|curve| *curve == (group.scenario.as_str(), group.rule.as_str()));
        colour(first.unwrap_or_default() + 1)
    };
    let is_one_rule = curves.iter().all(|(_, rule)| *rule == curves[0].1);
    let name = |Group { scenario, rule, .. }: &Group| {
        if is_one_rule { scenario.clone() } else { format!("{scenario}, {rule}") }
    };
    for group in groups.iter().filter(|group| group.varied != Varied::Sampler) {
        let colour = colour(group);
        let mut points: Vec<_> = group.rows.iter().map(|row| ((axis.of)(row), &row.result)).collect();
        points.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        let high = points.iter().map(|(x, result)| (*x, ends(result)[1]));
        let low = points.iter().rev().map(|(x, result)| (*x, ends(result)[0]));
        chart.draw_series([Polygon::new(high.chain(low).collect::<Vec<_>>(), colour.mix(0.12).filled())])?;
        let means: Vec<_> = points.iter().map(|(x, result)| (*x, result.reward_mean)).collect();
        chart.draw_series(means.iter().map(|point| Circle::new(*point, 3, colour.filled())))?;
        chart
            .draw_series(LineSeries::new(means, colour.stroke_width(2)))?
            .label(name(group))
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
    }
    for (place, group) in groups.iter().filter(|group| group.varied == Varied::Sampler).enumerate() {
        let colour = colour(group);
        for (index, row) in group.rows.iter().enumerate() {
            let (x, [low, high]) = ((axis.of)(row), ends(&row.result));
            let bar = PathElement::new([(x, low), (x, high)], colour.stroke_width(1));
            chart.draw_series([bar])?;
            let (size, style) = mark(index, colour);
            let drawn = chart.draw_series([Circle::new((x, row.result.reward_mean), size, style)])?;
            if place == 0 {
                let (size, style) = mark(index, BLACK);
                drawn.label(&row.result.name).legend(move |(x, y)| Circle::new((x + 9, y), size, style));
            }
        }
    }
    legend(&mut chart, SeriesLabelPosition::LowerLeft)
}

/// Size and style of a sampler's mark: a ring, a disc, then larger rings.
fn mark(index: usize, colour: RGBColor) -> (i32, ShapeStyle) {
    if index == 1 {
        (5, colour.filled())
    } else {
        (5 + i32::try_from(index).unwrap_or_default(), colour.stroke_width(2))
    }
}
