//! The table's geometry in pixels, y down: where things are, and the shape of the block.
//!
//! Every constant is gym-pusht's (0.1.8), see the crate's README.

use std::f64::consts::{FRAC_PI_4, TAU};

use nalgebra::{Rotation2, Vector2};

/// Side of the square table, px.
pub const TABLE_SIZE: f64 = 512.0;

/// Radius of the agent's disc, px.
pub const AGENT_RADIUS: f64 = 15.0;

/// Half the thickness of a wall, px.
pub const WALL_RADIUS: f64 = 2.0;

/// Centre lines of the four walls, px. The agent passes through them, the block does not.
pub const WALLS: [[[f64; 2]; 2]; 4] = [
    [[5.0, 506.0], [5.0, 5.0]],
    [[5.0, 5.0], [506.0, 5.0]],
    [[506.0, 5.0], [506.0, 506.0]],
    [[5.0, 506.0], [506.0, 506.0]],
];

/// The block's bar, in the block's frame, px.
pub const BAR: [[f64; 2]; 4] = [[-60.0, 0.0], [60.0, 0.0], [60.0, 30.0], [-60.0, 30.0]];

/// The block's stem, in the block's frame, px.
pub const STEM: [[f64; 2]; 4] = [[-15.0, 30.0], [15.0, 30.0], [15.0, 120.0], [-15.0, 120.0]];

/// Bar and stem as one polygon, in the block's frame, px.
pub const OUTLINE: [[f64; 2]; 8] = [BAR[0], BAR[1], BAR[2], STEM[1], STEM[2], STEM[3], STEM[0], BAR[3]];

/// Area of bar and stem together, px².
pub const BLOCK_AREA: f64 = 6300.0;

/// The block turns about this point of its frame, px.
pub const CENTRE_OF_GRAVITY: [f64; 2] = [0.0, 45.0];

/// The nine points of the block that the low-dimensional Diffusion Policy observes, in the block's frame, px
/// (Chi et al. 2023, <https://github.com/real-stanford/diffusion_policy>).
pub const KEYPOINTS: [[f64; 2]; 9] = [
    [9.269786713763871, 90.04097352393619],
    [-60.983472364471474, -1.1867297607997276],
    [60.91275557727772, -1.3933642242328201],
    [-0.2705034390160016, 25.54362499146542],
    [-14.064927576212233, 122.81585355412153],
    [39.002738500170146, 32.857404276587566],
    [-39.966414424694534, 32.729655446429945],
    [-16.82434437939744, 62.86317892234989],
    [23.54146122024909, -1.7002881094626152],
];

/// Where the block belongs.
pub const GOAL: Pose = Pose { position: Vector2::new(256.0, 256.0), angle: FRAC_PI_4 };

/// A pose on the table: where the frame's origin is (px) and how far it is turned (rad, clockwise on the screen).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Pose {
    /// The frame's origin, px. For the block that is the top middle of its bar.
    pub position: Vector2<f64>,
    /// The frame's angle, rad. Not wrapped.
    pub angle: f64,
}

impl Pose {
    /// The pose with its origin at `x`, `y` (px), turned by `angle` (rad).
    pub const fn new(x: f64, y: f64, angle: f64) -> Self {
        Self { position: Vector2::new(x, y), angle }
    }

    /// The pose that lays `points` nearest to `placed`, in the mean of squares; none if they are not as many, or fewer than two.
    ///
    /// ```text
    /// p, q less their means:  angle = atan2(Σ p × q, Σ p · q),  position = mean of q − rotated mean of p
    /// ```
    #[must_use]
    pub fn fitted(points: &[[f64; 2]], placed: &[[f64; 2]]) -> Option<Self> {
        if points.len() != placed.len() || points.len() < 2 {
            return None;
        }
        let mean = |points: &[[f64; 2]]| {
            points.iter().map(|point| Vector2::from(*point)).sum::<Vector2<f64>>() / points.len() as f64
        };
        let (from, to) = (mean(points), mean(placed));
        let (mut cross, mut dot) = (0.0, 0.0);
        for (p, q) in points.iter().zip(placed) {
            let (p, q) = (Vector2::from(*p) - from, Vector2::from(*q) - to);
            cross += p.perp(&q);
            dot += p.dot(&q);
        }
        let angle = cross.atan2(dot);
        Some(Self { position: to - Rotation2::new(angle) * from, angle })
    }

    /// Where points of this frame lie on the table, px.
    pub fn place<const N: usize>(&self, points: &[[f64; 2]; N]) -> [[f64; 2]; N] {
        let rotation = Rotation2::new(self.angle);
        points.map(|point| (rotation * Vector2::from(point) + self.position).into())
    }
}

/// An angle brought into [0, 2π), as Python's `angle % (2 * pi)` does.
pub fn wrap_angle(angle: f64) -> f64 {
    let wrapped = angle.rem_euclid(TAU);
    // A tiny negative angle rounds up to a whole turn.
    if wrapped < TAU { wrapped } else { 0.0 }
}

/// The difference `a - b` of two angles by the shorter way round, in [-π, π].
pub fn angle_difference(a: f64, b: f64) -> f64 {
    let difference = wrap_angle(a - b);
    if difference > TAU / 2.0 { difference - TAU } else { difference }
}
