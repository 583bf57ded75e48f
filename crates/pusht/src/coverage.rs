//! How much of the goal the block covers.

use i_overlay::core::fill_rule::FillRule;
use i_overlay::core::overlay_rule::OverlayRule;
use i_overlay::float::single::SingleFloatOverlay as _;

use nalgebra::Vector2;

use crate::geometry::{BLOCK_AREA, CENTRE_OF_GRAVITY, GOAL, OUTLINE, Pose};

/// Beyond this distance (px) of their centres of gravity two blocks do not touch: twice the distance of the farthest
/// corner, √(15² + 75²).
const REACH: f64 = 153.0;

/// Share of the goal that a block at `block` covers: area(goal ∩ block) / area(goal), in [0, 1].
///
/// The intersection is that of the polygons, not of pixels.
pub fn coverage(block: &Pose) -> f64 {
    overlap(block, &GOAL)
}

/// area(a ∩ b) / area of the block, of two blocks.
fn overlap(a: &Pose, b: &Pose) -> f64 {
    let [centre_a, centre_b] = [a, b].map(|pose| Vector2::from(pose.place(&[CENTRE_OF_GRAVITY])[0]));
    if (centre_a - centre_b).norm() > REACH {
        return 0.0;
    }
    // 32-bit integers inside: a grid of 2e-7 px over the two blocks.
    let shapes = a.place(&OUTLINE).overlay(&b.place(&OUTLINE), OverlayRule::Intersect, FillRule::NonZero);
    let area: f64 = shapes.iter().flatten().map(|contour| signed_area(contour)).sum();
    (area.abs() / BLOCK_AREA).min(1.0)
}

/// The shoelace formula.
fn signed_area(contour: &[[f64; 2]]) -> f64 {
    let next = contour.iter().cycle().skip(1);
    contour.iter().zip(next).map(|(a, b)| a[0] * b[1] - a[1] * b[0]).sum::<f64>() / 2.0
}
