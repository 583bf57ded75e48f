//! Contacts of the block with the agent and the walls, solved by rapier2d.
//!
//! Chipmunk (gym-pusht's engine) keeps what bodies *do* apart from how overlaps are *mended*: one solve finds
//! velocities that close no contact further, a second one finds pseudo-velocities that push overlapping shapes apart
//! and are forgotten after the step. rapier mends with a bias inside its one solve, which gives another motion
//! wherever the agent moves away from a contact. So rapier is asked twice here, with two sets of parameters:
//!
//! 1. for velocities: the agent moves, overlaps are ignored (no bias);
//! 2. for the push-out: the agent stands still, overlaps beyond the slop lose a fixed share per substep.
//!
//! rapier computes in f32. What it hands back are velocities, small numbers in which f32's error is small as well;
//! the caller integrates them in f64.

use std::f64::consts::PI;

use nalgebra::{Rotation2, Vector2};
use rapier2d::math::{Pose as RapierPose, Vector};
use rapier2d::prelude::*;

use crate::geometry::{AGENT_RADIUS, BAR, CENTRE_OF_GRAVITY, OUTLINE, Pose, STEM, WALL_RADIUS, WALLS};

/// Length of one substep, s.
pub(crate) const SUBSTEP: f64 = 0.01;

/// Chipmunk's `collision_slop`, px: overlaps up to this are left alone.
const SLOP: f32 = 0.1;

/// Chipmunk's `collision_bias`: the share of an overlap (beyond the slop) that is left after a second, 0.9^60.
const COLLISION_BIAS: f64 = 0.001_797_007_443_6;

/// Chipmunk's `iterations`.
const ITERATIONS: usize = 10;

/// Iterations for the velocity of a block at a wall. Squeezed between wall and agent it takes sequential impulses long
/// to find the way out; Chipmunk gets there over many steps, because it starts each from the impulses of the last.
const PINNED_ITERATIONS: usize = 80;

/// Mass of the block.
const MASS: f32 = 1.0;

/// Moment of inertia of the block about its centre of gravity, px². Not that of a T of this mass and size: gym-pusht
/// adds the bar's moment twice.
const MOMENT: f32 = 3000.0;

/// Shapes this far apart (px) do not touch, whatever f32 rounds.
const MARGIN: f64 = 0.01;

/// A velocity in the plane: px/s of the centre of gravity, rad/s about it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Twist {
    pub linear: Vector2<f64>,
    pub angular: f64,
}

impl Twist {
    pub(crate) const ZERO: Self = Self { linear: Vector2::new(0.0, 0.0), angular: 0.0 };
}

/// The agent's position (px) and velocity (px/s).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Agent {
    pub position: Vector2<f64>,
    pub velocity: Vector2<f64>,
}

/// rapier's sets, all that it remembers from one step to the next.
#[derive(Clone)]
struct Scene {
    bodies: RigidBodySet,
    colliders: ColliderSet,
    islands: IslandManager,
    broad_phase: BroadPhaseBvh,
    narrow_phase: NarrowPhase,
    agent: RigidBodyHandle,
    block: RigidBodyHandle,
}

/// What rapier works with but remembers nothing in, and the kinds of things that are not on this table.
#[derive(Default)]
struct Rapier {
    pipeline: PhysicsPipeline,
    impulse_joints: ImpulseJointSet,
    multibody_joints: MultibodyJointSet,
    soft_bodies: SoftBodySet,
    continuous: CCDSolver,
}

/// Finds the block's velocity under contact.
pub(crate) struct ContactSolver {
    pristine: Scene,
    scene: Scene,
    /// Whether `scene` remembers contacts that are to be forgotten.
    stale: bool,
    rapier: Rapier,
    velocity_parameters: IntegrationParameters,
    pinned_parameters: IntegrationParameters,
    push_out_parameters: IntegrationParameters,
}

impl ContactSolver {
    pub(crate) fn new() -> Self {
        let velocity_parameters = parameters(0.0);
        let mut rapier = Rapier::default();
        // Timing rapier's parts costs more than some of them take.
        rapier.pipeline.counters.disable();
        let mut pristine = Scene::new();
        // So that what rapier builds for bodies it has never seen is part of every copy.
        pristine.step(&mut rapier, &velocity_parameters);
        Self {
            scene: pristine.clone(),
            pristine,
            stale: false,
            rapier,
            pinned_parameters: IntegrationParameters {
                num_internal_pgs_iterations: PINNED_ITERATIONS,
                ..velocity_parameters
            },
            velocity_parameters,
            push_out_parameters: parameters(1.0 - COLLISION_BIAS.powf(SUBSTEP)),
        }
    }

    /// Forgets every contact, so that what follows depends on nothing that went before.
    pub(crate) fn forget(&mut self) {
        self.stale = true;
    }

    /// The block's mean velocity over one substep, given that it would move with `velocity` if nothing were in its way.
    ///
    /// `block` is the pose of the block's frame.
    pub(crate) fn solve(&mut self, agent: &Agent, block: &Pose, velocity: Twist) -> Twist {
        let at_wall = is_at_wall(block);
        if !at_wall && !is_at_agent(agent, block) {
            return velocity;
        }
        if self.stale {
            self.scene.clone_from(&self.pristine);
            self.stale = false;
        }
        self.scene.place(agent, block, velocity);
        let parameters = if at_wall { &self.pinned_parameters } else { &self.velocity_parameters };
        self.scene.step(&mut self.rapier, parameters);
        let moving = self.scene.block_twist();
        if self.scene.deepest_overlap() <= SLOP {
            return moving;
        }
        let standing = Agent { velocity: Vector2::zeros(), ..*agent };
        self.scene.place(&standing, block, Twist::ZERO);
        self.scene.step(&mut self.rapier, &self.push_out_parameters);
        let push_out = self.scene.block_twist();
        Twist { linear: moving.linear + push_out.linear, angular: moving.angular + push_out.angular }
    }
}

/// Whether the block may overlap the agent. If it does not, rapier need not be asked.
fn is_at_agent(agent: &Agent, block: &Pose) -> bool {
    let agent = Rotation2::new(-block.angle) * (agent.position - block.position);
    [BAR, STEM].iter().any(|part| distance(part, agent) < AGENT_RADIUS + MARGIN)
}

/// Whether the block may overlap a wall.
fn is_at_wall(block: &Pose) -> bool {
    let [[[left, bottom], [_, top]], _, [[right, _], _], _] = WALLS;
    let reach = WALL_RADIUS + MARGIN;
    let inside = |low: f64, x: f64, high: f64| x > low + reach && x < high - reach;
    !block.place(&OUTLINE).into_iter().all(|[x, y]| inside(left, x, right) && inside(top, y, bottom))
}

/// Distance of a point from an upright rectangle, 0 inside.
fn distance([least, _, greatest, _]: &[[f64; 2]; 4], point: Vector2<f64>) -> f64 {
    let [least, greatest] = [Vector2::from(*least), Vector2::from(*greatest)];
    (least - point).sup(&(point - greatest)).sup(&Vector2::zeros()).norm()
}

/// rapier's parameters for one rigid solve in which an overlap loses `share` of itself.
///
/// rapier states the share as a spring: erp = Δt·ω / (Δt·ω + 2ζ), with a compliance that vanishes as ζ grows.
fn parameters(share: f64) -> IntegrationParameters {
    const DAMPING_RATIO: f64 = 1e4;
    let angular_frequency = 2.0 * DAMPING_RATIO * share / ((1.0 - share) * SUBSTEP);
    let softness = SpringCoefficients::new((angular_frequency / (2.0 * PI)) as f32, DAMPING_RATIO as f32);
    IntegrationParameters {
        dt: SUBSTEP as f32,
        contact_softness: softness,
        static_contact_softness: softness,
        // One solve of the whole substep; its velocities are final (no second pass that takes the bias out again).
        num_solver_iterations: 1,
        num_internal_pgs_iterations: ITERATIONS,
        num_internal_stabilization_iterations: 0,
        warmstart_coefficient: 0.0,
        // Chipmunk knows contacts only between shapes that overlap.
        normalized_prediction_distance: 0.0,
        max_ccd_substeps: 0,
        contact_recycling: false,
        normalized_max_corrective_velocity: Real::MAX,
        normalized_max_linear_velocity: Real::MAX,
        ..IntegrationParameters::default()
    }
}

impl Scene {
    fn new() -> Self {
        let mut bodies = RigidBodySet::new();
        let mut colliders = ColliderSet::new();
        for [a, b] in WALLS {
            colliders.insert(collider(SharedShape::capsule(vector(a), vector(b), WALL_RADIUS as f32)));
        }
        let agent = bodies.insert(RigidBodyBuilder::kinematic_velocity_based().can_sleep(false));
        colliders.insert_with_parent(collider(SharedShape::ball(AGENT_RADIUS as f32)), agent, &mut bodies);
        let mass = MassProperties::new(vector(CENTRE_OF_GRAVITY), MASS, MOMENT);
        let block = bodies.insert(RigidBodyBuilder::dynamic().additional_mass_properties(mass).can_sleep(false));
        for (centre, half_extents) in [([0.0, 15.0], [60.0, 15.0]), ([0.0, 75.0], [15.0, 45.0])] {
            let [half_width, half_height]: [f32; 2] = half_extents;
            let shape = collider(SharedShape::cuboid(half_width, half_height)).translation(vector(centre));
            colliders.insert_with_parent(shape.active_hooks(ActiveHooks::MODIFY_SOLVER_CONTACTS), block, &mut bodies);
        }
        Self {
            bodies,
            colliders,
            islands: IslandManager::new(),
            // Seven shapes make no tree worth keeping in shape.
            broad_phase: BroadPhaseBvh::with_optimization_strategy(BvhOptimizationStrategy::None),
            narrow_phase: NarrowPhase::new(),
            agent,
            block,
        }
    }

    fn place(&mut self, agent: &Agent, block: &Pose, velocity: Twist) {
        let body = &mut self.bodies[self.agent];
        body.set_translation(vector(agent.position.into()), true);
        body.set_linvel(vector(agent.velocity.into()), true);
        let body = &mut self.bodies[self.block];
        body.set_position(RapierPose::new(vector(block.position.into()), block.angle as f32), true);
        body.set_linvel(vector(velocity.linear.into()), true);
        body.set_angvel(velocity.angular as f32, true);
    }

    fn step(&mut self, rapier: &mut Rapier, parameters: &IntegrationParameters) {
        rapier.pipeline.step(
            Vector::ZERO,
            parameters,
            &mut self.islands,
            &mut self.broad_phase,
            &mut self.narrow_phase,
            &mut self.bodies,
            &mut self.colliders,
            &mut rapier.impulse_joints,
            &mut rapier.multibody_joints,
            &mut rapier.soft_bodies,
            &mut rapier.continuous,
            &OverlapsOnly,
            &(),
        );
    }

    fn block_twist(&self) -> Twist {
        let body = &self.bodies[self.block];
        let linear = body.linvel();
        Twist { linear: Vector2::new(linear.x.into(), linear.y.into()), angular: body.angvel().into() }
    }

    /// The largest overlap of the last step's contacts, px; negative where shapes were apart.
    fn deepest_overlap(&self) -> f32 {
        let pairs = self.narrow_phase.contact_pairs();
        let points = pairs.flat_map(ContactPair::manifolds).flat_map(|manifold| &manifold.points);
        points.map(|point| -point.dist).fold(f32::NEG_INFINITY, f32::max)
    }
}

/// Drops contacts of shapes that are still apart, and leaves the slop out of an overlap.
struct OverlapsOnly;

impl PhysicsHooks for OverlapsOnly {
    fn modify_solver_contacts(&self, context: &mut ContactModificationContext<'_>) {
        if let Some(manifold) = context.rigid_mut() {
            manifold.solver_contacts.retain(|contact| contact.dist <= 0.0);
            for contact in manifold.solver_contacts.iter_mut() {
                contact.dist = (contact.dist + SLOP).min(0.0);
            }
        }
    }
}

/// A collider without mass, friction and bounce.
fn collider(shape: SharedShape) -> ColliderBuilder {
    ColliderBuilder::new(shape).density(0.0).friction(0.0).restitution(0.0)
}

fn vector([x, y]: [impl Into<f64>; 2]) -> Vector {
    Vector::new(x.into() as f32, y.into() as f32)
}
