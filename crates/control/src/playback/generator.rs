//! Commands that keep limits on velocity, acceleration and jerk: a trajectory generator on line.
//!
//! Each number of a command is an axis with a state `x = (p, v, a)`. In every cycle the time-optimal trajectory from there to the
//! target, which moves, is computed anew (`rsruckig`, after Berscheid and Kröger 2021, arXiv 2105.04830) and followed for a cycle.
//! Nothing rests on that computation being right. A state is *safe* if to brake from it at once, by the closed form of
//! `generator/brake.rs`, keeps every limit. Where the next state is not safe, does not follow from the last commands by
//! differences within the limits, or is no number, the axis follows the brake instead; from a safe state that leads to a safe
//! state. So the commands are samples of a motion whose jerk is bounded throughout, whatever targets come.
//!
//! It neither waits nor allocates.

use rsruckig::prelude::{IgnoreErrorHandler, InputParameter, OutputParameter, Synchronization, TargetState, Trackig};

use super::Limits;
use super::between::MotionLimits;

mod brake;

use brake::{Bounds, State};

/// Relative rounding that is not held against a state.
const ROUNDING: f64 = 1e-9;

/// All axes.
#[derive(Debug)]
pub(super) struct Generator {
    cycle: f64,
    axes: Vec<Axis>,
}

#[derive(Debug)]
struct Axis {
    bounds: Bounds,
    state: State,
    /// The last three commands, the newest first.
    last: [f64; 3],
    tracker: Trackig<1, IgnoreErrorHandler>,
    input: InputParameter<1>,
    output: OutputParameter<1>,
    target: TargetState<1>,
}

/// A generator's copy goes on from the same motion.
impl Clone for Generator {
    fn clone(&self) -> Self {
        let axis = |axis: &Axis| {
            let mut copy = Axis::new(axis.bounds, self.cycle, axis.state.position);
            (copy.state, copy.last) = (axis.state, axis.last);
            copy
        };
        Self { cycle: self.cycle, axes: self.axes.iter().map(axis).collect() }
    }
}

impl Generator {
    /// At rest at `initial`.
    pub fn new(motion: &MotionLimits, limits: &Limits, initial: &[f64]) -> Self {
        let cycle = motion.cycle.as_secs_f64();
        let axis = |(index, position): (usize, &f64)| {
            let bounds = Bounds {
                min: limits.min.get(index).copied().unwrap_or(f64::NEG_INFINITY),
                max: limits.max.get(index).copied().unwrap_or(f64::INFINITY),
                velocity: motion.velocity[index],
                acceleration: motion.acceleration[index],
                jerk: motion.jerk[index],
            };
            Axis::new(bounds, cycle, *position)
        };
        Self { cycle, axes: initial.iter().enumerate().map(axis).collect() }
    }

    /// At rest at `position`, whatever was before.
    pub fn rest_at(&mut self, position: &[f64]) {
        for (axis, position) in self.axes.iter_mut().zip(position) {
            (axis.state, axis.last) = (State::at_rest(*position), [*position; 3]);
            axis.tracker.reset();
        }
    }

    /// Moves for a cycle towards `target`, which moves by `slope` a second; writes the command in its place.
    pub fn follow(&mut self, target: &mut [f64], slope: &[f64]) {
        for (axis, (target, slope)) in self.axes.iter_mut().zip(target.iter_mut().zip(slope)) {
            *target = axis.follow(self.cycle, *target, *slope);
        }
    }
}

impl Axis {
    fn new(bounds: Bounds, cycle: f64, position: f64) -> Self {
        let mut input = InputParameter::new(None);
        input.synchronization = Synchronization::None;
        input.max_velocity[0] = bounds.velocity;
        input.max_acceleration[0] = bounds.acceleration;
        input.max_jerk[0] = bounds.jerk;
        Self {
            bounds,
            state: State::at_rest(position),
            last: [position; 3],
            tracker: Trackig::new(None, cycle),
            input,
            output: OutputParameter::new(None),
            target: TargetState::new(None),
        }
    }

    fn follow(&mut self, cycle: f64, target: f64, slope: f64) -> f64 {
        let safe =
            |axis: &Self, next: &State| axis.bounds.are_kept_by_braking(*next) && axis.follows(cycle, next.position);
        let next = self.towards(cycle, target, slope).filter(|next| safe(self, next));
        self.state = next.unwrap_or_else(|| self.bounds.brake(self.state, cycle));
        // By rounding alone it could lie outside.
        self.state.position = self.state.position.clamp(self.bounds.min, self.bounds.max);
        self.last = [self.state.position, self.last[0], self.last[1]];
        self.state.position
    }

    /// The state after a cycle on the time-optimal trajectory to the target.
    fn towards(&mut self, cycle: f64, target: f64, slope: f64) -> Option<State> {
        self.input.current_position[0] = self.state.position;
        self.input.current_velocity[0] = self.state.velocity;
        self.input.current_acceleration[0] = self.state.acceleration;
        self.target.position[0] = target;
        self.target.velocity[0] = if slope.is_finite() { slope } else { 0.0 };
        self.tracker.update(&self.target, &self.input, &mut self.output).ok()?;
        if !self.output.new_calculation {
            return None;
        }
        let (mut position, mut velocity, mut acceleration) =
            (self.output.new_position.clone(), self.output.new_velocity.clone(), self.output.new_acceleration.clone());
        // It stops at the trajectory's end; the motion goes on as the target does.
        let (p, v, a) = (&mut Some(&mut position), &mut Some(&mut velocity), &mut Some(&mut acceleration));
        self.output.trajectory.at_time(cycle, p, v, a, &mut None, &mut None);
        Some(State { position: position[0], velocity: velocity[0], acceleration: acceleration[0] })
    }

    /// Whether the differences to the last commands are within the limits.
    fn follows(&self, cycle: f64, next: f64) -> bool {
        let [one, two, three] = self.last;
        let Bounds { velocity, acceleration, jerk, .. } = self.bounds;
        let slack = 8.0 * f64::EPSILON * next.abs().max(one.abs()).max(two.abs()).max(three.abs());
        let within = |difference: f64, limit: f64| difference.abs() <= limit * (1.0 + ROUNDING) + slack;
        within(next - one, velocity * cycle)
            && within(next - 2.0 * one + two, acceleration * cycle * cycle)
            && within(next - 3.0 * one + 3.0 * two - three, jerk * cycle * cycle * cycle)
    }
}
