//! Contacts of the block with the agent and the walls, solved as Chipmunk (gym-pusht's engine) solves them.
//!
//! Chipmunk keeps what bodies *do* apart from how overlaps are *mended*: impulses find velocities that close no contact
//! further, and others find pseudo-velocities that push overlapping shapes apart and are forgotten after the step. So there are two
//! solves of the same contacts here:
//!
//! 1. for velocities: the agent moves, overlaps are ignored;
//! 2. for the push-out: everything stands still, overlaps beyond the slop lose a fixed share per substep.
//!
//! Where shapes touch is found by [`touching`], impulses by [`impulses`]. Nothing is remembered from one substep to the next.

mod impulses;
mod touching;

use nalgebra::Vector2;

use self::impulses::moved;
use self::touching::{Touching, is_at_agent, is_at_wall};
use crate::agent::{Agent, SUBSTEP};
use crate::geometry::Pose;

/// Chipmunk's `collision_bias`: the share of an overlap (beyond the slop) that is left after a second, 0.9^60.
const COLLISION_BIAS: f64 = 0.001_797_007_443_6;

/// Chipmunk's `collision_slop`, px: overlaps up to this are left alone.
const SLOP: f64 = 0.1;

/// Chipmunk's `iterations`.
const ITERATIONS: usize = 10;

/// Iterations for the velocity of a block at a wall. Squeezed between wall and agent it takes sequential impulses long
/// to find the way out; Chipmunk gets there over many steps, because it starts each from the impulses of the last.
const PINNED_ITERATIONS: usize = 40;

/// A velocity in the plane: px/s of the centre of gravity, rad/s about it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Twist {
    pub linear: Vector2<f64>,
    pub angular: f64,
}

impl Twist {
    pub(crate) const ZERO: Self = Self { linear: Vector2::new(0.0, 0.0), angular: 0.0 };

    fn plus(self, other: Self) -> Self {
        Self { linear: self.linear + other.linear, angular: self.angular + other.angular }
    }
}

/// Finds the block's velocity under contact.
pub(crate) struct ContactSolver {
    touching: Touching,
    /// Share of an overlap beyond the slop that is removed in a substep.
    share: f64,
}

impl ContactSolver {
    pub(crate) fn new() -> Self {
        Self { touching: Touching::new(), share: 1.0 - COLLISION_BIAS.powf(SUBSTEP) }
    }

    /// The block's mean velocity over one substep, given that it would move with `free` if nothing were in its way.
    ///
    /// `block` is the pose of the block's frame.
    pub(crate) fn solve(&mut self, agent: &Agent, block: &Pose, free: Twist) -> Twist {
        let found = self.touching.find(agent, block);
        if found.contacts.is_empty() {
            return free;
        }
        let iterations = if found.at_wall { PINNED_ITERATIONS } else { ITERATIONS };
        let velocity = moved(free, found.contacts, iterations, |contact| contact.closing);
        let mending = self.share / SUBSTEP;
        let push_out = |contact: &touching::Contact| mending * (contact.depth - SLOP).max(0.0);
        velocity.plus(moved(Twist::ZERO, found.contacts, ITERATIONS, push_out))
    }
}

/// Whether the block overlaps the agent or a wall.
pub(crate) fn touches(agent: &Agent, block: &Pose) -> bool {
    is_at_agent(agent, block) || is_at_wall(block)
}
