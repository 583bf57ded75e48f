//! The table as a rapier2d scene.
//!
//! rapier computes in f32. What it hands back are velocities, small numbers in which f32's error is small as well; the
//! caller integrates them in f64.

use std::f64::consts::PI;

use nalgebra::Vector2;
use rapier2d::math::{Pose as RapierPose, Vector};
use rapier2d::prelude::*;

use super::Twist;
use crate::agent::{Agent, SUBSTEP};
use crate::geometry::{AGENT_RADIUS, CENTRE_OF_GRAVITY, Pose, WALL_RADIUS, WALLS};

/// Chipmunk's `collision_slop`, px: overlaps up to this are left alone.
pub(super) const SLOP: f32 = 0.1;

/// Mass of the block.
pub(super) const MASS: f32 = 1.0;

/// Moment of inertia of the block about its centre of gravity, px². Not that of a T of this mass and size: gym-pusht
/// adds the bar's moment twice.
pub(super) const MOMENT: f32 = 3000.0;

/// rapier's sets: its state from one step to the next.
#[derive(Clone)]
pub(super) struct Scene {
    bodies: RigidBodySet,
    colliders: ColliderSet,
    islands: IslandManager,
    broad_phase: BroadPhaseBvh,
    narrow_phase: NarrowPhase,
    agent: RigidBodyHandle,
    block: RigidBodyHandle,
}

/// rapier's stateless workspaces, and the empty sets of features that this table does not use.
pub(super) struct Rapier {
    pipeline: PhysicsPipeline,
    impulse_joints: ImpulseJointSet,
    multibody_joints: MultibodyJointSet,
    soft_bodies: SoftBodySet,
    continuous: CCDSolver,
}

impl Rapier {
    pub(super) fn new() -> Self {
        let mut pipeline = PhysicsPipeline::new();
        // Timing rapier's stages would cost more than some of the stages.
        pipeline.counters.disable();
        Self {
            pipeline,
            impulse_joints: ImpulseJointSet::new(),
            multibody_joints: MultibodyJointSet::new(),
            soft_bodies: SoftBodySet::new(),
            continuous: CCDSolver::new(),
        }
    }
}

/// rapier's parameters for one rigid solve in `iterations` sweeps, in which an overlap loses `share` of itself.
///
/// rapier states the share as a spring: erp = Δt·ω / (Δt·ω + 2ζ), with a compliance that vanishes as ζ grows.
pub(super) fn parameters(share: f64, iterations: usize) -> IntegrationParameters {
    const DAMPING_RATIO: f64 = 1e4;
    let angular_frequency = 2.0 * DAMPING_RATIO * share / ((1.0 - share) * SUBSTEP);
    let softness = SpringCoefficients::new((angular_frequency / (2.0 * PI)) as f32, DAMPING_RATIO as f32);
    IntegrationParameters {
        dt: SUBSTEP as f32,
        contact_softness: softness,
        static_contact_softness: softness,
        // One solve of the whole substep; its velocities are final (no second pass that takes the bias out again).
        num_solver_iterations: 1,
        num_internal_pgs_iterations: iterations,
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
    /// The table, after rapier has registered everything on it.
    pub(super) fn new(rapier: &mut Rapier) -> Self {
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
        let mut scene = Self {
            bodies,
            colliders,
            islands: IslandManager::new(),
            // With seven shapes, optimising the tree is not worthwhile.
            broad_phase: BroadPhaseBvh::with_optimization_strategy(BvhOptimizationStrategy::None),
            narrow_phase: NarrowPhase::new(),
            agent,
            block,
        };
        scene.step(rapier, &parameters(0.0, 1));
        scene
    }

    /// The velocity that the contacts leave of the block's `velocity`.
    pub(super) fn solve(
        &mut self,
        rapier: &mut Rapier,
        parameters: &IntegrationParameters,
        agent: &Agent,
        block: &Pose,
        velocity: Twist,
    ) -> Twist {
        self.place(agent, block, velocity);
        self.step(rapier, parameters);
        self.block_twist()
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
