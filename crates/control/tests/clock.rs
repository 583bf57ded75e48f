//! Clocks that go back, jump, or are at their end.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::collections::BTreeSet;
use std::fmt::Display;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ndarray::{Array2, ArrayView1, aview1};
use parapolicy_control::check::PlanCheck;
use parapolicy_control::controller::{
    CommandSource, Continuity, Controller, ControllerConfig, Deadline, Fade, Replan, SamplingTime, SimulatedController,
    WorkerEvent,
};
use parapolicy_control::entries::Entries;
use parapolicy_control::playback::{
    Between, Blend, ClockStep, Late, Limits, Playback, PlaybackConfig, Source, Withheld,
};
use parapolicy_control::{BoxError, EpisodeObserver, Plan, Policy};
use proptest::prelude::*;

const PERIOD: Duration = Duration::from_millis(100);
const HOUR: Duration = Duration::from_secs(3600);
/// Only a hang takes longer, on whatever machine.
const PATIENCE: Duration = Duration::from_mins(10);

/// Most plans of an episode in which each has a number of its own in the actions.
const PLANS: usize = 24;

fn playback(blend: Blend, action_dim: usize) -> PlaybackConfig {
    PlaybackConfig {
        period: PERIOD,
        blend,
        late: Late::Finish,
        limits: Limits::default(),
        max_age: PERIOD * 10,
        initial: vec![0.0; action_dim],
        safe: Some(vec![-1.0; action_dim]),
        between: Between::default(),
    }
}

fn config(blend: Blend, action_dim: usize) -> ControllerConfig {
    ControllerConfig {
        playback: playback(blend, action_dim),
        replan: Replan::Every(4),
        continuity: Continuity::inpaint(Fade::Hard),
        deadline: Deadline::Own,
        check: PlanCheck::default(),
        n_obs_steps: 2,
        observation_dim: 1,
        entries: Entries::default(),
        horizon: 16,
        watchdog: PATIENCE,
    }
}

/// Plans what it sees for eight steps; takes note of all it was shown for each plan.
#[derive(Clone, Default)]
struct Echo {
    seen: Vec<f64>,
    shown: Arc<Mutex<Vec<Vec<f64>>>>,
}

impl Policy for Echo {
    fn reset(&mut self, _seed: u64) {}

    fn observe(&mut self, observation: ArrayView1<'_, f64>) -> Result<(), BoxError> {
        self.seen.push(observation[0]);
        Ok(())
    }

    fn plan(&mut self) -> Result<Plan, BoxError> {
        let seen = std::mem::take(&mut self.seen);
        let actions = Array2::from_elem((8, 1), *seen.last().unwrap());
        self.shown.lock().unwrap().push(seen);
        Ok(Plan { actions, intended: 8, ..Plan::default() })
    }
}

#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<Event>>>);

/// When, which kind, and the words.
type Event = (Duration, &'static str, String);

impl EpisodeObserver for Told {
    fn event(&self, time: Duration, kind: &'static str, words: &dyn Display) {
        self.0.lock().unwrap().push((time, kind, words.to_string()));
    }
}

/// A step back of an hour, of a minute, of a second; from an origin far away.
#[test]
fn after_a_step_back_all_plans_are_dropped_and_a_fresh_one_is_followed() {
    let origin = Duration::from_secs(1_700_000_000);
    for back in [HOUR, Duration::from_mins(1), Duration::from_secs(1), Duration::from_millis(200)] {
        let (mut policy, told) = (Echo::default(), Told::default());
        let shown = Arc::clone(&policy.shown);
        let sampling = SamplingTime::Stated(Duration::from_millis(150));
        let mut controller = SimulatedController::new(config(Blend::Switch, 1), &mut policy, sampling).unwrap();
        let observer: Arc<dyn EpisodeObserver> = Arc::new(told.clone());
        controller.begin(0, aview1(&[0.0]), &observer).unwrap();
        let mut step = |time: Duration, seen: f64| {
            controller.observe(aview1(&[seen]), time).unwrap();
            let command = controller.command(time);
            let sent = (command.action[0], command.source, command.withheld);
            (sent, CommandSource::events(&mut controller))
        };
        for tick in 0..6 {
            step(origin + PERIOD * tick, f64::from(tick));
        }
        // Of the plan that was asked for at tick 4 nothing is heard any more.
        let now = origin + PERIOD * 6 - back;
        let (sent, events) = step(now, 50.0);
        assert_eq!(sent, (-1.0, Source::Safe, Some(Withheld::NoPlan)), "{back:?}");
        let gone_back = ClockStep { from: origin + PERIOD * 5, to: now };
        assert_eq!(events, [WorkerEvent::ClockWentBack(gone_back)]);
        assert_eq!(step(now + PERIOD, 51.0).0, (-1.0, Source::Safe, Some(Withheld::NoPlan)));
        assert_eq!(step(now + PERIOD * 2, 52.0), ((50.0, Source::Plan, None), vec![]), "planned anew");
        assert_eq!(shown.lock().unwrap().last().unwrap(), &[50.0, 50.0], "from fresh observations alone");
        let told = told.0.lock().unwrap();
        assert_eq!((told[0].0, told[0].1, told.len()), (now, "clock went back", 1));
    }
}

/// The control thread's clock goes back between observation and command.
#[test]
fn a_command_from_before_its_observation_is_a_step_back() {
    let mut playback = Playback::new(playback(Blend::Switch, 1), 16).unwrap();
    playback.observe(HOUR);
    let observed = playback.observed().unwrap();
    assert!(playback.take(observed, Array2::ones((8, 1)).view(), 8).unwrap());
    assert_eq!(playback.command(Duration::ZERO).withheld, Some(Withheld::NoPlan));
    assert!(!playback.take(observed, Array2::ones((8, 1)).view(), 8).unwrap(), "of another time line");
}

/// Half a period is jitter: two clocks that differ, or one that is set right little by little.
#[test]
fn a_step_back_within_half_a_period_is_none_however_often_it_is_made() {
    let (early, half) = (Duration::from_millis(30), PERIOD / 2);
    let mut playback = Playback::new(playback(Blend::Switch, 1), 16).unwrap();
    playback.observe(PERIOD * 10);
    let observed = playback.observed().unwrap();
    assert!(playback.take(observed, Array2::from_shape_fn((8, 1), |(i, _)| i as f64).view(), 8).unwrap());
    assert_eq!(playback.command(PERIOD * 10 - early).source, Source::Plan);
    assert_eq!(playback.command(PERIOD * 10 - half).action[0], 0.0, "no time has passed");
    assert_eq!(playback.observe(PERIOD * 10 - half), None);
    let beyond = PERIOD * 10 - half - Duration::from_nanos(1);
    assert_eq!(playback.advance(beyond), Some(ClockStep { from: PERIOD * 10, to: beyond }), "but it does not add up");
}

/// A sensor's observations may be older than the last command.
#[test]
fn observations_may_lag_behind_commands() {
    let mut playback = Playback::new(playback(Blend::Switch, 1), 16).unwrap();
    for period in 2..20 {
        assert_eq!(playback.observe(PERIOD * (period - 2)), None);
        assert_eq!(playback.advance(PERIOD * period), None);
        playback.command(PERIOD * period);
    }
}

#[test]
fn after_a_jump_forward_plans_are_too_old_until_there_is_a_new_one() {
    let (mut policy, nobody) = (Echo::default(), Arc::new(()) as Arc<dyn EpisodeObserver>);
    let sampling = SamplingTime::Stated(PERIOD);
    let mut controller = SimulatedController::new(config(Blend::Switch, 1), &mut policy, sampling).unwrap();
    controller.begin(0, aview1(&[0.0]), &nobody).unwrap();
    let mut step = |time: Duration, seen: f64| {
        controller.observe(aview1(&[seen]), time).unwrap();
        let command = controller.command(time);
        (command.action[0], command.withheld)
    };
    let sent: Vec<_> = (0..6).map(|tick| step(PERIOD * tick, f64::from(tick))).collect();
    assert_eq!(sent[5], (4.0, None));
    let sent: Vec<_> = (0..4).map(|tick| step(HOUR + PERIOD * tick, 100.0 + f64::from(tick))).collect();
    let stale = |age| (-1.0, Some(Withheld::Stale { age }));
    assert_eq!(sent[0], stale(HOUR - PERIOD * 4));
    assert_eq!(sent[3], (102.0, None), "the fourth observation since the last plan's was 102");
    assert!(CommandSource::events(&mut controller).is_empty());
}

#[test]
fn the_end_of_time_does_not_panic() {
    let end = Duration::MAX;
    let extreme = PlaybackConfig {
        period: end,
        max_age: end,
        late: Late::Decelerate { within: end },
        ..playback(Blend::Ensemble { decay: 0.1 }, 1)
    };
    for playback in [playback(Blend::Switch, 1), playback(Blend::Ensemble { decay: 1.0 }, 1), extreme] {
        for times in [[Duration::ZERO, end, end], [end, end, Duration::ZERO], [end - PERIOD, end, end - PERIOD]] {
            let mut config = ControllerConfig { playback: playback.clone(), ..config(Blend::Switch, 1) };
            config.watchdog = end;
            for sampling in [Duration::ZERO, end] {
                let (mut policy, nobody) = (Echo::default(), Arc::new(()) as Arc<dyn EpisodeObserver>);
                let sampling = SamplingTime::Stated(sampling);
                let mut controller = SimulatedController::new(config.clone(), &mut policy, sampling).unwrap();
                controller.begin(0, aview1(&[0.0]), &nobody).unwrap();
                for time in times.into_iter().chain([Duration::ZERO, end]) {
                    controller.observe(aview1(&[1.0]), time).unwrap();
                    assert!(controller.command(time).action[0].is_finite());
                    controller.ahead(time);
                }
            }
            let mut controller = Controller::start(config, || Ok(Box::new(Echo::default()))).unwrap();
            for time in times {
                controller.observe(aview1(&[1.0]), time).unwrap();
                assert!(controller.command(time).action[0].is_finite());
            }
        }
    }
}

/// With a worker: the step is told by events, the observer, and the counters; the plan that was sampled then is dropped.
#[test]
fn a_controller_tells_of_a_step_back_and_drops_what_its_worker_is_at() {
    let told = Told::default();
    let mut controller = Controller::start(config(Blend::Switch, 1), || Ok(Box::new(Echo::default()))).unwrap();
    let observer: Arc<dyn EpisodeObserver> = Arc::new(told.clone());
    controller.begin(0, aview1(&[0.0]), &observer).unwrap();
    let wait = |controller: &Controller| {
        let started = Instant::now();
        while controller.monitor().health().planning {
            assert!(started.elapsed() < PATIENCE, "the worker is stuck");
            std::thread::sleep(Duration::from_millis(1));
        }
    };
    Controller::observe(&mut controller, aview1(&[5.0]), HOUR).unwrap();
    wait(&controller);
    // The plan is there, and not taken yet.
    assert_eq!(Controller::command(&mut controller, Duration::ZERO).withheld, Some(Withheld::NoPlan));
    let step = ClockStep { from: HOUR, to: Duration::ZERO };
    assert_eq!(Controller::events(&controller).collect::<Vec<_>>(), [WorkerEvent::ClockWentBack(step)]);
    let health = controller.monitor().health();
    assert_eq!((health.clock_steps, health.failures), (1, 0));
    let text = "the clock went back from 3600s to 0ns: all plans were dropped".to_owned();
    assert_eq!(*told.0.lock().unwrap(), [(Duration::ZERO, "clock went back", text)]);
    Controller::observe(&mut controller, aview1(&[6.0]), PERIOD).unwrap();
    wait(&controller);
    assert_eq!(Controller::command(&mut controller, PERIOD).action[0], 6.0);
}

/// A policy whose n-th plan is 1 in place n of its actions, and 0 elsewhere: a mean shows which plans it is made of. It
/// fails now and then, and remembers what each plan was asked about.
struct Numbered {
    newest: f64,
    plans: usize,
    failing: Vec<bool>,
    asked: Arc<Mutex<Vec<f64>>>,
}

impl Policy for Numbered {
    fn reset(&mut self, _seed: u64) {}

    fn observe(&mut self, observation: ArrayView1<'_, f64>) -> Result<(), BoxError> {
        self.newest = observation[0];
        Ok(())
    }

    fn plan(&mut self) -> Result<Plan, BoxError> {
        let number = self.plans;
        self.plans += 1;
        self.asked.lock().unwrap().push(self.newest);
        if self.failing.get(number).copied().unwrap_or_default() {
            return Err("no power".into());
        }
        let actions = Array2::from_shape_fn((12, PLANS), |(_, place)| f64::from(u8::from(place == number % PLANS)));
        Ok(Plan { actions, intended: 8, ..Plan::default() })
    }
}

/// What a clock does between two steps: it goes on, jumps, or goes back.
fn jump() -> impl Strategy<Value = i64> {
    prop_oneof![6 => 20..180_i64, 1 => 0..3000_i64, 1 => -3_600_000..0_i64, 1 => 0..3_600_000_i64, 1 => -60..60_i64]
}

proptest! {
    /// No jump of the clock, no late, lost or failed plan leads to a command from a plan older than `max_age`, to one from
    /// before a step back, or to one that is not finite; and the same happens again.
    #[test]
    fn no_command_comes_from_a_plan_that_is_too_old(
        jumps in prop::collection::vec((jump(), 0..1500_u64), 1..PLANS),
        failing in prop::collection::vec(prop::bool::weighted(0.2), PLANS),
        ensemble: bool, every in 1..5_usize, finish: bool,
    ) {
        let run = || {
            let blend = if ensemble { Blend::Ensemble { decay: 0.1 } } else { Blend::Switch };
            let asked = Arc::new(Mutex::new(Vec::new()));
            let mut policy = Numbered { newest: 0.0, plans: 0, failing: failing.clone(), asked: Arc::clone(&asked) };
            let base = config(blend, PLANS);
            let late = if finish { Late::Finish } else { Late::Hold };
            let safe = Some(vec![0.0; PLANS]);
            let playback = PlaybackConfig { late, safe, ..base.playback };
            let watchdog = Duration::from_secs(1);
            let config = ControllerConfig { playback, replan: Replan::Every(every), watchdog, ..base };
            let mut latency = parapolicy_control::Latency::new();
            jumps.iter().for_each(|(_, ms)| latency.record(Duration::from_millis(*ms)));
            let sampling = SamplingTime::Drawn(latency);
            let mut controller = SimulatedController::new(config.clone(), &mut policy, sampling).unwrap();
            controller.begin(3, ArrayView1::from(&vec![0.0; PLANS]), &(Arc::new(()) as Arc<dyn EpisodeObserver>)).unwrap();
            let mut now = 10_000_000_i64;
            let (mut times, mut sent, mut since, mut steps) = (Vec::new(), Vec::new(), 0, 0);
            let mut latest = 0;
            for (jump, _) in &jumps {
                now = (now + jump).max(0);
                let time = Duration::from_millis(now as u64);
                if now + 50 < latest {
                    (since, latest) = (times.len(), now);
                    steps += 1;
                }
                latest = latest.max(now);
                // An observation is its own number.
                controller.observe(aview1(&[times.len() as f64]), time).unwrap();
                times.push(latest);
                let command = controller.command(time);
                assert!(command.action.iter().all(|value| value.is_finite()));
                let action = command.action.to_vec();
                let source = command.source;
                // The last command again is what is sent where a plan has come to its end.
                let held = source == Source::Late && sent.last().is_some_and(|(before, _)| *before == action);
                if source != Source::Safe && !held {
                    let asked = asked.lock().unwrap();
                    let parts: BTreeSet<usize> = (0..PLANS).filter(|place| action[*place] > 0.0).collect();
                    for part in &parts {
                        let observation = asked[*part] as usize;
                        let age = latest - times[observation];
                        assert!(age <= 1000, "plan {part} is {age} ms old");
                        assert!(observation >= since, "plan {part} is from before the clock went back");
                    }
                    assert!(source == Source::Late || !parts.is_empty());
                }
                sent.push((action, source));
            }
            let events = CommandSource::events(&mut controller);
            let back = events.iter().filter(|event| matches!(event, WorkerEvent::ClockWentBack(_))).count();
            assert_eq!(back, steps);
            (sent, events)
        };
        prop_assert_eq!(run(), run());
    }
}
