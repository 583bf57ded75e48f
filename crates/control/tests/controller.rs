//! The controller with policies that work, hang, fail, panic, and lie.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper that fails is a test that fails; one policy panics")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ndarray::{Array2, ArrayView1, aview1};
use parapolicy_control::check::PlanCheck;
use parapolicy_control::controller::{Continuity, Controller, ControllerConfig, Deadline, Replan, WorkerEvent};
use parapolicy_control::entries::Entries;
use parapolicy_control::playback::{Between, Blend, Late, Limits, PlaybackConfig, Source, Withheld};
use parapolicy_control::{BoxError, Plan, Policy};

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
        safe: Some(vec![-1.0]),
        between: Between::default(),
    };
    ControllerConfig {
        playback,
        replan: Replan::Every(2),
        continuity: Continuity::Independent,
        deadline: Deadline::Own,
        check: PlanCheck::default(),
        n_obs_steps: 2,
        observation_dim: 1,
        entries: Entries::default(),
        horizon: 8,
        watchdog: Duration::from_hours(1),
    }
}

/// What a policy does next.
#[derive(Clone, Copy, PartialEq)]
enum Mood {
    Works,
    Hangs,
    Fails,
    Panics,
    Lies,
}

/// Plans six actions that count up from its newest observation, four of them to be executed.
struct Moody {
    mood: Arc<Mutex<Mood>>,
    released: Arc<AtomicBool>,
    seen: Vec<f64>,
}

impl Policy for Moody {
    fn reset(&mut self, seed: u64) {
        self.seen = vec![seed as f64];
    }

    fn observe(&mut self, observation: ArrayView1<'_, f64>) -> Result<(), BoxError> {
        self.seen.push(observation[0]);
        Ok(())
    }

    fn plan(&mut self) -> Result<Plan, BoxError> {
        let mood = *self.mood.lock().unwrap();
        match mood {
            Mood::Fails => return Err("no power".into()),
            Mood::Panics => panic!("out of its mind"),
            Mood::Hangs => {
                while !self.released.load(Ordering::Acquire) {
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
            Mood::Works | Mood::Lies => {}
        }
        let first = if mood == Mood::Lies { f64::NAN } else { *self.seen.last().unwrap() };
        let actions = Array2::from_shape_fn((6, 1), |(i, _)| first + i as f64);
        Ok(Plan { actions, intended: 4, rounds: 3, evaluations: 5, ..Plan::default() })
    }
}

struct Bench {
    controller: Controller,
    mood: Arc<Mutex<Mood>>,
    released: Arc<AtomicBool>,
}

fn bench() -> Bench {
    bench_with(config())
}

fn bench_with(config: ControllerConfig) -> Bench {
    let (mood, released) = (Arc::new(Mutex::new(Mood::Works)), Arc::new(AtomicBool::new(false)));
    let (its_mood, its_release) = (Arc::clone(&mood), Arc::clone(&released));
    let make = move || {
        let policy = Moody { mood: Arc::clone(&its_mood), released: Arc::clone(&its_release), seen: Vec::new() };
        Ok(Box::new(policy) as Box<dyn Policy>)
    };
    Bench { controller: Controller::start(config, make).unwrap(), mood, released }
}

impl Bench {
    fn be(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    fn observe(&mut self, period: u32, value: f64) {
        self.controller.observe(aview1(&[value]), at(period)).unwrap();
    }

    /// Observes, and waits for the worker to be done.
    fn observe_and_wait(&mut self, period: u32, value: f64) {
        self.observe(period, value);
        self.wait();
    }

    fn wait(&self) {
        let monitor = self.controller.monitor();
        let started = Instant::now();
        while monitor.health().planning {
            assert!(started.elapsed() < PATIENCE, "the worker is stuck");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn sent(&mut self, period: u32) -> (f64, Source, Option<Withheld>) {
        let command = self.controller.command(at(period));
        (command.action[0], command.source, command.withheld)
    }

    fn event(&self) -> String {
        let events: Vec<WorkerEvent> = self.controller.events().collect();
        assert_eq!(events.len(), 1, "{events:?}");
        events[0].to_string()
    }
}

#[test]
fn plans_arrive_and_are_followed_from_now_on() {
    let mut bench = bench();
    assert_eq!(bench.sent(0), (-1.0, Source::Safe, Some(Withheld::NoPlan)));
    bench.observe_and_wait(1, 10.0);
    assert_eq!(bench.sent(3), (10.0, Source::Plan, None), "nothing was executed so far");
    bench.observe_and_wait(3, 20.0);
    assert_eq!(bench.sent(4), (11.0, Source::Plan, None), "one observation since: no plan is due");
    bench.observe_and_wait(4, 30.0);
    assert_eq!(bench.sent(4), (30.0, Source::Plan, None));
    let health = bench.controller.monitor().health();
    assert_eq!((health.plans, health.rounds, health.evaluations, health.failures), (2, 6, 10, 0));
}

#[test]
fn the_rest_of_the_horizon_is_there_when_the_next_plan_is_late() {
    let playback = PlaybackConfig { late: Late::Finish, ..config().playback };
    let mut bench = bench_with(ControllerConfig { playback, ..config() });
    bench.observe_and_wait(0, 10.0);
    let commands: Vec<_> = (0..8).map(|period| bench.sent(period)).skip(3).collect();
    let late = |action| (action, Source::Late, None);
    assert_eq!(commands, [(13.0, Source::Plan, None), late(14.0), late(15.0), late(15.0), late(15.0)]);
}

#[test]
fn while_a_policy_hangs_the_loop_goes_on_and_recovers_by_itself() {
    let mut bench = bench();
    bench.observe_and_wait(0, 10.0);
    bench.be(Mood::Hangs);
    bench.sent(0);
    bench.observe(1, 11.0);
    bench.sent(1);
    bench.observe(2, 12.0);
    let commands: Vec<_> = (2..13).map(|period| bench.sent(period)).collect();
    assert_eq!(commands[1], (13.0, Source::Plan, None));
    assert_eq!(commands[2], (-1.0, Source::Late, None), "the plan is used up within the same period");
    assert_eq!(commands[9], (-1.0, Source::Safe, Some(Withheld::Stale { age: at(11) })));
    assert!(bench.controller.monitor().health().planning);
    bench.be(Mood::Works);
    bench.released.store(true, Ordering::Release);
    bench.wait();
    bench.observe(12, 40.0);
    bench.observe_and_wait(13, 50.0);
    assert_eq!(bench.sent(13), (50.0, Source::Plan, None));
}

#[test]
fn failures_panics_and_lies_are_told_and_survived() {
    let cases = [
        (Mood::Fails, "the policy failed: no power"),
        (Mood::Panics, "the policy panicked: out of its mind"),
        (Mood::Lies, "a plan was withheld: it holds values that are not finite"),
    ];
    for (mood, expected) in cases {
        let mut bench = bench();
        bench.observe_and_wait(0, 10.0);
        bench.sent(0);
        bench.be(mood);
        bench.observe(1, 11.0);
        bench.sent(1);
        bench.observe_and_wait(2, 12.0);
        assert_eq!(bench.event(), expected);
        assert_eq!(bench.sent(2), (12.0, Source::Plan, None), "the old plan goes on");
        assert_eq!(bench.sent(3), (13.0, Source::Plan, None));
        assert_eq!(bench.sent(4), (-1.0, Source::Late, None));
        bench.be(Mood::Works);
        bench.observe(3, 13.0);
        bench.observe_and_wait(4, 14.0);
        assert_eq!(bench.sent(4), (14.0, Source::Plan, None), "it recovers");
        assert_eq!(bench.controller.monitor().health().failures, 1);
    }
}

#[test]
fn a_policy_that_cannot_be_made_is_tried_again() {
    let there = Arc::new(AtomicBool::new(false));
    let file = Arc::clone(&there);
    let make = move || {
        if !file.load(Ordering::Acquire) {
            return Err("denoiser.onnx: not found".into());
        }
        let (mood, released) = (Arc::new(Mutex::new(Mood::Works)), Arc::new(AtomicBool::new(false)));
        Ok(Box::new(Moody { mood, released, seen: Vec::new() }) as Box<dyn Policy>)
    };
    let controller = Controller::start(config(), make).unwrap();
    let (mood, released) = (Arc::new(Mutex::new(Mood::Works)), Arc::new(AtomicBool::new(false)));
    let mut bench = Bench { controller, mood, released };
    bench.observe_and_wait(0, 1.0);
    assert_eq!(bench.event(), "the policy cannot be made: denoiser.onnx: not found");
    there.store(true, Ordering::Release);
    bench.observe(1, 1.0);
    bench.observe_and_wait(2, 5.0);
    assert_eq!(bench.sent(2), (5.0, Source::Plan, None));
}

#[test]
fn a_plan_for_the_episode_before_is_ignored() {
    let mut bench = bench();
    bench.be(Mood::Hangs);
    bench.observe(0, 10.0);
    bench.controller.reset(7);
    bench.released.store(true, Ordering::Release);
    bench.wait();
    assert_eq!(bench.sent(1), (-1.0, Source::Safe, Some(Withheld::NoPlan)));
}

/// With no safe action, what is sent before the first plan is where the robot stands: not what the last episode ended with.
#[test]
fn after_a_reset_no_command_of_the_last_episode_is_sent() {
    let playback = PlaybackConfig { safe: None, initial: vec![2.0], ..config().playback };
    let mut bench = bench_with(ControllerConfig { playback, ..config() });
    bench.observe_and_wait(0, 10.0);
    assert_eq!(bench.sent(0), (10.0, Source::Plan, None));
    bench.controller.reset(1);
    let waiting = |action| (action, Source::Safe, Some(Withheld::NoPlan));
    assert_eq!(bench.sent(0), waiting(2.0));
    bench.controller.rest_at(aview1(&[3.0])).unwrap();
    assert_eq!(bench.sent(0), waiting(3.0));
    bench.controller.reset(2);
    assert_eq!(bench.sent(0), waiting(3.0), "where it was told to rest last");
    let wrong = bench.controller.rest_at(aview1(&[3.0, 4.0])).unwrap_err();
    assert_eq!(wrong.to_string(), "action has 2 values, but an action has 1");
}

#[test]
fn the_plan_in_force_is_the_newest_and_has_what_it_took() {
    let mut bench = bench();
    assert!(bench.controller.plan().is_none());
    bench.observe_and_wait(1, 10.0);
    let plan = bench.controller.plan().unwrap();
    assert_eq!((plan.observed, plan.intended, plan.cost.rounds, plan.cost.evaluations), (at(1), 4, 3, 5));
    assert_eq!(plan.actions, Array2::from_shape_fn((6, 1), |(i, _)| 10.0 + i as f64));
    bench.controller.reset(1);
    assert!(bench.controller.plan().is_none());
}

#[test]
fn bad_observations_are_refused_and_sizes_checked() {
    let mut bench = bench();
    let wrong = bench.controller.observe(aview1(&[1.0, 2.0]), at(0)).unwrap_err();
    assert_eq!(wrong.to_string(), "the observation has 2 numbers, but the policy sees 1");
    let wrong = bench.controller.observe(aview1(&[f64::NAN]), at(0)).unwrap_err();
    assert_eq!(wrong.to_string(), "the observation is not finite at 0");
    let none = || -> Result<Box<dyn Policy>, BoxError> { Err("never made".into()) };
    let wrong = Controller::start(ControllerConfig { horizon: 0, ..config() }, none).err().unwrap();
    assert_eq!(wrong.to_string(), "horizon is 0, but must be at least 1");
}

#[test]
fn commands_do_not_allocate() {
    let mut bench = bench();
    bench.observe_and_wait(0, 10.0);
    let mut sum = 0.0;
    let allocations = allocation_counter::measure(|| {
        for period in 0..200 {
            sum += bench.controller.command(at(period)).action[0];
            assert!(bench.controller.plan().is_some());
        }
    });
    assert!(sum < 0.0, "the safe action, most of the time");
    assert_eq!(allocations.count_total, 0);
}
