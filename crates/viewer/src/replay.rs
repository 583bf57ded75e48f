//! An episode that was logged, played again: what was seen, planned and sent, without a policy. One that is none of PushT is shown as
//! plots.

use std::time::{Duration, Instant};

use ndarray::{Array1, Array2};
use parapolicy_log::{LoggedEpisode, LoggedPlan, LoggedStep};
use parapolicy_pusht::geometry::{KEYPOINTS, Pose};
use parapolicy_pusht::{PERIOD, SUCCESS_COVERAGE, State, coverage};
use parapolicy_sampler::{Solver, Strategy};
use thiserror::Error;

use crate::curves::{Curve, Curves, MOST};
use crate::order::Order;
use crate::play::{Play, Progress};
use crate::scene::{Scene, Settings, ShownPlan, Status};
use crate::setup::Clock;

/// Times in a log are rounded, s.
const ROUNDED: f64 = 1e-6;

/// The farthest from the table's corner that anything is drawn, px: two hundred tables.
const FARTHEST: f64 = 1e5;

/// The largest number that is plotted.
const LARGEST: f64 = 1e30;

/// Why a log cannot be played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// There is no episode, or one without a control step.
    #[error("there is an episode without a control step, or none at all: play one to its end")]
    Empty,
}

/// Episodes of a log, one of which is shown.
pub struct Replay {
    episodes: Vec<LoggedEpisode>,
    shown: usize,
    /// Of the episode that is shown, before each control step; none of an episode that is not PushT's.
    states: Vec<State>,
    /// The same, as numbers.
    curves: Option<Curves>,
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
    /// [`ReplayError`], if there is nothing to show.
    pub fn new(episodes: Vec<LoggedEpisode>) -> Result<Self, ReplayError> {
        if episodes.is_empty() || episodes.iter().any(|episode| episode.steps.is_empty()) {
            return Err(ReplayError::Empty);
        }
        let mut replay = Self {
            episodes,
            shown: 0,
            states: Vec::new(),
            curves: None,
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
        let steps = &self.episode().steps;
        let states: Option<Vec<State>> = steps.iter().map(|step| state_of(&step.observation)).collect();
        let reward = |state: &State| (coverage(&state.block) / SUCCESS_COVERAGE).min(1.0);
        (self.curves, self.rewards) = match &states {
            Some(states) => (None, states.iter().skip(1).map(reward).collect()),
            None => (Some(curves(steps)), steps.iter().map(|step| step.reward.unwrap_or_default()).collect()),
        };
        self.states = states.unwrap_or_default();
        self.go_to(0);
    }

    fn episode(&self) -> &LoggedEpisode {
        &self.episodes[self.shown]
    }

    fn last(&self) -> usize {
        self.episode().steps.len().saturating_sub(1)
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

    /// How long a control step took.
    fn period(&self) -> Duration {
        let times = self.episode().steps.first().zip(self.episode().steps.get(1));
        let period =
            times.map(|(first, second)| second.time - first.time).filter(|period| (1e-4..10.0).contains(period));
        period.map_or(PERIOD, Duration::from_secs_f64)
    }

    /// The numbers up to now, and what the plan in force says of those that are sent.
    fn curves(&self) -> Option<Curves> {
        let Curves { curves, left_out, steps } = self.curves.as_ref()?;
        let plan = self.plan();
        let from = plan.map_or(0, |plan| self.answered(plan));
        let shown = |(index, curve): (usize, &Curve)| {
            let column = plan.filter(|plan| curve.name.starts_with(SENT) && index < plan.actions.ncols());
            let values =
                column.map(|plan| plan.actions.column(index).iter().copied().map(shown_value).collect::<Vec<_>>());
            let ahead = values.unwrap_or_default().into_iter().skip(self.step.saturating_sub(from));
            Curve {
                name: curve.name.clone(),
                values: curve.values[..=self.step.min(curve.values.len() - 1)].to_vec(),
                plan: (self.step.max(from), ahead.collect()),
                range: curve.range,
            }
        };
        Some(Curves { curves: curves.iter().enumerate().map(shown).collect(), left_out: *left_out, steps: *steps })
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
        let nowhere = State::from_array([0.0; 5]);
        let at = |step: usize| self.states.get(step).copied().unwrap_or(nowhere);
        let target = self.step.checked_sub(1).map(|step| &steps[step].action).filter(|action| action.len() == 2);
        Scene {
            before: at(self.step.saturating_sub(1)),
            state: at(self.step),
            since: self.since,
            step_duration: self.period().div_f64(self.speed),
            period: self.period(),
            curves: self.curves(),
            keep_out: Vec::new(),
            plan: self.shown_plan(),
            ways: Vec::new(),
            path: self.states.iter().take(self.step + 1).map(|state| state.agent.into()).collect(),
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

/// How numbers begin that are sent, and those that are observed.
const SENT: &str = "sent";
const SEEN: &str = "seen";

/// What is not finite, or absurdly large, is shown as 0.
fn shown_value(value: f64) -> f64 {
    if value.abs() <= LARGEST { value } else { 0.0 }
}

/// The numbers of an episode, as far as there is room: what was sent first.
fn curves(steps: &[LoggedStep]) -> Curves {
    let count = |of: fn(&LoggedStep) -> &Array1<f64>| steps.iter().map(|step| of(step).len()).max().unwrap_or(0);
    let (sent, seen) = (count(|step| &step.action), count(|step| &step.observation));
    let curve = |name: &str, index: usize, of: fn(&LoggedStep) -> &Array1<f64>| {
        let value = |step: &LoggedStep| of(step).get(index).copied().map_or(0.0, shown_value);
        let values: Vec<f64> = steps.iter().map(value).collect();
        let ends = values
            .iter()
            .fold([f64::INFINITY, f64::NEG_INFINITY], |[low, high], value| [low.min(*value), high.max(*value)]);
        Curve { name: format!("{name} {}", index + 1), values, plan: (0, Vec::new()), range: ends }
    };
    let all = (0..sent).map(|index| curve(SENT, index, |step| &step.action));
    let all = all.chain((0..seen).map(|index| curve(SEEN, index, |step| &step.observation)));
    Curves {
        curves: all.take(MOST).collect(),
        left_out: (sent + seen).saturating_sub(MOST),
        steps: steps.len().saturating_sub(1),
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
