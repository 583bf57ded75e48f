//! The arm and its target.
//!
//! The same arm as `models/training/arm.py`. Its first joint, at the origin, has no stop; the second has one on either
//! side. Servos follow the commanded joint velocities with a lag τ, so over a period T from speed ω under command u
//!
//! ```text
//! θ' = θ + u T + (ω − u) τ (1 − e^(−T/τ))
//! ω' = u + (ω − u) e^(−T/τ)
//! ```

use std::time::Duration;

use ndarray::{Array1, ArrayView1, ArrayViewMut1};
use parapolicy_control::{BoxError, Environment, Outcome};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

/// Lengths of the links, in m.
pub const LINKS: [f64; 2] = [0.5, 0.4];
/// The second joint's stops, in rad.
pub const STOP: f64 = 2.6;
/// Fastest command, in rad/s.
pub const SPEED: f64 = 2.0;
/// Control period and lag of the servos, in s.
pub const PERIOD: f64 = 0.05;
const LAG: f64 = 0.05;

/// Distances of the targets from the origin, in m.
const TARGETS: [f64; 2] = [0.3, 0.8];
/// The target is reached when the tip has been so near, in m, for so many control steps in a row.
pub const NEAR: f64 = 0.03;
const HELD: usize = 10;
/// Control steps of an episode at most.
const STEPS: usize = 120;

/// The arm and its target. Observed are the cosine and sine of the second joint, and the target as the first link sees
/// it, in m; actions are joint velocities in rad/s.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arm {
    /// Angles in rad: of the first link to the x axis, of the second to the first.
    pub joints: [f64; 2],
    /// Their rates, in rad/s.
    pub speeds: [f64; 2],
    /// In m.
    pub target: [f64; 2],
    steps: usize,
    near: usize,
}

impl Arm {
    /// An arm at rest.
    pub fn new(joints: [f64; 2], target: [f64; 2]) -> Self {
        Self { joints, target, ..Self::default() }
    }

    /// Where the end of the first link is.
    fn elbow(&self) -> [f64; 2] {
        [LINKS[0] * self.joints[0].cos(), LINKS[0] * self.joints[0].sin()]
    }

    /// Where the end of the second link is.
    pub fn tip(&self) -> [f64; 2] {
        let ([x, y], both) = (self.elbow(), self.joints[0] + self.joints[1]);
        [x + LINKS[1] * both.cos(), y + LINKS[1] * both.sin()]
    }

    /// From the tip to the target.
    pub fn distance(&self) -> f64 {
        let tip = self.tip();
        (tip[0] - self.target[0]).hypot(tip[1] - self.target[1])
    }

    /// One control period.
    pub fn advance(&mut self, command: [f64; 2]) {
        let kept = (-PERIOD / LAG).exp();
        for ((angle, speed), command) in self.joints.iter_mut().zip(&mut self.speeds).zip(command) {
            *angle += command * PERIOD + (*speed - command) * LAG * (1.0 - kept);
            *speed = command + (*speed - command) * kept;
        }
        if self.joints[1].abs() > STOP {
            self.joints[1] = self.joints[1].clamp(-STOP, STOP);
            self.speeds[1] = 0.0;
        }
    }
}

impl Environment for Arm {
    fn observation_dim(&self) -> usize {
        4
    }

    fn action_dim(&self) -> usize {
        2
    }

    fn period(&self) -> Duration {
        Duration::from_secs_f64(PERIOD)
    }

    fn resting_action(&self) -> Array1<f64> {
        Array1::zeros(2)
    }

    fn reset(&mut self, seed: u64) -> Result<(), BoxError> {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut within = |reach: f64| random.random_range(-reach..reach);
        let joints = [within(std::f64::consts::PI), within(STOP)];
        let (bearing, share) = (within(std::f64::consts::PI), within(0.5) + 0.5);
        let distance = TARGETS[0] + share * (TARGETS[1] - TARGETS[0]);
        *self = Self::new(joints, [distance * bearing.cos(), distance * bearing.sin()]);
        Ok(())
    }

    fn observe(&mut self, mut observation: ArrayViewMut1<'_, f64>) -> Result<(), BoxError> {
        let ([first, second], [x, y]) = (self.joints, self.target);
        let (sine, cosine) = first.sin_cos();
        let seen = [second.cos(), second.sin(), cosine * x + sine * y, cosine * y - sine * x];
        observation.assign(&ArrayView1::from(&seen));
        Ok(())
    }

    fn step(&mut self, action: ArrayView1<'_, f64>) -> Result<Outcome, BoxError> {
        self.advance([action[0], action[1]]);
        self.steps += 1;
        self.near = if self.distance() <= NEAR { self.near + 1 } else { 0 };
        let success = self.near == HELD;
        Ok(Outcome {
            reward: (1.0 - self.distance()).max(0.0),
            success,
            over: success || self.steps == STEPS,
            violation: action.iter().fold(0.0, |most, command| (command.abs() - SPEED).max(most)),
        })
    }

    /// The numbers that the painter reads.
    fn scene(&self, numbers: &mut Vec<f64>) {
        numbers.extend([self.elbow(), self.tip(), self.target].as_flattened());
    }
}
