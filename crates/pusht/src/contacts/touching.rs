//! Where the block touches the agent and the walls.
//!
//! The agent at a rectangle has a closed form. A wall is a capsule, and its points at a rectangle are found by rapier's collision
//! detection, in the rectangle's frame, where f32's error is small.

use nalgebra::{Rotation2, Vector2};
use rapier2d::math::{Pose as RapierPose, Vector};
use rapier2d::parry::query::{ContactManifold, DefaultQueryDispatcher, PersistentQueryDispatcher as _};
use rapier2d::parry::shape::{Capsule, Cuboid};

use super::impulses::MOST;
use crate::agent::Agent;
use crate::geometry::{AGENT_RADIUS, BAR, CENTRE_OF_GRAVITY, OUTLINE, Pose, STEM, WALL_RADIUS, WALLS};

/// A rectangle of the block, in the block's frame, px.
type Rectangle = [[f64; 2]; 4];

/// A point at which something touches the block.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Contact {
    /// Of length 1, into the block.
    pub normal: Vector2<f64>,
    /// r × n, with r from the block's centre of gravity to the point, px.
    pub arm: f64,
    /// How far the shapes overlap, px.
    pub depth: f64,
    /// How fast what touches the block moves along the normal, px/s.
    pub closing: f64,
}

/// What touches the block.
pub(super) struct Found<'a> {
    pub contacts: &'a [Contact],
    /// Whether a wall is among them.
    pub at_wall: bool,
}

/// Finds contacts; keeps the memory for them.
pub(super) struct Touching {
    contacts: Vec<Contact>,
}

impl Touching {
    pub(super) fn new() -> Self {
        Self { contacts: Vec::with_capacity(MOST) }
    }

    pub(super) fn find(&mut self, agent: &Agent, block: &Pose) -> Found<'_> {
        self.contacts.clear();
        let to_table = Rotation2::new(block.angle);
        let centre = to_table.inverse() * (agent.position - block.position);
        for part in [&BAR, &STEM] {
            let Some((point, normal, depth)) = agent_at(part, centre) else { continue };
            let closing = (to_table * normal).dot(&agent.velocity);
            self.contacts.push(contact(to_table, point, normal, depth, closing));
        }
        let before = self.contacts.len();
        if is_at_wall(block) {
            for part in [&BAR, &STEM] {
                WALLS.iter().for_each(|wall| self.add_wall(wall, part, block, to_table));
            }
        }
        Found { at_wall: self.contacts.len() > before, contacts: &self.contacts }
    }

    /// The points of a wall at a rectangle, two at most.
    fn add_wall(&mut self, wall: &[[f64; 2]; 2], part: &Rectangle, block: &Pose, to_table: Rotation2<f64>) {
        let [least, _, greatest, _] = part.map(Vector2::from);
        let (middle, half) = ((least + greatest) / 2.0, (greatest - least) / 2.0);
        let ends = wall.map(|end| to_table.inverse() * (Vector2::from(end) - block.position) - middle);
        if beyond(ends, half) {
            return;
        }
        let rectangle = Cuboid::new(vector(half));
        let wall = Capsule::new(vector(ends[0]), vector(ends[1]), WALL_RADIUS as f32);
        let here = RapierPose::IDENTITY;
        // A used one remembers a direction to begin with, and the last bits depend on it.
        let mut manifold = ContactManifold::<(), ()>::new();
        let found = DefaultQueryDispatcher.contact_manifold_convex_convex(
            &here,
            &rectangle,
            &wall,
            None,
            None,
            0.0,
            &mut manifold,
        );
        debug_assert!(found.is_ok(), "rapier knows rectangles and capsules");
        // It points from the rectangle to the wall.
        let normal = -double(manifold.local_n1);
        for touch in manifold.points.iter().filter(|touch| touch.dist <= 0.0) {
            let point = middle + double(touch.local_p1);
            self.contacts.push(contact(to_table, point, normal, f64::from(-touch.dist), 0.0));
        }
    }
}

/// `point` and `normal` are in the block's frame.
fn contact(to_table: Rotation2<f64>, point: Vector2<f64>, normal: Vector2<f64>, depth: f64, closing: f64) -> Contact {
    let arm = (point - Vector2::from(CENTRE_OF_GRAVITY)).perp(&normal);
    Contact { normal: to_table * normal, arm, depth, closing }
}

/// Where the agent overlaps a rectangle, if it does: the rectangle's point, the normal into the rectangle, and how far. All in the
/// block's frame, as `centre`, the agent's. An agent whose centre is inside leaves by the nearest side.
fn agent_at(part: &Rectangle, centre: Vector2<f64>) -> Option<(Vector2<f64>, Vector2<f64>, f64)> {
    let [least, _, greatest, _] = part.map(Vector2::from);
    let point = centre.sup(&least).inf(&greatest);
    let distance = (point - centre).norm();
    if distance > 0.0 {
        return (distance < AGENT_RADIUS).then(|| (point, (point - centre) / distance, AGENT_RADIUS - distance));
    }
    let sides = [
        (centre.x - least.x, Vector2::x()),
        (greatest.x - centre.x, -Vector2::x()),
        (centre.y - least.y, Vector2::y()),
        (greatest.y - centre.y, -Vector2::y()),
    ];
    let (inside, normal) = sides.into_iter().min_by(|a, b| a.0.total_cmp(&b.0))?;
    Some((centre - normal * inside, normal, AGENT_RADIUS + inside))
}

/// Whether a wall with these ends is certainly apart from a rectangle of this half size about the origin.
fn beyond([a, b]: [Vector2<f64>; 2], half: Vector2<f64>) -> bool {
    let reach = half.add_scalar(WALL_RADIUS);
    let (least, greatest) = (a.inf(&b), a.sup(&b));
    least.x > reach.x || greatest.x < -reach.x || least.y > reach.y || greatest.y < -reach.y
}

/// Whether the block overlaps the agent.
pub(super) fn is_at_agent(agent: &Agent, block: &Pose) -> bool {
    let centre = Rotation2::new(-block.angle) * (agent.position - block.position);
    [&BAR, &STEM].into_iter().any(|part| agent_at(part, centre).is_some())
}

/// Whether the block overlaps a wall, or is beyond one.
pub(super) fn is_at_wall(block: &Pose) -> bool {
    let [[[left, bottom], [_, top]], _, [[right, _], _], _] = WALLS;
    let inside = |low: f64, x: f64, high: f64| x > low + WALL_RADIUS && x < high - WALL_RADIUS;
    !block.place(&OUTLINE).into_iter().all(|[x, y]| inside(left, x, right) && inside(top, y, bottom))
}

fn vector(of: Vector2<f64>) -> Vector {
    Vector::new(of.x as f32, of.y as f32)
}

fn double(of: Vector) -> Vector2<f64> {
    Vector2::new(of.x.into(), of.y.into())
}
