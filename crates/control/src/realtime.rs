//! The loop in which the world does not wait: control steps begin at absolute deadlines, and a [`Pilot`] plans beside it.
//!
//! One loop for two clocks. On the [`WallClock`] the pilot is a [`Controller`](crate::controller::Controller), whose
//! worker plans while the loop goes on. On the [`VirtualClock`] nothing waits: time jumps from deadline to deadline, and
//! a [`SimulatedController`](crate::controller::SimulatedController) delivers each plan when its sampling time is over.
//! All else, when a plan is due and what is sent, is the same code.

mod clock;
mod priority;
mod timing;

use std::time::Duration;

use ndarray::{Array1, ArrayView1};

pub use clock::{Clock, VirtualClock, WallClock};
pub use priority::RealtimeSupport;
pub use timing::{Timing, TimingReport};

use crate::controller::{Pilot, WorkerEvent};
use crate::playback::{Command, Source};
use crate::{ControlError, Environment, Episode, Outcome};

/// A control step as it is shown while an episode runs, after it was taken.
#[derive(Debug)]
pub struct Moment<'a> {
    /// Control step, from 0.
    pub index: usize,
    /// When it began.
    pub time: Duration,
    /// What was observed before it.
    pub observation: ArrayView1<'a, f64>,
    /// What was sent.
    pub command: Command<'a>,
    /// What the newest plan intends from this step on, one action after the other.
    pub ahead: &'a [f64],
    /// What came of it.
    pub outcome: Outcome,
    /// What went wrong with plans since the step before.
    pub events: &'a [WorkerEvent],
}

/// Runs one episode to its end, a control step every `period`, showing every step to `on_moment` after it was taken.
///
/// Control step k is to begin at k · `period` and to end before the next one begins. Every deadline by which the step
/// before was not done is a miss; those that passed meanwhile are not made up for, and a simulated world stands still
/// then. Each plan is told when its observation was taken, so that nothing shifts.
///
/// # Errors
/// [`ControlError`], with the control step at which pilot or environment failed. A policy that fails does not end the
/// episode: it is an event.
pub fn run_episode_in_time<E: Environment>(
    clock: &mut dyn Clock,
    pilot: &mut dyn Pilot,
    environment: &mut E,
    period: Duration,
    seed: u64,
    mut on_moment: impl FnMut(&E, Moment<'_>),
) -> Result<(Episode, Timing), ControlError> {
    let mut episode = Episode { seed, ..Episode::default() };
    let mut timing = Timing::new(clock.passes());
    let mut observation = Array1::zeros(environment.observation_dim());
    let mut action = Array1::zeros(environment.action_dim());
    environment.reset(seed).map_err(|source| ControlError::Environment { step: 0, source })?;
    pilot.begin(seed, environment.resting_action().view()).map_err(|source| ControlError::Pilot { step: 0, source })?;
    clock.start();
    let mut deadline = Duration::ZERO;
    loop {
        let step = episode.control_steps;
        let of_environment = |source| ControlError::Environment { step, source };
        clock.wait_until(deadline);
        let time = clock.now();
        timing.woken(time.saturating_sub(deadline));
        environment.observe(observation.view_mut()).map_err(of_environment)?;
        pilot.observe(observation.view(), time).map_err(|source| ControlError::Pilot { step, source })?;
        let command = pilot.command(time);
        action.assign(&command.action);
        let Command { source, withheld, observed, .. } = command;
        timing.sent(&command, clock.now());
        let outcome = environment.step(action.view()).map_err(of_environment)?;
        episode.plans.extend(pilot.arrived());
        episode.count(outcome, source == Source::Plan);
        let events = pilot.events();
        timing.failed(events.len());
        let command = Command { action: action.view(), source, withheld, observed };
        let (observation, ahead) = (observation.view(), pilot.ahead(time));
        on_moment(environment, Moment { index: step, time, observation, command, ahead, outcome, events: &events });
        if outcome.over {
            return Ok((episode, timing));
        }
        let (next, misses) = next_deadline(deadline, clock.now(), period);
        timing.missed(misses);
        deadline = next;
    }
}

/// When the step after that of `deadline` is to begin, if this one was done at `now`; and how many deadlines were missed.
fn next_deadline(deadline: Duration, now: Duration, period: Duration) -> (Duration, usize) {
    let next = deadline + period;
    if now <= next {
        return (next, 0);
    }
    // The deadlines from `next` to the last one before now; that one is late, but the next one it begins.
    let passed = now.saturating_sub(next).as_nanos() / period.as_nanos().max(1);
    let passed = u32::try_from(passed).unwrap_or(u32::MAX);
    (next + period * passed, passed as usize + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deadlines_that_passed_are_missed_and_skipped() {
        let ms = Duration::from_millis;
        let next = |now| next_deadline(ms(30), ms(now), ms(10));
        assert_eq!(next(31), (ms(40), 0));
        assert_eq!(next(40), (ms(40), 0));
        assert_eq!(next(41), (ms(40), 1), "late, but begun at once");
        assert_eq!(next(55), (ms(50), 2), "the one at 40 is lost");
    }
}
