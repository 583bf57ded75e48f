//! What is shown at one moment: passed as a whole from the thread that plays an episode to the frames.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use parapolicy_pusht::geometry::{Pose, angle_difference};
use parapolicy_pusht::{KeepOut, State};
use parapolicy_sampler::{Solver, Strategy};

use crate::curves::Curves;
use crate::setup::Clock;

/// Everything that is drawn and written.
#[derive(Clone, Debug)]
pub struct Scene {
    /// Where everything was one control step ago.
    pub before: State,
    /// Where everything is.
    pub state: State,
    /// When the last control step was taken.
    pub since: Instant,
    /// How long a control step takes to be shown.
    pub step_duration: Duration,
    /// How long it takes the robot.
    pub period: Duration,
    /// What is drawn in the table's place, where the episode is none of PushT.
    pub curves: Option<Curves>,
    /// Discs that the agent is to stay out of.
    pub keep_out: Vec<KeepOut>,
    /// The plan in force, if there is one.
    pub plan: Option<ShownPlan>,
    /// What the policy is torn between, where that is asked for; those of most plans first.
    pub ways: Vec<Way>,
    /// Where the agent has been since the episode began, px.
    pub path: Vec<[f64; 2]>,
    /// What was sent last, px.
    pub target: Option<[f64; 2]>,
    /// The reward of every control step.
    pub rewards: Vec<f64>,
    /// What the newest plans took to be sampled, ms.
    pub latencies: Vec<f64>,
    /// Plans since the viewer began.
    pub plans: usize,
    /// What is going on.
    pub status: Status,
    /// What went wrong last, if anything.
    pub notice: Option<String>,
    /// Steps of the demonstration that is being recorded, if one is.
    pub recording: Option<usize>,
    /// The demonstration that was written last.
    pub saved: Option<PathBuf>,
    /// What is played, and how.
    pub settings: Settings,
}

/// The plan in force.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ShownPlan {
    /// Its actions, px.
    pub actions: Vec<[f64; 2]>,
    /// How many of them are meant to be executed.
    pub intended: usize,
    /// How many of them are executed.
    pub done: usize,
    /// What it was after each round, as far as that is shown.
    pub iterates: Vec<Vec<[f64; 2]>>,
    /// Rounds that it took.
    pub rounds: usize,
    /// Rows that the network evaluated for it.
    pub evaluations: usize,
}

/// Plans of one way to go.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Way {
    /// Its place among the colours. It keeps it while plans go on that way.
    pub colour: usize,
    /// Its share of the plans that were drawn.
    pub share: f64,
    /// The actions of each, px.
    pub plans: Vec<Vec<[f64; 2]>>,
}

impl Way {
    /// The mean of its plans, action by action.
    pub(crate) fn mean(&self) -> impl Iterator<Item = [f64; 2]> {
        let actions = self.plans.first().map_or(0, Vec::len);
        let of = |action: usize, axis: usize| {
            self.plans.iter().filter_map(|plan| plan.get(action)).map(|at| at[axis]).sum::<f64>()
                / self.plans.len() as f64
        };
        (0..actions).map(move |action| [of(action, 0), of(action, 1)])
    }
}

/// What is going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The episode stands still until it is told to go on.
    Paused,
    /// It goes on.
    Running,
    /// It stands still until there is a plan.
    Planning,
    /// It stands still while the rounds of a plan are shown.
    ShowingRounds,
    /// Someone is holding the block.
    Held,
    /// The block has arrived.
    Solved,
    /// There are no control steps left.
    OutOfTime,
    /// The log has no more of it.
    Over,
}

/// What is played, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// The episode's seed.
    pub seed: u64,
    /// Control steps taken.
    pub control_step: usize,
    /// Control steps that the episode may have.
    pub max_control_steps: usize,
    /// The scenario's place among those that can be chosen.
    pub scenario: usize,
    /// The sampler, with window and tolerance.
    pub strategy: Strategy,
    /// The solver.
    pub solver: Solver,
    /// Denoising steps.
    pub steps: usize,
    /// Whether the world waits.
    pub clock: Clock,
    /// Simulated seconds in a second.
    pub speed: f64,
    /// Whether the rounds of every plan are shown one by one.
    pub slow_rounds: bool,
    /// Whether ways are looked for.
    pub ways: bool,
    /// Whether a person drives.
    pub driven: bool,
    /// The run that was logged, if this is a replay: then most of the above is not known.
    pub replayed: Option<String>,
}

impl Scene {
    /// Where everything is to be drawn at `now`: on the way from the last control step to this one.
    pub fn at(&self, now: Instant) -> State {
        let elapsed = now.saturating_duration_since(self.since).as_secs_f64();
        between(&self.before, &self.state, (elapsed / self.step_duration.as_secs_f64().max(1e-9)).min(1.0))
    }

    /// The largest reward so far.
    pub fn best_reward(&self) -> f64 {
        self.rewards.iter().copied().fold(0.0, f64::max)
    }
}

/// `share` of the way from one state to another, the block turning the shorter way round.
fn between(a: &State, b: &State, share: f64) -> State {
    let turn = angle_difference(b.block.angle, a.block.angle);
    // A state that is reached is shown to the bit.
    if share >= 1.0 {
        return *b;
    }
    let position = a.block.position.lerp(&b.block.position, share);
    State { agent: a.agent.lerp(&b.agent, share), block: Pose { position, angle: a.block.angle + turn * share } }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::TAU;

    use super::*;

    #[test]
    fn the_block_turns_the_shorter_way() {
        let at = |x: f64, angle: f64| State::from_array([x, 0.0, x, 0.0, angle]);
        let half = between(&at(0.0, 0.1), &at(10.0, TAU - 0.1), 0.5);
        assert!((half.agent.x - 5.0).abs() < 1e-12 && half.block.angle.abs() < 1e-12, "{half:?}");
        assert_eq!(between(&at(0.0, 0.1), &at(10.0, 0.3), 1.0), at(10.0, 0.3));
    }
}
