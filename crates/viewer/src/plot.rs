//! Two small plots: a value over time, and a distribution.

use bevy_egui::egui::{Align2, FontId, Painter, Pos2, Rect, Sense, Shape, Stroke, Ui, pos2, vec2};

use crate::colour;
use crate::panel::ink;

/// Height of a plot, px.
const HEIGHT: f32 = 46.0;

/// Below it, for what is written along the axis, px.
const AXIS: f32 = 16.0;

/// Bars of a histogram.
const BARS: usize = 40;

/// Control steps that are marked, at most.
const MARKS: usize = 12;

/// Of letters, points.
const SMALL: f32 = 12.0;

/// Values in [0, 1], one a step, of at most `steps`.
pub fn line(ui: &mut Ui, values: &[f64], steps: usize) {
    let (painter, area) = area(ui);
    let at = |step: usize, value: f64| {
        let x = area.left() + area.width() * step as f32 / steps.max(1) as f32;
        pos2(x, area.bottom() - area.height() * value.clamp(0.0, 1.0) as f32)
    };
    let points: Vec<Pos2> = values.iter().enumerate().map(|(step, &value)| at(step + 1, value)).collect();
    painter.add(Shape::line(points, Stroke::new(1.8, ink(colour::AGENT))));
    write(&painter, area, "reward, 0 to 1", &format!("{steps} steps"));
}

/// How often there was how much, ms, from 0 to the largest, with a mark at every control step, of `period` ms: a plan that takes no
/// longer than the first is there in time.
pub fn histogram(ui: &mut Ui, values: &[f64], period: f64) {
    let (painter, area) = area(ui);
    let largest = end(values.iter().copied().fold(0.0, f64::max), period);
    let counts = counts(values, largest);
    let highest = counts.iter().copied().max().unwrap_or(0).max(1) as f32;
    let width = area.width() / BARS as f32;
    for (bar, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let left = area.left() + bar as f32 * width;
        let top = area.bottom() - area.height() * count as f32 / highest;
        let bar = Rect::from_min_max(pos2(left, top), pos2(left + width - 1.0, area.bottom()));
        painter.rect_filled(bar, 1.0, ink(colour::BAR));
    }
    let mark = |count: usize| area.left() + area.width() * (count as f64 * period / largest) as f32;
    let pale = ink(colour::PALE_INK);
    for x in (1..MARKS).map(mark).take_while(|x| *x < area.right()) {
        painter.vline(x, area.y_range(), Stroke::new(1.0, pale));
    }
    // On the side where there is more room.
    let (aside, align) =
        if mark(1) > area.center().x + 20.0 { (-4.0, Align2::RIGHT_TOP) } else { (4.0, Align2::LEFT_TOP) };
    let (at, font) = (pos2(mark(1) + aside, area.top() + 2.0), FontId::proportional(SMALL));
    painter.text(at, align, format!("a control step, {period:.0} ms"), font, pale);
    write(&painter, area, "0 ms", &format!("{largest:.0} ms"));
}

/// The median.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (below, above) = (sorted.get(sorted.len().saturating_sub(1) / 2)?, sorted.get(sorted.len() / 2)?);
    Some((below + above) / 2.0)
}

/// Where an axis ends that shows a control step, too.
fn end(largest: f64, period: f64) -> f64 {
    if largest <= period { 1.2 * period } else { nice(largest) }
}

/// How many values there are in each of the bars from 0 to `largest`.
fn counts(values: &[f64], largest: f64) -> [usize; BARS] {
    let mut counts = [0; BARS];
    for value in values {
        counts[((value / largest * BARS as f64) as usize).min(BARS - 1)] += 1;
    }
    counts
}

/// The next number up that ends an axis well: 1, 2 or 5 with zeros.
fn nice(value: f64) -> f64 {
    let power = 10_f64.powf(value.max(1.0).log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|digit| digit * power).into_iter().find(|&end| end >= value).unwrap_or(10.0 * power)
}

/// Room for a plot as wide as there is, with a line below it.
fn area(ui: &mut Ui) -> (Painter, Rect) {
    let (response, painter) = ui.allocate_painter(vec2(ui.available_width(), HEIGHT + AXIS), Sense::hover());
    let area = Rect::from_min_size(response.rect.min, vec2(response.rect.width(), HEIGHT));
    painter.rect_filled(area, 2.0, ink(colour::PAPER));
    painter.line_segment([area.left_bottom(), area.right_bottom()], Stroke::new(1.0, ink(colour::WALL)));
    (painter, area)
}

fn write(painter: &Painter, area: Rect, left: &str, right: &str) {
    let (font, pale) = (FontId::proportional(SMALL), ink(colour::PALE_INK));
    painter.text(area.left_bottom() + vec2(0.0, 2.0), Align2::LEFT_TOP, left, font.clone(), pale);
    painter.text(area.right_bottom() + vec2(0.0, 2.0), Align2::RIGHT_TOP, right, font, pale);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_end_at_round_numbers() {
        let ends = [0.0, 0.3, 1.0, 1.1, 9.9, 23.0, 51.0, 1000.0].map(nice);
        assert_eq!(ends, [1.0, 1.0, 1.0, 2.0, 10.0, 50.0, 100.0, 1000.0]);
    }

    #[test]
    fn every_value_is_in_a_bar() {
        let counts = counts(&[0.0, 0.1, 5.0, 10.0], 10.0);
        assert_eq!((counts[0], counts[BARS / 2], counts[BARS - 1], counts.iter().sum::<usize>()), (2, 1, 1, 4));
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!((median(&[4.0, 1.0, 3.0, 2.0]), median(&[])), (Some(2.5), None));
    }

    #[test]
    fn a_control_step_is_on_the_axis() {
        assert_eq!([end(11.0, 100.0), end(100.0, 100.0), end(140.0, 100.0)], [120.0, 120.0, 200.0]);
    }
}
