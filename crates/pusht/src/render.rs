//! Frames of the table, drawn in software.

use ndarray::Array3;
use tiny_skia::{Color, FillRule, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap, Stroke, Transform};

use crate::geometry::{self, AGENT_RADIUS, BAR, GOAL, Pose, STEM, TABLE_SIZE, WALL_RADIUS, WALLS};
use crate::keep_out::KeepOut;
use crate::state::State;

/// Side of the image observation, px.
pub const OBSERVATION_SIZE: u32 = 96;

type Colour = [u8; 3];

const WHITE: Colour = [255, 255, 255];
const LIGHT_GREEN: Colour = [144, 238, 144];
const LIGHT_GRAY: Colour = [211, 211, 211];
const LIGHT_SLATE_GRAY: Colour = [119, 136, 153];
const ROYAL_BLUE: Colour = [65, 105, 225];
const MISTY_ROSE: Colour = [255, 228, 225];
const INDIAN_RED: Colour = [205, 92, 92];

/// Half the thickness of the outline around block and agent, table px.
const OUTLINE: f64 = 2.0;

/// Something drawn on top of a frame: dots joined by a line, such as a plan of actions.
#[derive(Debug, Clone, Copy)]
pub struct Overlay<'a> {
    /// The dots, in table px.
    pub points: &'a [[f64; 2]],
    /// Red, green, blue.
    pub colour: [u8; 3],
}

/// An RGB image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    width: u32,
    height: u32,
    rgb: Vec<u8>,
}

impl Frame {
    /// A picture of another origin: red, green and blue of `width` times `height` pixels. `None` where there are more or
    /// fewer.
    pub fn of(width: u32, height: u32, rgb: Vec<u8>) -> Option<Self> {
        let bytes = u64::from(width) * u64::from(height) * 3;
        (bytes > 0 && bytes == rgb.len() as u64).then_some(Self { width, height, rgb })
    }

    /// Width, px.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height, px.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Red, green and blue of every pixel, row by row from the top left.
    pub fn rgb(&self) -> &[u8] {
        &self.rgb
    }

    /// The same, without a copy.
    pub fn into_rgb(self) -> Vec<u8> {
        self.rgb
    }

    /// The pixels as `[height, width, 3]`.
    pub fn pixels(&self) -> Array3<u8> {
        let (height, width) = (self.height as usize, self.width as usize);
        let index = |row, column, channel| 3 * (row * width + column) + channel;
        Array3::from_shape_fn((height, width, 3), |(row, column, channel)| self.rgb[index(row, column, channel)])
    }
}

/// Draws frames of one size.
pub struct Renderer {
    canvas: Pixmap,
    /// From table px to frame px.
    transform: Transform,
    keep_out: Vec<KeepOut>,
}

/// A frame size that cannot be drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("cannot draw a frame of {0} by {1} px: choose sizes between 1 and {largest}", largest = Renderer::LARGEST)]
pub struct FrameSizeError(u32, u32);

impl Renderer {
    /// The longest side of a frame, px.
    pub const LARGEST: u32 = 8192;

    /// A renderer of frames, the table stretched to `width` by `height` px; [`OBSERVATION_SIZE`] twice gives the image
    /// observation.
    ///
    /// # Errors
    /// If a side is 0 or longer than [`Renderer::LARGEST`].
    pub fn new(width: u32, height: u32) -> Result<Self, FrameSizeError> {
        let refused = FrameSizeError(width, height);
        if width.max(height) > Self::LARGEST {
            return Err(refused);
        }
        let canvas = Pixmap::new(width, height).ok_or(refused)?;
        let [x, y] = [width, height].map(|side| side as f32 / TABLE_SIZE as f32);
        Ok(Self { canvas, transform: Transform::from_scale(x, y), keep_out: Vec::new() })
    }

    /// Draws these discs too, beneath block and agent.
    #[must_use]
    pub fn with_keep_out(self, keep_out: Vec<KeepOut>) -> Self {
        Self { keep_out, ..self }
    }

    /// Draws goal, walls, keep-out discs, block, agent and then the overlays, in that order.
    pub fn draw(&mut self, state: &State, overlays: &[Overlay<'_>]) -> Frame {
        self.canvas.fill(opaque(WHITE));
        self.fill(polygon(&GOAL, &geometry::OUTLINE), LIGHT_GREEN);
        for wall in WALLS {
            self.stroke(polyline(&wall), LIGHT_GRAY, 2.0 * WALL_RADIUS);
        }
        for KeepOut { centre, radius } in self.keep_out.clone() {
            self.fill(disc(centre, radius), INDIAN_RED);
            self.fill(disc(centre, radius - OUTLINE), MISTY_ROSE);
        }
        for part in [BAR, STEM] {
            self.fill(polygon(&state.block, &part), lighter(LIGHT_SLATE_GRAY));
            self.stroke(polygon(&state.block, &part), LIGHT_SLATE_GRAY, 2.0 * OUTLINE);
        }
        self.fill(disc(state.agent.into(), AGENT_RADIUS), ROYAL_BLUE);
        self.fill(disc(state.agent.into(), AGENT_RADIUS - 2.0 * OUTLINE), lighter(ROYAL_BLUE));
        for overlay in overlays {
            self.draw_overlay(overlay);
        }
        self.frame()
    }

    fn draw_overlay(&mut self, overlay: &Overlay<'_>) {
        const LINE_WIDTH: f64 = 2.0;
        const DOT_RADIUS: f64 = 4.0;
        self.stroke(polyline(overlay.points), overlay.colour, LINE_WIDTH);
        for &point in overlay.points {
            self.fill(disc(point, DOT_RADIUS), overlay.colour);
        }
    }

    fn fill(&mut self, path: Option<Path>, colour: Colour) {
        if let Some(path) = path {
            self.canvas.fill_path(&path, &paint(colour), FillRule::Winding, self.transform, None);
        }
    }

    fn stroke(&mut self, path: Option<Path>, colour: Colour, width: f64) {
        let stroke =
            Stroke { width: width as f32, line_cap: LineCap::Round, line_join: LineJoin::Round, ..Stroke::default() };
        if let Some(path) = path {
            self.canvas.stroke_path(&path, &paint(colour), &stroke, self.transform, None);
        }
    }

    fn frame(&self) -> Frame {
        let rgb = self.canvas.pixels().iter().flat_map(|pixel| [pixel.red(), pixel.green(), pixel.blue()]).collect();
        Frame { width: self.canvas.width(), height: self.canvas.height(), rgb }
    }
}

/// The path of a closed polygon; `None` where its points are not finite or coincide.
fn polygon<const N: usize>(pose: &Pose, corners: &[[f64; 2]; N]) -> Option<Path> {
    let mut path = begin(&pose.place(corners))?;
    path.close();
    path.finish()
}

fn polyline(points: &[[f64; 2]]) -> Option<Path> {
    begin(points)?.finish()
}

fn begin(points: &[[f64; 2]]) -> Option<PathBuilder> {
    let (&[x, y], rest) = points.split_first()?;
    let mut path = PathBuilder::new();
    path.move_to(x as f32, y as f32);
    for &[x, y] in rest {
        path.line_to(x as f32, y as f32);
    }
    Some(path)
}

fn disc([x, y]: [f64; 2], radius: f64) -> Option<Path> {
    PathBuilder::from_circle(x as f32, y as f32, radius as f32)
}

fn paint(colour: Colour) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color(opaque(colour));
    paint
}

fn opaque([red, green, blue]: Colour) -> Color {
    Color::from_rgba8(red, green, blue, 255)
}

/// A fifth brighter, as gym-pusht fills its shapes.
fn lighter(colour: Colour) -> Colour {
    colour.map(|channel| (1.2 * f32::from(channel)).min(255.0) as u8)
}
