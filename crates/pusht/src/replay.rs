//! Replays a recorded trace, and measures how far the simulator deviates from it.

use std::hint::black_box;
use std::time::{Duration, Instant};

use nalgebra::Vector2;
use serde::Serialize;

use crate::coverage::coverage;
use crate::geometry::angle_difference;
use crate::state::State;
use crate::trace::Trace;
use crate::world::{Outcome, SUCCESS_COVERAGE, World, WorldError};

/// How far the simulator is from a trace.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReplayReport {
    /// The trace's file.
    pub trace: String,
    /// Episodes in it.
    pub episodes: usize,
    /// Control steps simulated.
    pub control_steps: usize,
    /// Errors of the block and of the reward.
    #[serde(flatten)]
    pub errors: ReplayErrors,
    /// The largest distance of the agent from where it should have been after any control step, px.
    pub agent_max_error_px: f64,
    /// Control steps per second on one core, state observation and reward included.
    pub control_steps_per_second: f64,
}

/// Errors of the block and of the reward, of one of two kinds.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ReplayErrors {
    /// Open loop: only actions are taken from the trace after an episode's start. Over episodes.
    OpenLoop {
        /// Distance of the block's origin from its recorded one in the episode's last state, px.
        final_position_error_px: Quantiles,
        /// The same of the angle, rad.
        final_angle_error_rad: Quantiles,
        /// The same of the reward.
        final_reward_error: Quantiles,
    },
    /// Every control step starts from the recorded state. Over control steps.
    Resync {
        /// Distance of the block's origin from its recorded one after the control step, px.
        step_position_error_px: Quantiles,
        /// The same of the angle, rad.
        step_angle_error_rad: Quantiles,
        /// The same of the reward.
        step_reward_error: Quantiles,
    },
}

/// Quantiles of a set of numbers.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Quantiles {
    /// Half of the numbers are at most this.
    pub p50: f64,
    /// Nine tenths of the numbers are at most this.
    pub p90: f64,
    /// The largest number.
    pub max: f64,
}

impl Quantiles {
    /// Of any set of numbers by the nearest-rank method; of an empty one, zeros.
    pub fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let rank = |share: f64| (share * values.len() as f64).ceil() as usize;
        let at = |share| values.get(rank(share).saturating_sub(1)).copied().unwrap_or(0.0);
        Self { p50: at(0.5), p90: at(0.9), max: at(1.0) }
    }
}

/// Replays `trace` from each episode's first state to its last. With `resync` every control step starts from the
/// recorded state; where agent velocities were not recorded, the agent keeps the one it has (no contact changes it).
///
/// # Errors
/// If the world refuses a state or an action, which a valid trace does not hold.
pub fn replay(trace: &Trace, resync: bool) -> Result<ReplayReport, WorldError> {
    let mut replay = Replay { trace, world: World::new(), errors: Vec::new(), elapsed: Duration::ZERO };
    let mut finals = Vec::new();
    for episode in trace.episodes() {
        replay.start(episode.start, Vector2::zeros())?;
        for row in episode.start..episode.end - 1 {
            if resync {
                replay.start(row, replay.world.agent().velocity)?;
            }
            replay.step(row)?;
        }
        finals.extend(replay.errors.last().copied().filter(|_| episode.len() > 1));
    }
    let control_steps = replay.errors.len();
    let agent_max_error_px = replay.errors.iter().map(|error| error.agent).fold(0.0, f64::max);
    Ok(ReplayReport {
        trace: trace.path().display().to_string(),
        episodes: trace.episodes().count(),
        control_steps,
        errors: if resync { ReplayErrors::resync(&replay.errors) } else { ReplayErrors::open_loop(&finals) },
        agent_max_error_px,
        control_steps_per_second: control_steps as f64 / replay.elapsed.as_secs_f64().max(f64::MIN_POSITIVE),
    })
}

impl ReplayErrors {
    fn open_loop(finals: &[StepError]) -> Self {
        let [final_position_error_px, final_angle_error_rad, final_reward_error] = quantiles(finals);
        Self::OpenLoop { final_position_error_px, final_angle_error_rad, final_reward_error }
    }

    fn resync(steps: &[StepError]) -> Self {
        let [step_position_error_px, step_angle_error_rad, step_reward_error] = quantiles(steps);
        Self::Resync { step_position_error_px, step_angle_error_rad, step_reward_error }
    }
}

/// Of position, angle and reward.
fn quantiles(errors: &[StepError]) -> [Quantiles; 3] {
    let of = |field: fn(&StepError) -> f64| Quantiles::of(errors.iter().map(field).collect());
    [of(|error| error.position), of(|error| error.angle), of(|error| error.reward)]
}

/// How far a state is from the recorded one.
#[derive(Debug, Clone, Copy)]
struct StepError {
    position: f64,
    angle: f64,
    reward: f64,
    agent: f64,
}

struct Replay<'a> {
    trace: &'a Trace,
    world: World,
    errors: Vec<StepError>,
    elapsed: Duration,
}

impl Replay<'_> {
    fn start(&mut self, row: usize, velocity: Vector2<f64>) -> Result<(), WorldError> {
        let velocity = self.trace.agent_velocity(row).unwrap_or(velocity);
        self.world.set_state_moving(&self.trace.state(row), velocity)
    }

    fn step(&mut self, row: usize) -> Result<(), WorldError> {
        let begin = Instant::now();
        let outcome = self.world.step(self.trace.action(row))?;
        black_box(self.world.state().to_array());
        self.elapsed += begin.elapsed();
        self.errors.push(self.error(row, &outcome));
        Ok(())
    }

    fn error(&self, row: usize, outcome: &Outcome) -> StepError {
        let is = self.world.state();
        let should = self.trace.state(row + 1);
        let reward = self.trace.reward(row).unwrap_or_else(|| reward_of(&should));
        StepError {
            position: (is.block.position - should.block.position).norm(),
            angle: angle_difference(is.block.angle, should.block.angle).abs(),
            reward: (outcome.reward - reward).abs(),
            agent: (is.agent - should.agent).norm(),
        }
    }
}

/// The reward in a state whose reward was not recorded.
fn reward_of(state: &State) -> f64 {
    (coverage(&state.block) / SUCCESS_COVERAGE).min(1.0)
}
