//! The realtime loop: control steps begin at absolute deadlines, and plans are sampled meanwhile.
//!
//! One loop for two clocks. On the [`WallClock`](parapolicy_control::clock::WallClock) commands come from a
//! [`Controller`](parapolicy_control::controller::Controller), whose worker plans while the loop goes on. On the
//! [`VirtualClock`](parapolicy_control::clock::VirtualClock) nothing waits: time jumps from deadline to deadline, and a
//! [`SimulatedController`](parapolicy_control::controller::SimulatedController) delivers each plan when its sampling
//! time is over. Everything else, such as when a plan is due and what is sent, is the same code.

mod defaults;
mod smoothness;
mod timing;

use std::time::Duration;

pub use defaults::controller_config;
use ndarray::Array1;
use parapolicy_control::clock::Clock;
use parapolicy_control::controller::CommandSource;
use parapolicy_control::playback::{Command, Source};
use parapolicy_control::{Environment, Observer, StepEvent};
pub use smoothness::SmoothnessReport;
pub use timing::{Timing, TimingReport};

use crate::{Episode, EpisodeError};

/// Runs one episode to its end, a control step every `period`, and reports it to `observer`.
///
/// Control step k is to begin at k · `period` and to end before the next one begins. Every deadline by which the step
/// before was not done is a miss; those that passed meanwhile are not made up for, and a simulated world stands still
/// then. Each plan is told when its observation was taken, so that nothing shifts.
///
/// # Errors
/// [`EpisodeError`], with the control step at which the command source or the environment failed. A policy that fails
/// does not end the episode: it is an event.
pub fn run_episode_in_realtime(
    clock: &mut dyn Clock,
    commands: &mut dyn CommandSource,
    environment: &mut dyn Environment,
    period: Duration,
    seed: u64,
    observer: &dyn Observer,
) -> Result<(Episode, Timing), EpisodeError> {
    let mut episode = Episode { seed, ..Episode::default() };
    let mut timing = Timing::new(clock.passes());
    let mut observation = Array1::zeros(environment.observation_dim());
    let mut action = Array1::zeros(environment.action_dim());
    let mut scene = Vec::new();
    environment.reset(seed).map_err(|source| EpisodeError::Environment { step: 0, source })?;
    let observer = observer.begin(seed);
    let of_controller = |step| move |source| EpisodeError::Controller { step, source };
    commands.begin(seed, environment.resting_action().view(), &observer).map_err(of_controller(0))?;
    clock.start();
    let mut deadline = Duration::ZERO;
    loop {
        let step = episode.control_steps;
        let of_environment = |source| EpisodeError::Environment { step, source };
        if observer.cancels() {
            return Err(EpisodeError::Cancelled { step });
        }
        clock.wait_until(deadline);
        let time = clock.now();
        timing.woken(time.saturating_sub(deadline));
        environment.observe(observation.view_mut()).map_err(of_environment)?;
        commands.observe(observation.view(), time).map_err(of_controller(step))?;
        let command = commands.command(time);
        action.assign(&command.action);
        let Command { source, .. } = command;
        timing.sent(&command, clock.now(), period);
        let outcome = environment.step(action.view()).map_err(of_environment)?;
        episode.plans.extend(commands.arrived());
        episode.count(outcome, source == Source::Plan);
        timing.failed(commands.events().iter().filter(|event| event.costs_a_plan()).count());
        scene.clear();
        environment.scene(&mut scene);
        let (observation, action, ahead) = (observation.view(), action.view(), commands.ahead(time));
        observer.step(&StepEvent { index: step, time, observation, action, ahead, outcome, scene: &scene });
        if outcome.over {
            return Ok((episode, timing));
        }
        let (next, misses) = next_deadline(deadline, clock.now(), period);
        timing.missed(misses);
        deadline = next;
    }
}

/// When the step after that of `deadline` is to begin, if this one was done at `now`; and how many deadlines were
/// missed.
fn next_deadline(deadline: Duration, now: Duration, period: Duration) -> (Duration, usize) {
    let next = deadline.saturating_add(period);
    if now <= next {
        return (next, 0);
    }
    // The deadlines from `next` to the last one before now; that one is late, but the next one it begins.
    let passed = now.saturating_sub(next).as_nanos() / period.as_nanos().max(1);
    let passed = u32::try_from(passed).unwrap_or(u32::MAX);
    (next.saturating_add(period.saturating_mul(passed)), (passed as usize).saturating_add(1))
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

    #[test]
    fn no_time_is_too_long() {
        for (deadline, now, period) in
            [(Duration::MAX, Duration::MAX, Duration::MAX), (Duration::ZERO, Duration::MAX, PERIOD)]
        {
            let (next, _) = next_deadline(deadline, now, period);
            assert!(next >= deadline);
        }
    }

    const PERIOD: Duration = Duration::from_millis(10);
}
