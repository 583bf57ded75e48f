//! The PushT table in SVG, in table px.

use parapolicy_pusht::KeepOut;
use parapolicy_pusht::geometry::{GOAL, OUTLINE, Pose, WALLS};

/// What never moves, and the block's outline.
pub struct Ground<'a> {
    /// Of the block, in its own frame.
    pub outline: String,
    /// The walls, a line.
    pub walls: String,
    /// Where the block is to be, as a transform.
    pub goal: String,
    /// Discs to keep out of.
    pub keep_out: &'a [KeepOut],
}

impl<'a> Ground<'a> {
    /// With these discs.
    #[must_use]
    pub fn new(keep_out: &'a [KeepOut]) -> Self {
        let [[bottom_left, top_left], [_, top_right], [_, bottom_right], _] = WALLS;
        let walls = points([bottom_left, top_left, top_right, bottom_right, bottom_left]);
        Self { outline: points(OUTLINE), walls, goal: transform(&GOAL), keep_out }
    }
}

/// Points as a polygon has them, or a line.
pub fn points(points: impl IntoIterator<Item = [f64; 2]>) -> String {
    let texts = points.into_iter().map(|[x, y]| format!("{x:.1},{y:.1}"));
    texts.collect::<Vec<_>>().join(" ")
}

/// SVG turns clockwise, as the table does, in degrees.
#[must_use]
pub fn transform(pose: &Pose) -> String {
    format!("translate({:.1} {:.1}) rotate({:.2})", pose.position.x, pose.position.y, pose.angle.to_degrees())
}
