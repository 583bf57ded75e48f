//! What a person can tell an episode to do.

use parapolicy_pusht::Kick;
use parapolicy_pusht::geometry::Pose;
use parapolicy_sampler::{Solver, Strategy};

use crate::setup::Clock;

/// One thing to do. Those that cannot be done now are left undone.
#[derive(Clone, Debug, PartialEq)]
pub enum Order {
    /// Pause, or go on.
    Pause(bool),
    /// Take one control step, and pause.
    Step,
    /// Begin the episode with this seed.
    Reset(u64),
    /// Sample plans like this from now on; the episode goes on.
    Strategy(Strategy),
    /// With this solver.
    Solver(Solver),
    /// In so many denoising steps.
    Steps(usize),
    /// Begin anew in this scenario.
    Scenario(usize),
    /// Wait for the policy, or not.
    Clock(Clock),
    /// So many simulated seconds in a second.
    Speed(f64),
    /// Show the rounds of every plan one by one, or not.
    SlowRounds(bool),
    /// Show what the policy is torn between, or not.
    Ways(bool),
    /// A person drives: the agent's target, px.
    Drive([f64; 2]),
    /// The policy drives again.
    HandBack,
    /// A person holds the block, here.
    Hold(Pose),
    /// It is let go.
    LetGo,
    /// The block is shoved.
    Kick(Kick),
    /// What a person drives is recorded, or not.
    Record(bool),
}
