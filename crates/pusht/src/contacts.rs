//! Contacts of the block with the agent and the walls, solved by rapier2d.
//!
//! Chipmunk (gym-pusht's engine) keeps what bodies *do* apart from how overlaps are *mended*: one solve finds
//! velocities that close no contact further, a second one finds pseudo-velocities that push overlapping shapes apart
//! and are forgotten after the step. rapier mends with a bias inside its one solve, which gives another motion
//! wherever the agent moves away from a contact. So rapier solves twice here:
//!
//! 1. for velocities: the agent moves, overlaps are ignored (no bias);
//! 2. for the push-out: the agent stands still, overlaps beyond the slop lose a fixed share per substep.
//!
//! An agent at a single point of the block, the commonest case, needs no solver: [`push`] has it in closed form, in
//! f64.

mod push;
mod scene;

use nalgebra::{Rotation2, Vector2};
use rapier2d::dynamics::IntegrationParameters;

use self::push::push;
use self::scene::{Rapier, SLOP, Scene, parameters};
use crate::agent::{Agent, SUBSTEP};
use crate::geometry::{AGENT_RADIUS, BAR, OUTLINE, Pose, STEM, WALL_RADIUS, WALLS};

/// Chipmunk's `collision_bias`: the share of an overlap (beyond the slop) that is left after a second, 0.9^60.
const COLLISION_BIAS: f64 = 0.001_797_007_443_6;

/// Chipmunk's `iterations`.
const ITERATIONS: usize = 10;

/// Iterations for the velocity of a block at a wall. Squeezed between wall and agent it takes sequential impulses long
/// to find the way out; Chipmunk gets there over many steps, because it starts each from the impulses of the last.
const PINNED_ITERATIONS: usize = 40;

/// Shapes this far apart (px) do not touch, even after f32 rounding, so rapier can be skipped.
const MARGIN: f64 = 0.01;

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
    pristine: Scene,
    scene: Scene,
    /// Whether `scene` still holds contacts that must be dropped.
    stale: bool,
    rapier: Rapier,
    velocity: IntegrationParameters,
    pinned_velocity: IntegrationParameters,
    push_out: IntegrationParameters,
    /// Share of an overlap beyond the slop that is removed in a substep.
    share: f64,
}

impl ContactSolver {
    pub(crate) fn new() -> Self {
        let mut rapier = Rapier::new();
        let share = 1.0 - COLLISION_BIAS.powf(SUBSTEP);
        let pristine = Scene::new(&mut rapier);
        Self {
            scene: pristine.clone(),
            pristine,
            stale: false,
            rapier,
            velocity: parameters(0.0, ITERATIONS),
            pinned_velocity: parameters(0.0, PINNED_ITERATIONS),
            push_out: parameters(share, ITERATIONS),
            share,
        }
    }

    /// Drops every contact, so that the next step does not depend on earlier ones.
    pub(crate) fn forget(&mut self) {
        self.stale = true;
    }

    /// The block's mean velocity over one substep, given that it would move with `free` if nothing were in its way.
    ///
    /// `block` is the pose of the block's frame.
    pub(crate) fn solve(&mut self, agent: &Agent, block: &Pose, free: Twist) -> Twist {
        let (at_agent, at_wall) = (is_at_agent(agent, block, MARGIN), is_at_wall(block, MARGIN));
        if !at_agent && !at_wall {
            return free;
        }
        if free == Twist::ZERO {
            // A block that overlaps a wall by less than the slop is not pushed.
            if !at_agent && !is_at_wall(block, -f64::from(SLOP)) {
                return free;
            }
            if let Some(pushed) = push(agent, block, self.share).filter(|_| !at_wall) {
                return pushed;
            }
        }
        self.ask_rapier(agent, block, free, at_agent, at_wall)
    }

    /// The two solves, added up.
    fn ask_rapier(&mut self, agent: &Agent, block: &Pose, free: Twist, at_agent: bool, at_wall: bool) -> Twist {
        if self.stale {
            self.scene.clone_from(&self.pristine);
            self.stale = false;
        }
        let Self { scene, rapier, .. } = self;
        let velocity = if !at_agent && free == Twist::ZERO {
            free
        } else {
            let parameters = if at_wall { &self.pinned_velocity } else { &self.velocity };
            scene.solve(rapier, parameters, agent, block, free)
        };
        let standing = Agent { velocity: Vector2::zeros(), ..*agent };
        velocity.plus(scene.solve(rapier, &self.push_out, &standing, block, Twist::ZERO))
    }
}

/// Whether the block overlaps the agent or a wall.
pub(crate) fn touches(agent: &Agent, block: &Pose) -> bool {
    is_at_agent(agent, block, 0.0) || is_at_wall(block, 0.0)
}

/// Whether the block is less than `margin` from the agent.
fn is_at_agent(agent: &Agent, block: &Pose, margin: f64) -> bool {
    let agent = Rotation2::new(-block.angle) * (agent.position - block.position);
    [BAR, STEM].iter().any(|part| distance(part, agent) < AGENT_RADIUS + margin)
}

/// Whether the block is less than `margin` from a wall, or beyond one.
fn is_at_wall(block: &Pose, margin: f64) -> bool {
    let [[[left, bottom], [_, top]], _, [[right, _], _], _] = WALLS;
    let reach = WALL_RADIUS + margin;
    let inside = |low: f64, x: f64, high: f64| x > low + reach && x < high - reach;
    !block.place(&OUTLINE).into_iter().all(|[x, y]| inside(left, x, right) && inside(top, y, bottom))
}

/// Distance of a point from an upright rectangle, 0 inside.
fn distance([least, _, greatest, _]: &[[f64; 2]; 4], point: Vector2<f64>) -> f64 {
    let [least, greatest] = [Vector2::from(*least), Vector2::from(*greatest)];
    (least - point).sup(&(point - greatest)).sup(&Vector2::zeros()).norm()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Along the bar's upper edge and round its corners, the agent coming and going: as far as f32 can tell.
    #[test]
    fn the_closed_form_is_what_rapier_comes_to() {
        let mut solver = ContactSolver::new();
        for step in 0..280 {
            let step = f64::from(step);
            let block = Pose::new(256.0, 256.0, 0.37 * step);
            let [position] = block.place(&[[-70.0 + 0.5 * step, -9.0 - 6.5 * (0.9 * step).sin()]]);
            let velocity = Rotation2::new(0.61 * step) * Vector2::new(200.0, 0.0);
            let agent = Agent { position: position.into(), velocity };
            let at_agent = is_at_agent(&agent, &block, MARGIN);
            let Some(pushed) = push(&agent, &block, solver.share) else { panic!("more than one contact at {agent:?}") };
            let solved = solver.ask_rapier(&agent, &block, Twist::ZERO, at_agent, false);
            let error = ((pushed.linear - solved.linear).norm(), (pushed.angular - solved.angular).abs());
            assert!(error.0 < 0.05 && error.1 < 5e-4, "{pushed:?}, but {solved:?} at {agent:?}");
        }
    }
}
