//! The simulated table.

use std::ops::Add;

use nalgebra::{Rotation2, Vector2};

use crate::agent::{Agent, SUBSTEP, SUBSTEPS};
use crate::contacts::{ContactSolver, Twist, touches};
use crate::coverage::coverage;
use crate::geometry::{CENTRE_OF_GRAVITY, Pose};
use crate::state::State;

/// A block that covers more of the goal than this has arrived.
pub const SUCCESS_COVERAGE: f64 = 0.95;

/// The largest coordinate taken for a position, px: far beyond the table, and small enough to compute with.
const MAX_COORDINATE: f64 = 1e6;

/// A value that the world cannot have.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum WorldError {
    /// A number is NaN, infinite or absurdly large.
    #[error("{field} is {value}: give a finite number of magnitude up to {MAX_COORDINATE}")]
    OutOfRange {
        /// Which number.
        field: &'static str,
        /// What it is.
        value: f64,
    },
    /// A number is neither 0 nor 1.
    #[error("{field} is {value}: give 0 or 1")]
    NotAFlag {
        /// Which number.
        field: &'static str,
        /// What it is.
        value: f64,
    },
}

/// Result of a control step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    /// Coverage over [`SUCCESS_COVERAGE`], clipped to 1.
    pub reward: f64,
    /// Share of the goal that the block covers.
    pub coverage: f64,
    /// Whether coverage is above [`SUCCESS_COVERAGE`]: the episode is over.
    pub success: bool,
}

/// A shove that the block gets from outside: how far it would go in one control step if nothing were in its way.
///
/// The block keeps no velocity between substeps (damping 0: it slides in thick syrup), so an impulse alone would move
/// it for 0.01 s and be gone. A kick is therefore a displacement, spread evenly over one control step as a velocity
/// that the contacts act upon: walls and the agent stop a kicked block as they stop a pushed one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Kick {
    /// Displacement of the block's centre of gravity, px.
    pub displacement: Vector2<f64>,
    /// Turn about the centre of gravity, rad.
    pub turn: f64,
}

impl Kick {
    /// No shove at all.
    pub const NONE: Self = Self { displacement: Vector2::new(0.0, 0.0), turn: 0.0 };

    /// Whether [`World::step_kicked`] would take this kick.
    pub(crate) fn check(&self) -> Result<(), WorldError> {
        check("kick x", self.displacement.x)?;
        check("kick y", self.displacement.y)?;
        check("kick turn", self.turn)
    }

    fn velocity(&self) -> Twist {
        let duration = SUBSTEPS as f64 * SUBSTEP;
        Twist { linear: self.displacement / duration, angular: self.turn / duration }
    }
}

/// Shoves at the same time add up.
impl Add for Kick {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { displacement: self.displacement + other.displacement, turn: self.turn + other.turn }
    }
}

/// State of a [`World`] between control steps: all that it remembers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Snapshot {
    agent: Agent,
    /// The block's centre of gravity, px. It, not the block's origin, is what moves on a straight line and what the
    /// block turns about.
    centre: Vector2<f64>,
    angle: f64,
    touched: bool,
}

impl Snapshot {
    /// Its numbers, from which [`Snapshot::from_array`] makes it again: the agent's x and y (px), its velocity (px/s), x and y
    /// of the block's centre of gravity (px), the block's angle (rad, not wrapped), and 1 if the block touched something in
    /// the last control step, else 0.
    pub fn to_array(&self) -> [f64; 8] {
        let Self { agent: Agent { position, velocity }, centre, angle, touched } = *self;
        [position.x, position.y, velocity.x, velocity.y, centre.x, centre.y, angle, f64::from(touched)]
    }

    /// From the numbers of [`Snapshot::to_array`].
    ///
    /// # Errors
    /// If a number is not finite or absurdly large, or the last is neither 0 nor 1.
    pub fn from_array(numbers: [f64; 8]) -> Result<Self, WorldError> {
        let names =
            ["agent x", "agent y", "agent velocity x", "agent velocity y", "centre x", "centre y", "block angle"];
        for (field, value) in names.into_iter().zip(numbers) {
            check(field, value)?;
        }
        let [x, y, velocity_x, velocity_y, centre_x, centre_y, angle, touched] = numbers;
        if touched != 0.0 && touched != 1.0 {
            return Err(WorldError::NotAFlag { field: "touched", value: touched });
        }
        let agent = Agent { position: Vector2::new(x, y), velocity: Vector2::new(velocity_x, velocity_y) };
        Ok(Self { agent, centre: Vector2::new(centre_x, centre_y), angle, touched: touched == 1.0 })
    }
}

/// The table with the agent and the block on it.
///
/// Positions are f64 and px, and between control steps nothing else is remembered: two worlds in the same state do
/// the same bytes under the same actions, whatever went before.
///
/// ```
/// use parapolicy_pusht::{State, World};
///
/// let mut world = World::new();
/// world.set_state(&State::from_array([256.0, 400.0, 256.0, 300.0, 0.0]))?;
/// let outcome = world.step([256.0, 380.0])?;
/// assert!(!outcome.success);
/// # Ok::<(), parapolicy_pusht::WorldError>(())
/// ```
pub struct World {
    contacts: ContactSolver,
    agent: Agent,
    centre: Vector2<f64>,
    angle: f64,
    touched: bool,
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// A world as gym-pusht sets it up before a reset: the agent at (256, 400), the block upright at (256, 300).
    pub fn new() -> Self {
        let agent = Agent { position: Vector2::new(256.0, 400.0), velocity: Vector2::zeros() };
        let centre = Vector2::new(256.0, 300.0) + Vector2::from(CENTRE_OF_GRAVITY);
        Self { contacts: ContactSolver::new(), agent, centre, angle: 0.0, touched: false }
    }

    /// Where everything is.
    pub fn state(&self) -> State {
        State { agent: self.agent.position, block: self.block() }
    }

    /// The agent, in motion.
    pub fn agent(&self) -> &Agent {
        &self.agent
    }

    /// Whether the block touched the agent or a wall in the last control step, or where it was put since.
    pub fn touched(&self) -> bool {
        self.touched
    }

    /// Share of the goal that the block covers now.
    pub fn coverage(&self) -> f64 {
        coverage(&self.block())
    }

    /// Puts agent and block where `state` says, the agent at rest.
    ///
    /// # Errors
    /// If a number is not finite or absurdly large.
    pub fn set_state(&mut self, state: &State) -> Result<(), WorldError> {
        self.set_state_moving(state, Vector2::zeros())
    }

    /// Puts agent and block where `state` says, the agent moving with `agent_velocity` (px/s).
    ///
    /// # Errors
    /// If a number is not finite or absurdly large.
    pub fn set_state_moving(&mut self, state: &State, agent_velocity: Vector2<f64>) -> Result<(), WorldError> {
        let Pose { position, angle } = state.block;
        check("agent x", state.agent.x)?;
        check("agent y", state.agent.y)?;
        check("block x", position.x)?;
        check("block y", position.y)?;
        check("block angle", angle)?;
        check("agent velocity x", agent_velocity.x)?;
        check("agent velocity y", agent_velocity.y)?;
        self.put(state);
        self.agent.velocity = agent_velocity;
        Ok(())
    }

    /// [`World::set_state`] for a state that is known to be good.
    pub(crate) fn put(&mut self, state: &State) {
        let Pose { position, angle } = state.block;
        self.agent = Agent { position: state.agent, velocity: Vector2::zeros() };
        self.centre = position + Rotation2::new(angle) * Vector2::from(CENTRE_OF_GRAVITY);
        self.angle = angle;
        self.touched = touches(&self.agent, &state.block);
    }

    /// Moves the world by one control step (0.1 s) with the agent drawn towards `action`, its target position in px.
    ///
    /// # Errors
    /// If the action is not finite or absurdly large; the world stays as it is.
    pub fn step(&mut self, action: [f64; 2]) -> Result<Outcome, WorldError> {
        self.step_kicked(action, &Kick::NONE)
    }

    /// [`World::step`] while the block is being kicked.
    ///
    /// # Errors
    /// If the action or the kick is not finite or absurdly large; the world stays as it is.
    pub fn step_kicked(&mut self, action: [f64; 2], kick: &Kick) -> Result<Outcome, WorldError> {
        Self::check_action(action)?;
        kick.check()?;
        self.touched = false;
        for _ in 0..SUBSTEPS {
            self.substep(action.into(), kick.velocity());
            self.touched = self.touched || touches(&self.agent, &self.block());
        }
        let coverage = self.coverage();
        let reward = (coverage / SUCCESS_COVERAGE).min(1.0);
        Ok(Outcome { reward, coverage, success: coverage > SUCCESS_COVERAGE })
    }

    /// Whether [`World::step`] would take this action.
    pub(crate) fn check_action([x, y]: [f64; 2]) -> Result<(), WorldError> {
        check("action x", x)?;
        check("action y", y)
    }

    /// The world as it is now.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot { agent: self.agent, centre: self.centre, angle: self.angle, touched: self.touched }
    }

    /// Puts the world back where `snapshot` was taken, exactly.
    pub fn restore(&mut self, snapshot: &Snapshot) {
        let Snapshot { agent, centre, angle, touched } = *snapshot;
        (self.agent, self.centre, self.angle, self.touched) = (agent, centre, angle, touched);
    }

    /// Contacts are solved with the agent where it is and at the velocity it has; the block moves; then the agent
    /// does. Chipmunk does the same seen from the other end: it moves everything with what the last step solved, then
    /// solves again.
    fn substep(&mut self, target: Vector2<f64>, kick: Twist) {
        let velocity = self.contacts.solve(&self.agent, &self.block(), kick);
        self.centre += velocity.linear * SUBSTEP;
        self.angle += velocity.angular * SUBSTEP;
        self.agent.follow(target);
    }

    fn block(&self) -> Pose {
        let position = self.centre - Rotation2::new(self.angle) * Vector2::from(CENTRE_OF_GRAVITY);
        Pose { position, angle: self.angle }
    }
}

/// Whether a number can be a coordinate, an angle or a velocity. NaN cannot.
pub(crate) fn is_in_range(value: f64) -> bool {
    value.abs() <= MAX_COORDINATE
}

fn check(field: &'static str, value: f64) -> Result<(), WorldError> {
    if is_in_range(value) { Ok(()) } else { Err(WorldError::OutOfRange { field, value }) }
}
