//! An episode that no table is drawn of: what was sent and observed, a plot a number, and the plan in force.

use bevy_egui::egui::{Align2, Context, FontId, LayerId, Painter, Pos2, Rect, Shape, Stroke, pos2, vec2};

use crate::colour;
use crate::panel::ink;

/// Plots that there is room for; numbers beyond are left out, and counted.
pub const MOST: usize = 12;

/// Around the plots, and between them, px.
const MARGIN: f32 = 20.0;
const GAP: f32 = 10.0;
/// What is written beside a plot, px.
const NAMES: f32 = 110.0;

/// The numbers of an episode.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curves {
    /// From the top.
    pub curves: Vec<Curve>,
    /// Numbers that are not shown.
    pub left_out: usize,
    /// Control steps of the episode.
    pub steps: usize,
}

/// A number over the control steps.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Curve {
    /// What it is called.
    pub name: String,
    /// What it was, a value a control step, up to now.
    pub values: Vec<f64>,
    /// What it will be by the plan in force, from the control step on that is stated; empty for what is observed.
    pub plan: (usize, Vec<f64>),
    /// The least and the largest of the episode.
    pub range: [f64; 2],
}

impl Curves {
    /// Draws all of them in `room`, points of the window.
    pub fn draw(&self, context: &Context, room: Rect) {
        let painter = context.layer_painter(LayerId::background());
        let room = room.shrink(MARGIN);
        let note =
            if self.left_out > 0 { format!("; {} more numbers are not shown", self.left_out) } else { String::new() };
        let told = format!("control steps, 0 to {}{note}", self.steps);
        painter.text(
            room.right_bottom(),
            Align2::RIGHT_BOTTOM,
            told,
            FontId::proportional(12.0),
            ink(colour::PALE_INK),
        );
        let height = (room.height() - MARGIN) / self.curves.len().max(1) as f32;
        for (index, curve) in self.curves.iter().enumerate() {
            let top = room.top() + index as f32 * height;
            let area = Rect::from_min_max(pos2(room.left() + NAMES, top), pos2(room.right(), top + height - GAP));
            curve.draw(&painter, area, self.steps);
        }
    }
}

impl Curve {
    fn draw(&self, painter: &Painter, area: Rect, steps: usize) {
        let Self { name, values, plan: (from, plan), range: [low, high] } = self;
        let span = (high - low).max(f64::MIN_POSITIVE);
        let at = |step: usize, value: f64| {
            let x = area.left() + area.width() * step as f32 / steps.max(1) as f32;
            // A plan may go beyond what was sent.
            let share = ((value - low) / span).clamp(-0.02, 1.02) as f32;
            pos2(x.min(area.right()), area.bottom() - area.height() * share)
        };
        painter.rect_filled(area, 2.0, ink(colour::PAPER));
        let points: Vec<Pos2> = values.iter().enumerate().map(|(step, &value)| at(step, value)).collect();
        if let Some(now) = points.last() {
            let line = [pos2(now.x, area.top()), pos2(now.x, area.bottom())];
            painter.line_segment(line, Stroke::new(1.0, ink(colour::WALL)));
        }
        painter.add(Shape::line(points, Stroke::new(2.0, ink(colour::AGENT))));
        let ahead = plan.iter().enumerate().map(|(step, &value)| at(from + step, value));
        for point in ahead.filter(|point| point.x < area.right()) {
            painter.circle_filled(point, 2.5, ink(colour::PLAN));
        }
        let (font, small) = (FontId::proportional(13.0), FontId::proportional(12.0));
        let beside = area.left() - 8.0;
        painter.text(pos2(area.left() - NAMES, area.center().y), Align2::LEFT_CENTER, name, font, ink(colour::INK));
        for (value, place, align) in [(high, area.top(), Align2::RIGHT_TOP), (low, area.bottom(), Align2::RIGHT_BOTTOM)]
        {
            painter.text(pos2(beside, place), align, short(*value), small.clone(), ink(colour::PALE_INK));
        }
        painter.line_segment(
            [area.left_bottom(), area.left_bottom() + vec2(area.width(), 0.0)],
            Stroke::new(1.0, ink(colour::WALL)),
        );
    }
}

/// A number in few digits.
fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 1e5 || (size > 0.0 && size < 1e-3) => format!("{value:.1e}"),
        size if size >= 100.0 => format!("{value:.0}"),
        _ => format!("{value:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn numbers_are_short() {
        assert_eq!(
            [0.0, 0.123_4, -12.0, 512.3, 1e6, 1e-5].map(short),
            ["0.00", "0.12", "-12.00", "512", "1.0e6", "1.0e-5"]
        );
    }
}
