//! The arm, drawn from the numbers of its scenes: `[tip of the first link x, y, tip x, y, target x, y]`, in m.

use parapolicy_eval::{Moment, Painter};
use tiny_skia::{Color, FillRule, LineCap, Paint, Path, PathBuilder, Pixmap, Stroke, Transform};

use crate::NEAR;

/// Side of the pictures, pixels.
const SIZE: u32 = 320;
/// Metres from the middle of the picture to its edge.
const REACH: f64 = 1.0;
const TARGET: [u8; 3] = [46, 139, 87];
const ARM: [u8; 3] = [65, 105, 225];

pub(crate) struct ArmPainter;

impl Painter for ArmPainter {
    fn size(&self) -> [u32; 2] {
        [SIZE; 2]
    }

    fn draw(&mut self, moment: &Moment) -> Vec<u8> {
        let white = vec![u8::MAX; (3 * SIZE * SIZE) as usize];
        let &[elbow_x, elbow_y, tip_x, tip_y, target_x, target_y] = moment.scene.as_slice() else { return white };
        let Some(mut canvas) = Pixmap::new(SIZE, SIZE) else { return white };
        canvas.fill(Color::WHITE);
        let (base, elbow, tip) = (pixel([0.0; 2]), pixel([elbow_x, elbow_y]), pixel([tip_x, tip_y]));
        let target = pixel([target_x, target_y]);
        fill(&mut canvas, PathBuilder::from_circle(target[0], target[1], length(NEAR)), TARGET);
        stroke(&mut canvas, &[base, elbow, tip], 7.0);
        for [x, y] in [base, elbow] {
            fill(&mut canvas, PathBuilder::from_circle(x, y, 7.0), ARM);
        }
        canvas.pixels().iter().flat_map(|pixel| [pixel.red(), pixel.green(), pixel.blue()]).collect()
    }
}

/// Metres, y up, to pixels, y down.
fn pixel([x, y]: [f64; 2]) -> [f32; 2] {
    let middle = f64::from(SIZE) / 2.0;
    [(middle + middle * x / REACH) as f32, (middle - middle * y / REACH) as f32]
}

fn length(metres: f64) -> f32 {
    (metres * f64::from(SIZE) / (2.0 * REACH)) as f32
}

fn fill(canvas: &mut Pixmap, path: Option<Path>, colour: [u8; 3]) {
    if let Some(path) = path {
        canvas.fill_path(&path, &paint(colour), FillRule::Winding, Transform::identity(), None);
    }
}

fn stroke(canvas: &mut Pixmap, points: &[[f32; 2]], width: f32) {
    let mut path = PathBuilder::new();
    for (index, &[x, y]) in points.iter().enumerate() {
        if index == 0 { path.move_to(x, y) } else { path.line_to(x, y) }
    }
    let stroke = Stroke { width, line_cap: LineCap::Round, ..Stroke::default() };
    if let Some(path) = path.finish() {
        canvas.stroke_path(&path, &paint(ARM), &stroke, Transform::identity(), None);
    }
}

fn paint([red, green, blue]: [u8; 3]) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color(Color::from_rgba8(red, green, blue, 255));
    paint
}
