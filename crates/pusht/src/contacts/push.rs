//! Closed form of the contact solve for an agent that touches the block at one point.

use nalgebra::{Rotation2, Vector2};

use super::Twist;
use super::scene::{MASS, MOMENT, SLOP};
use crate::agent::{Agent, SUBSTEP};
use crate::geometry::{AGENT_RADIUS, BAR, CENTRE_OF_GRAVITY, Pose, STEM};

/// The velocity that the agent gives a block that rests and touches nothing else, if at most one of its two rectangles
/// is touched, and from outside; the agent's centre is beyond no edge.
///
/// With the normal n from the agent to the block, at the arm r from its centre of gravity, an impulse j along n changes
/// the block's velocity along n by j K, K = 1/m + (r × n)²/I. The contact is closed no further, and an overlap d beyond
/// the slop loses a `share` of itself in the substep h:
///
/// ```text
/// j K = max(v_agent · n, 0) + share · max(d − slop, 0) / h
/// ```
pub(super) fn push(agent: &Agent, block: &Pose, share: f64) -> Option<Twist> {
    let to_block = Rotation2::new(-block.angle);
    let centre = to_block * (agent.position - block.position);
    let mut touched = [&BAR, &STEM].into_iter().filter_map(|part| Touch::of(part, centre));
    let (Some(touch), second) = (touched.next(), touched.next()) else { return Some(Twist::ZERO) };
    if touch.distance == 0.0 || second.is_some() {
        return None;
    }
    let normal = (touch.point - centre) / touch.distance;
    let arm = (touch.point - Vector2::from(CENTRE_OF_GRAVITY)).perp(&normal);
    let closing = (to_block * agent.velocity).dot(&normal).max(0.0);
    let mending = share * (AGENT_RADIUS - touch.distance - f64::from(SLOP)).max(0.0) / SUBSTEP;
    let (mass, moment) = (f64::from(MASS), f64::from(MOMENT));
    let impulse = (closing + mending) / (1.0 / mass + arm * arm / moment);
    Some(Twist { linear: to_block.inverse() * normal * impulse / mass, angular: arm * impulse / moment })
}

/// Where the agent overlaps a rectangle.
struct Touch {
    /// The rectangle's point closest to the agent's centre, in the block's frame.
    point: Vector2<f64>,
    /// How far it is from there.
    distance: f64,
}

impl Touch {
    /// Of an upright rectangle, in the block's frame.
    fn of([least, _, greatest, _]: &[[f64; 2]; 4], centre: Vector2<f64>) -> Option<Self> {
        let point = centre.sup(&Vector2::from(*least)).inf(&Vector2::from(*greatest));
        let distance = (point - centre).norm();
        (distance < AGENT_RADIUS).then_some(Self { point, distance })
    }
}
