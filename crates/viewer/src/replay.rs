//! An episode that was logged, played again: what was seen, planned and sent, without a policy.

use std::time::Instant;

use ndarray::{Array1, Array2};
use parapolicy_log::{LoggedEpisode, LoggedPlan};
use parapolicy_pusht::geometry::{KEYPOINTS, Pose};
use parapolicy_pusht::{PERIOD, SUCCESS_COVERAGE, State, coverage};
use parapolicy_sampler::{Solver, Strategy};
use thiserror::Error;

use crate::order::Order;
use crate::play::{Play, Progress};
use crate::scene::{Scene, Settings, ShownPlan, Status};
use crate::setup::Clock;

/// Times in a log are rounded, s.
const ROUNDED: f64 = 1e-6;

/// The farthest from the table's corner that anything is drawn, px: two hundred tables.
const FARTHEST: f64 = 1e5;

/// Why a log cannot be played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// There is no episode, or one whose observations tell nothing of agent and block.
    #[error(
        "the log is not of PushT: observations must be a state of 5 numbers, or keypoints and agent, 20, none of them beyond \
         100000"
    )]
    NotPushT,
}

/// Episodes of a log, one of which is shown.
pub struct Replay {
    episodes: Vec<LoggedEpisode>,
    shown: usize,
    /// Of the episode that is shown, before each control step.
    states: Vec<State>,
    /// For each control step but the last.
    rewards: Vec<f64>,
    step: usize,
    since: Instant,
    paused: bool,
    once: bool,
    speed: f64,
    slow_rounds: bool,
    /// Rounds of a new plan that have been shown.
    rounds_shown: usize,
}

impl Replay {
    /// The first of these episodes at its beginning, paused.
    ///
    /// # Errors
    /// [`ReplayError`], if there is none, or what was observed is not what a policy on PushT observes.
    pub fn new(episodes: Vec<LoggedEpisode>) -> Result<Self, ReplayError> {
        let known = |episode: &LoggedEpisode| episode.steps.iter().all(|step| state_of(&step.observation).is_some());
        if episodes.is_empty() || !episodes.iter().all(known) {
            return Err(ReplayError::NotPushT);
        }
        let mut replay = Self {
            episodes,
            shown: 0,
            states: Vec::new(),
            rewards: Vec::new(),
            step: 0,
            since: Instant::now(),
            paused: true,
            once: false,
            speed: 1.0,
            slow_rounds: false,
            rounds_shown: 0,
        };
        replay.show(0);
        Ok(replay)
    }

    /// Goes to a control step of the episode, or to its last.
    pub fn go_to(&mut self, step: usize) {
        self.step = step.min(self.last());
        self.rounds_shown = 0;
    }

    fn show(&mut self, episode: usize) {
        self.shown = episode;
        self.states = self.episode().steps.iter().filter_map(|step| state_of(&step.observation)).collect();
        let reward = |state: &State| (coverage(&state.block) / SUCCESS_COVERAGE).min(1.0);
        self.rewards = self.states.iter().skip(1).map(reward).collect();
        self.go_to(0);
    }

    fn episode(&self) -> &LoggedEpisode {
        &self.episodes[self.shown]
    }

    fn last(&self) -> usize {
        self.states.len().saturating_sub(1)
    }

    /// The newest plan that was there at this step.
    fn plan(&self) -> Option<&LoggedPlan> {
        let now = self.episode().steps[self.step].time + ROUNDED;
        self.episode().plans.iter().rev().find(|plan| plan.ready <= now)
    }

    /// The control step whose observation a plan answers.
    fn answered(&self, plan: &LoggedPlan) -> usize {
        self.episode().steps.partition_point(|step| step.time < plan.observed - ROUNDED)
    }

    fn is_showing_rounds(&self) -> bool {
        let fresh = self.plan().filter(|plan| self.answered(plan) == self.step);
        self.slow_rounds && self.rounds_shown < fresh.map_or(0, |plan| plan.iterates.len())
    }

    fn shown_plan(&self) -> Option<ShownPlan> {
        let plan = self.plan()?;
        let rounds = if self.is_showing_rounds() { self.rounds_shown } else { plan.iterates.len() };
        Some(ShownPlan {
            actions: points(&plan.actions),
            intended: plan.intended,
            done: (self.step - self.answered(plan).min(self.step)).min(plan.actions.nrows()),
            iterates: plan.iterates.iter().take(rounds).map(points).collect(),
            rounds: plan.rounds,
            evaluations: plan.evaluations,
        })
    }

    fn status(&self) -> Status {
        match (self.step < self.last(), self.paused && !self.once) {
            (false, _) => Status::Over,
            (true, true) => Status::Paused,
            (true, false) if self.is_showing_rounds() => Status::ShowingRounds,
            (true, false) => Status::Running,
        }
    }
}

impl Play for Replay {
    fn order(&mut self, order: Order) {
        let (episodes, seed) = (self.episodes.len(), self.episode().seed);
        match order {
            Order::Pause(paused) => self.paused = paused,
            Order::Step => (self.paused, self.once) = (true, true),
            Order::Speed(speed) => self.speed = speed.clamp(0.05, 20.0),
            Order::SlowRounds(slow) => self.slow_rounds = slow,
            // Seeds are not all there: the next one is that of the next episode.
            Order::Reset(wanted) if wanted > seed => self.show((self.shown + 1) % episodes),
            Order::Reset(wanted) if wanted < seed => self.show((self.shown + episodes - 1) % episodes),
            Order::Reset(_) => self.go_to(0),
            // A log cannot be changed.
            _ => {}
        }
    }

    fn advance(&mut self) -> Progress {
        if self.step >= self.last() || (self.paused && !self.once) {
            return Progress::Idle;
        }
        if self.is_showing_rounds() {
            self.rounds_shown += 1;
            return Progress::Round;
        }
        (self.since, self.once, self.rounds_shown) = (Instant::now(), false, 0);
        self.step += 1;
        Progress::Stepped
    }

    fn speed(&self) -> f64 {
        self.speed
    }

    fn scene(&self) -> Scene {
        let LoggedEpisode { run, seed, plans, steps, .. } = self.episode();
        let now = steps[self.step].time + ROUNDED;
        let there = plans.iter().filter(|plan| plan.ready <= now);
        let target = self.step.checked_sub(1).map(|step| &steps[step].action).filter(|action| action.len() == 2);
        Scene {
            before: self.states[self.step.saturating_sub(1)],
            state: self.states[self.step],
            since: self.since,
            step_duration: PERIOD.div_f64(self.speed),
            keep_out: Vec::new(),
            plan: self.shown_plan(),
            ways: Vec::new(),
            path: self.states[..=self.step].iter().map(|state| state.agent.into()).collect(),
            target: target.map(|action| [action[0], action[1]]),
            rewards: self.rewards[..self.step].to_vec(),
            latencies: there.clone().map(|plan| plan.sampling_ms).collect(),
            plans: there.count(),
            status: self.status(),
            notice: None,
            recording: None,
            saved: None,
            settings: Settings {
                seed: *seed,
                control_step: self.step,
                max_control_steps: self.last(),
                scenario: 0,
                strategy: Strategy::sequential(),
                solver: Solver::Ddpm,
                steps: 0,
                clock: Clock::Lockstep,
                speed: self.speed,
                slow_rounds: self.slow_rounds,
                ways: false,
                driven: false,
                replayed: Some(run.clone()),
            },
        }
    }
}

/// The state behind an observation: itself, or the block's nine keypoints and the agent. None for numbers that are not
/// finite or nowhere near a table.
fn state_of(observation: &Array1<f64>) -> Option<State> {
    let numbers = observation.as_slice()?;
    if !numbers.iter().all(|number| number.abs() <= FARTHEST) {
        return None;
    }
    match *numbers {
        [agent_x, agent_y, x, y, angle] => Some(State::from_array([agent_x, agent_y, x, y, angle])),
        ref numbers if numbers.len() == 20 => {
            let block = pose_of(&std::array::from_fn(|point| [numbers[2 * point], numbers[2 * point + 1]]));
            Some(State { agent: [numbers[18], numbers[19]].into(), block })
        }
        _ => None,
    }
}

/// The pose whose keypoints are closest to these (least squares): the centres coincide, and the angle is that of
/// `Σ p × q` over `Σ p · q`, for points seen from their centres in the block's frame (`p`) and on the table (`q`).
fn pose_of(points: &[[f64; 2]; 9]) -> Pose {
    let centre = |points: &[[f64; 2]; 9]| [0, 1].map(|axis| points.iter().map(|point| point[axis]).sum::<f64>() / 9.0);
    let (here, there) = (centre(&KEYPOINTS), centre(points));
    let (mut cross, mut dot) = (0.0, 0.0);
    for (point, seen) in KEYPOINTS.iter().zip(points) {
        let (p, q) = ([point[0] - here[0], point[1] - here[1]], [seen[0] - there[0], seen[1] - there[1]]);
        cross += p[0] * q[1] - p[1] * q[0];
        dot += p[0] * q[0] + p[1] * q[1];
    }
    let angle = f64::atan2(cross, dot);
    let [origin] = Pose::new(there[0], there[1], angle).place(&[here.map(|x| -x)]);
    Pose::new(origin[0], origin[1], angle)
}

fn points(actions: &Array2<f64>) -> Vec<[f64; 2]> {
    let is_point = actions.ncols() == 2;
    actions.rows().into_iter().filter(|_| is_point).map(|action| [action[0], action[1]]).collect()
}

#[cfg(test)]
mod tests {
    use parapolicy_pusht::geometry::angle_difference;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_pose_is_found_from_its_keypoints(x in 0.0..512.0, y in 0.0..512.0, angle in -9.0..9.0) {
            let found = pose_of(&Pose::new(x, y, angle).place(&KEYPOINTS));
            prop_assert!((found.position.x - x).abs() < 1e-9 && (found.position.y - y).abs() < 1e-9);
            prop_assert!(angle_difference(found.angle, angle).abs() < 1e-9);
        }
    }
}
