//! The loop that does not wait, on simulated time and on a clock that oversleeps.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::cell::Cell;
use std::fmt::Display;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ndarray::{Array1, Array2, ArrayView1, ArrayViewMut1, array};
use parapolicy_control::check::PlanCheck;
use parapolicy_control::clock::{Clock, VirtualClock, WallClock};
use parapolicy_control::controller::{
    Continuity, Controller, ControllerConfig, Deadline, Monitor, Replan, SamplingTime, SimulatedController,
};
use parapolicy_control::entries::Entries;
use parapolicy_control::playback::{Between, Blend, Command, Late, Limits, PlaybackConfig, Source};
use parapolicy_control::{BoxError, Environment, EpisodeObserver, Latency, Observer, Outcome, Plan, Policy, StepEvent};
use parapolicy_eval::realtime::Timing;
use parapolicy_eval::{Episode, run_episode, run_episode_in_realtime};
use proptest::prelude::*;

const PERIOD: Duration = Duration::from_millis(100);

/// A line to walk along for some steps: actions are displacements, the observation is the position.
#[derive(Default)]
struct Line {
    position: f64,
    steps: usize,
    limit: usize,
    /// What the first steps take, on top of everything.
    takes: Vec<Duration>,
    clock: Rc<Cell<Duration>>,
}

impl Line {
    fn new(limit: usize) -> Self {
        Self { limit, ..Self::default() }
    }
}

impl Environment for Line {
    fn observation_dim(&self) -> usize {
        1
    }
    fn action_dim(&self) -> usize {
        1
    }
    fn period(&self) -> Duration {
        PERIOD
    }
    fn resting_action(&self) -> Array1<f64> {
        array![0.0]
    }
    fn reset(&mut self, seed: u64) -> Result<(), BoxError> {
        (self.position, self.steps) = (seed as f64, 0);
        Ok(())
    }
    fn observe(&mut self, mut observation: ArrayViewMut1<'_, f64>) -> Result<(), BoxError> {
        observation[0] = self.position;
        Ok(())
    }
    fn step(&mut self, action: ArrayView1<'_, f64>) -> Result<Outcome, BoxError> {
        let takes = self.takes.get(self.steps).copied().unwrap_or_default();
        self.clock.set(self.clock.get() + takes);
        self.position += action[0];
        self.steps += 1;
        let reward = (1.0 / (1.0 + self.position.abs())).min(1.0);
        Ok(Outcome { reward, success: false, over: self.steps == self.limit, violation: 0.0 })
    }
}

/// Plans a ramp from its last two observations and the number of the plan; `failing` of the plans fail.
#[derive(Clone, Default)]
struct Walker {
    intended: usize,
    seen: [f64; 2],
    fresh: bool,
    plans: usize,
    failing: std::ops::Range<usize>,
}

impl Walker {
    fn new(intended: usize) -> Self {
        Self { intended, ..Self::default() }
    }
}

impl Policy for Walker {
    fn reset(&mut self, _seed: u64) {
        (self.fresh, self.plans) = (true, 0);
    }
    fn observe(&mut self, observation: ArrayView1<'_, f64>) -> Result<(), BoxError> {
        let before = if std::mem::take(&mut self.fresh) { observation[0] } else { self.seen[1] };
        self.seen = [before, observation[0]];
        Ok(())
    }
    fn plan(&mut self) -> Result<Plan, BoxError> {
        self.plans += 1;
        if self.failing.contains(&(self.plans - 1)) {
            return Err("no power".into());
        }
        let first = 0.1 * self.seen[1] - 0.05 * self.seen[0] + self.plans as f64;
        let actions = Array2::from_shape_fn((self.intended + 3, 1), |(i, _)| first + i as f64);
        Ok(Plan { actions, intended: self.intended, rounds: 7, evaluations: 9, ..Plan::default() })
    }
}

fn config(replan: usize, late: Late) -> ControllerConfig {
    let playback = PlaybackConfig {
        period: PERIOD,
        blend: Blend::Switch,
        late,
        limits: Limits::default(),
        max_age: PERIOD * 100,
        initial: vec![0.0],
        safe: None,
        between: Between::default(),
    };
    ControllerConfig {
        playback,
        replan: Replan::Every(replan),
        continuity: Continuity::Independent,
        deadline: Deadline::Own,
        check: PlanCheck::default(),
        n_obs_steps: 2,
        observation_dim: 1,
        entries: Entries::default(),
        horizon: 16,
        watchdog: Duration::from_hours(1),
    }
}

/// What an observer is told of an episode.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Happened>>);

#[derive(Default)]
struct Happened {
    /// Each action that was sent, and where it came from.
    sent: Vec<(f64, Source)>,
    /// When each step began, and what it executed.
    steps: Vec<(Duration, f64)>,
    events: Vec<(Duration, String)>,
}

impl Told {
    fn take(&self) -> Happened {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Observer for Told {
    fn begin(&self, _seed: u64) -> Arc<dyn EpisodeObserver> {
        Arc::new(self.clone())
    }
}

impl EpisodeObserver for Told {
    fn command(&self, _time: Duration, command: &Command<'_>) {
        self.0.lock().unwrap().sent.push((command.action[0], command.source));
    }

    fn step(&self, event: &StepEvent<'_>) {
        self.0.lock().unwrap().steps.push((event.time, event.action[0]));
    }

    fn event(&self, time: Duration, _kind: &'static str, words: &dyn Display) {
        self.0.lock().unwrap().events.push((time, words.to_string()));
    }
}

/// What was sent, and what came of it.
fn play(
    config: ControllerConfig,
    policy: &mut Walker,
    sampling: SamplingTime,
    limit: usize,
    seed: u64,
) -> (Episode, Timing, Vec<(f64, Source)>) {
    let mut commands = SimulatedController::new(config, policy, sampling).unwrap();
    let (clock, line, told) = (&mut VirtualClock::default(), &mut Line::new(limit), Told::default());
    let (episode, timing) = run_episode_in_realtime(clock, &mut commands, line, PERIOD, seed, &told).unwrap();
    (episode, timing, told.take().sent)
}

fn actions(sent: &[(f64, Source)]) -> Vec<f64> {
    sent.iter().map(|(action, _)| *action).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Where plans take no time, the loop that does not wait is the one that waits.
    #[test]
    fn without_latency_it_is_lockstep(intended in 1..9_usize, limit in 1..40_usize, seed in 0..100_u64) {
        let (waited, mut line) = (Told::default(), Line::new(limit));
        let lockstep = run_episode(&mut Walker::new(intended), &mut line, seed, &waited).unwrap();
        let sampling = SamplingTime::Stated(Duration::ZERO);
        let config = config(intended, Late::Finish);
        let (episode, timing, sent) = play(config, &mut Walker::new(intended), sampling, limit, seed);
        prop_assert_eq!(actions(&sent), actions(&waited.take().sent));
        prop_assert_eq!(episode, lockstep);
        let report = timing.report();
        prop_assert_eq!((report.late_rate, report.safe_rate, report.control_steps), (0.0, 0.0, limit));
    }

    /// The same seed and the same latencies give the same episode, whatever they are.
    #[test]
    fn the_same_seed_is_the_same_episode(
        seed in any::<u32>(),
        milliseconds in prop::collection::vec(0..700_u64, 1..9),
        replan in 1..9_usize,
    ) {
        let mut latency = Latency::new();
        milliseconds.iter().for_each(|ms| latency.record(Duration::from_millis(*ms)));
        let play = || {
            let sampling = SamplingTime::Drawn(latency.clone());
            play(config(replan, Late::Hold), &mut Walker::new(5), sampling, 60, seed.into())
        };
        let ((first, timing, sent), (again, timing_again, sent_again)) = (play(), play());
        prop_assert_eq!(timing.report(), timing_again.report());
        prop_assert_eq!((&first, sent), (&again, sent_again));
        for plan in &first.plans {
            let drawn = plan.latency.as_secs_f64() * 1e3;
            let known = milliseconds.iter().any(|ms| (drawn - *ms as f64).abs() <= 1e-3 * drawn + 1e-3);
            prop_assert!(known, "{drawn} ms of {milliseconds:?}");
        }
    }
}

/// The first plan, for t = 0, is there at 300 ms, when nothing was executed: it is entered at its first action. The second,
/// for t = 500 ms, is there at 800 ms, when three actions were executed: it is entered at its fourth.
#[test]
fn a_plan_is_entered_at_what_was_executed_meanwhile() {
    let sampling = SamplingTime::Stated(Duration::from_millis(250));
    let (episode, timing, sent) = play(config(5, Late::Finish), &mut Walker::new(5), sampling, 10, 0);
    let sources: Vec<Source> = sent.iter().map(|(_, source)| *source).collect();
    use Source::{Plan, Safe};
    assert_eq!(sources, [Safe, Safe, Safe, Plan, Plan, Plan, Plan, Plan, Plan, Plan]);
    assert_eq!(actions(&sent)[..8], [0.0, 0.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    // Its first action is 0.1 · 3 − 0.05 · 1 + 2, from where the line was at 500 and 400 ms.
    approx::assert_relative_eq!(actions(&sent)[8], 2.25 + 3.0, epsilon = 1e-12);
    let costs: Vec<_> =
        episode.plans.iter().map(|plan| (plan.latency.as_millis(), plan.rounds, plan.executed)).collect();
    assert_eq!(costs, [(250, 7, 5), (250, 7, 2)]);
    let report = timing.report();
    assert_eq!((report.late_rate, report.safe_rate, report.wake_up_jitter_ms), (0.0, 0.3, None));
    approx::assert_relative_eq!(report.observation_age_ms.max, 700.0, max_relative = 2e-3);
    approx::assert_relative_eq!(report.observation_age_ms.p50, 400.0, max_relative = 2e-3);
}

#[test]
fn what_is_sent_when_plans_run_out_is_a_choice() {
    let sampling = || SamplingTime::Stated(Duration::from_millis(250));
    let decelerate = Late::Decelerate { within: PERIOD * 2 };
    let expected = [(Late::Finish, [6.0, 7.0, 8.0]), (Late::Hold, [5.0; 3]), (decelerate, [5.5, 5.5, 5.5])];
    for (late, rest) in expected {
        let (.., sent) = play(config(8, late), &mut Walker::new(5), sampling(), 11, 0);
        assert_eq!(actions(&sent)[8..], rest, "{late:?}");
    }
}

/// Plans overlap: the second is for 0.2 s and there at 0.4 s, when the first still has an action for now.
#[test]
fn overlapping_plans_are_switched_or_averaged() {
    let sent = |blend| {
        let config = config(2, Late::Hold);
        let config = ControllerConfig { playback: PlaybackConfig { blend, ..config.playback }, ..config };
        let sampling = SamplingTime::Stated(Duration::from_millis(200));
        actions(&play(config, &mut Walker::new(8), sampling, 5, 0).2)
    };
    let (switched, averaged) = (sent(Blend::Switch), sent(Blend::Ensemble { decay: 0.0 }));
    assert_eq!(switched[..4], [0.0, 0.0, 1.0, 2.0]);
    assert_eq!(averaged[..4], switched[..4], "there is one plan only");
    assert_eq!((switched[4], averaged[4]), (4.0, (3.0 + 4.0) / 2.0));
}

/// Two plans fail: the plan before is played to its end, each failure is told, and the third is followed.
#[test]
fn a_policy_that_fails_is_an_event_and_asked_again() {
    let mut policy = Walker { failing: 1..3, ..Walker::new(2) };
    let config = config(2, Late::Hold);
    let mut commands = SimulatedController::new(config, &mut policy, SamplingTime::Stated(Duration::ZERO)).unwrap();
    let (clock, line, told) = (&mut VirtualClock::default(), &mut Line::new(8), Told::default());
    let (_, timing) = run_episode_in_realtime(clock, &mut commands, line, PERIOD, 0, &told).unwrap();
    let Happened { sent, events, .. } = told.take();
    let told = |step| (PERIOD * step, "the policy failed: no power".to_owned());
    assert_eq!(events, [told(2), told(4)]);
    assert_eq!(
        sent[1..6],
        [(2.0, Source::Plan), (2.0, Source::Late), (2.0, Source::Late), (2.0, Source::Late), (2.0, Source::Late)]
    );
    assert_eq!(sent[6].1, Source::Plan);
    assert_eq!(timing.report().failed_plans, 2);
}

/// Time that a step takes passes for the clock, too.
#[derive(Default)]
struct Oversleeping(Rc<Cell<Duration>>);

impl Clock for Oversleeping {
    fn start(&mut self) {
        self.0.set(Duration::ZERO);
    }
    fn wait_until(&mut self, deadline: Duration) {
        self.0.set(self.0.get().max(deadline));
    }
    fn now(&self) -> Duration {
        self.0.get()
    }
    fn passes(&self) -> bool {
        true
    }
}

#[test]
fn steps_that_take_too_long_miss_deadlines() {
    let takes = [0, 99, 101, 20, 340, 0].map(Duration::from_millis).to_vec();
    let mut clock = Oversleeping::default();
    let mut line = Line { takes, clock: Rc::clone(&clock.0), ..Line::new(8) };
    let mut policy = Walker::new(8);
    let sampling = SamplingTime::Stated(Duration::ZERO);
    let mut commands = SimulatedController::new(config(8, Late::Finish), &mut policy, sampling).unwrap();
    let told = Told::default();
    let (_, timing) = run_episode_in_realtime(&mut clock, &mut commands, &mut line, PERIOD, 0, &told).unwrap();
    let begun: Vec<_> = told.take().steps.iter().map(|(time, action)| (time.as_millis(), *action)).collect();
    // The step of 101 ms delays the next by 1 ms; that of 340 ms loses two, and the plan goes on where it was.
    let expected = [(0, 1.0), (100, 2.0), (200, 3.0), (301, 4.0), (400, 5.0), (740, 6.0), (800, 7.0), (900, 8.0)];
    assert_eq!(begun, expected);
    let report = timing.report();
    assert_eq!(report.deadline_misses, Some(4));
    approx::assert_relative_eq!(report.wake_up_jitter_ms.unwrap().max, 40.0, max_relative = 2e-3);
}

/// A step that takes three periods, and until there is a plan, misses deadlines on the wall clock, while the worker plans beside
/// it.
#[test]
fn the_wall_clock_counts_what_is_missed() {
    struct Sleeper(Line, Monitor);
    impl Environment for Sleeper {
        fn observation_dim(&self) -> usize {
            1
        }
        fn action_dim(&self) -> usize {
            1
        }
        fn period(&self) -> Duration {
            Duration::from_millis(10)
        }
        fn resting_action(&self) -> Array1<f64> {
            self.0.resting_action()
        }
        fn reset(&mut self, seed: u64) -> Result<(), BoxError> {
            self.0.reset(seed)
        }
        fn observe(&mut self, observation: ArrayViewMut1<'_, f64>) -> Result<(), BoxError> {
            self.0.observe(observation)
        }
        fn step(&mut self, action: ArrayView1<'_, f64>) -> Result<Outcome, BoxError> {
            if self.0.steps == 10 {
                std::thread::sleep(Duration::from_millis(35));
                while self.1.health().plans == 0 || self.1.health().planning {
                    std::thread::sleep(Duration::from_millis(1));
                }
            }
            self.0.step(action)
        }
    }
    let period = Duration::from_millis(10);
    let config = config(2, Late::Finish);
    let config = ControllerConfig {
        playback: PlaybackConfig { period, max_age: Duration::from_hours(1), ..config.playback },
        ..config
    };
    let mut commands = Controller::start(config, || Ok(Box::new(Walker::new(8)))).unwrap();
    let (clock, world, told) =
        (&mut WallClock::default(), &mut Sleeper(Line::new(40), commands.monitor()), Told::default());
    let (episode, timing) = run_episode_in_realtime(clock, &mut commands, world, period, 0, &told).unwrap();
    let times: Vec<Duration> = told.take().steps.iter().map(|(time, _)| *time).collect();
    let report = timing.report();
    assert!(report.deadline_misses.unwrap() >= 3, "{report:?}");
    assert!(times.is_sorted() && times[39] >= period * 41, "absolute deadlines, and two of them lost");
    assert!(!episode.plans.is_empty() && report.safe_rate < 1.0, "plans arrive meanwhile");
}
