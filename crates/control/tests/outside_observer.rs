//! An observer written outside of the crate is told of all that a controller does, beside others.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

#[allow(dead_code, reason = "the example has a main function and a policy of its own")]
#[path = "../examples/outside_observer.rs"]
mod outside_observer;

use std::sync::Arc;
use std::time::{Duration, Instant};

use ndarray::{Array2, ArrayView1, aview1};
use outside_observer::{Counted, Counter};
use parapolicy_control::check::PlanCheck;
use parapolicy_control::controller::{
    CommandSource as _, Continuity, Controller, ControllerConfig, Deadline, Replan, SamplingTime, SimulatedController,
};
use parapolicy_control::entries::Entries;
use parapolicy_control::playback::{Between, Blend, Late, Limits, PlaybackConfig};
use parapolicy_control::{BoxError, Observer, Plan, Policy};

const PERIOD: Duration = Duration::from_millis(100);
/// Only a hang takes longer, on whatever machine.
const PATIENCE: Duration = Duration::from_mins(10);

fn at(period: u32) -> Duration {
    PERIOD * period
}

fn config() -> ControllerConfig {
    let playback = PlaybackConfig {
        period: PERIOD,
        blend: Blend::Switch,
        late: Late::Hold,
        limits: Limits::default(),
        max_age: at(10),
        initial: vec![0.0],
        safe: None,
        between: Between::default(),
    };
    ControllerConfig {
        playback,
        replan: Replan::Every(4),
        continuity: Continuity::default(),
        deadline: Deadline::Own,
        check: PlanCheck::default(),
        n_obs_steps: 1,
        observation_dim: 1,
        entries: Entries::default(),
        horizon: 8,
        watchdog: Duration::from_hours(1),
    }
}

/// Plans three actions, but fails where it observes something negative.
struct Three(f64);

impl Policy for Three {
    fn reset(&mut self, _seed: u64) {}

    fn observe(&mut self, observation: ArrayView1<'_, f64>) -> Result<(), BoxError> {
        self.0 = observation[0];
        Ok(())
    }

    fn plan(&mut self) -> Result<Plan, BoxError> {
        if self.0 < 0.0 {
            return Err("less than nothing".into());
        }
        Ok(Plan { actions: Array2::from_elem((3, 1), self.0), intended: 3, ..Plan::default() })
    }
}

/// Two of them are told in one.
fn observed(counters: &[Counter]) -> Arc<dyn Observer> {
    let each = counters.iter().map(|counter| Arc::new(counter.clone()) as Arc<dyn Observer>);
    Arc::new(each.collect::<Vec<_>>())
}

#[test]
fn what_a_controller_does_is_counted() {
    let counters = [Counter::default(), Counter::default()];
    let mut controller = Controller::start(config(), || Ok(Box::new(Three(0.0)))).unwrap();
    controller.observed_by(observed(&counters));
    controller.command(at(0));
    assert_eq!(counters[0].counted().safe, 0, "no episode has begun that it would be told of");

    controller.reset(1);
    controller.command(at(0));
    for (period, value) in [(0, 1.0), (4, -1.0)] {
        controller.observe(aview1(&[value]), at(period)).unwrap();
        (1..4).for_each(|skipped| controller.observe(aview1(&[value]), at(period + skipped)).unwrap());
        let started = Instant::now();
        while controller.monitor().health().planning {
            assert!(started.elapsed() < PATIENCE, "the worker is stuck");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    // Nothing was executed since the observation, so the plan begins with its first action; the last command would be older
    // than `max_age`.
    for period in 7..12 {
        controller.command(at(period));
    }
    let expected = Counted { episodes: 1, plans: 1, planned: 3, late: 1, safe: 2, events: 1, oldest: at(11) };
    assert_eq!(counters.map(|counter| counter.counted()), [expected; 2]);
}

#[test]
fn a_command_that_is_counted_does_not_allocate() {
    let counters = [Counter::default(), Counter::default()];
    let mut controller = Controller::start(config(), || Ok(Box::new(Three(0.0)))).unwrap();
    controller.observed_by(observed(&counters));
    controller.reset(0);
    let allocations = allocation_counter::measure(|| {
        for period in 0..100 {
            controller.command(at(period));
        }
    });
    assert_eq!(allocations.count_total, 0);
    assert_eq!(counters[1].counted().safe, 100);
}

/// A loop that begins the episode says who is told of it.
#[test]
fn the_twin_on_simulated_time_tells_the_same() {
    let counter = Counter::default();
    let mut policy = Three(0.0);
    let mut controller = SimulatedController::new(config(), &mut policy, SamplingTime::Stated(at(1))).unwrap();
    controller.begin(3, aview1(&[0.0]), &counter.begin(3)).unwrap();
    for (period, value) in [1.0, 1.0, 1.0, 1.0, -1.0, -1.0].into_iter().enumerate() {
        controller.observe(aview1(&[value]), at(period as u32)).unwrap();
        controller.command(at(period as u32));
    }
    let expected = Counted { episodes: 1, plans: 1, planned: 3, late: 2, safe: 1, events: 1, oldest: at(5) };
    assert_eq!(counter.counted(), expected);
}
