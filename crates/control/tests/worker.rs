//! Policies that panic wherever code of theirs runs, hang, and do not end; and a worker that outlives them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test; policies, errors and observers panic")]

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use ndarray::{Array2, ArrayView1, aview1};
use parapolicy_control::check::PlanCheck;
use parapolicy_control::controller::{
    CommandSource as _, Continuity, Controller, ControllerConfig, Deadline, Replan, SamplingTime, SimulatedController,
    WorkerEvent,
};
use parapolicy_control::entries::Entries;
use parapolicy_control::playback::{Between, Blend, Late, Limits, PlaybackConfig, Source, Withheld};
use parapolicy_control::{BoxError, EpisodeObserver, Observer, Plan, PlanEvent, Policy};
use proptest::prelude::*;

const PERIOD: Duration = Duration::from_millis(100);
/// Only a hang takes longer, on whatever machine.
const PATIENCE: Duration = Duration::from_mins(10);
const WATCHDOG: Duration = Duration::from_millis(50);

fn config(watchdog: Duration) -> ControllerConfig {
    ControllerConfig {
        playback: PlaybackConfig {
            period: PERIOD,
            blend: Blend::Switch,
            late: Late::Hold,
            limits: Limits::default(),
            max_age: PERIOD * 10,
            initial: vec![0.0],
            safe: Some(vec![-1.0]),
            between: Between::default(),
        },
        replan: Replan::Always,
        continuity: Continuity::Independent,
        deadline: Deadline::Own,
        check: PlanCheck::default(),
        n_obs_steps: 1,
        observation_dim: 1,
        entries: Entries::default(),
        horizon: 4,
        watchdog,
    }
}

/// What goes wrong next.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    None,
    /// `make` fails; or panics.
    Make,
    MakePanics,
    /// Each function of the policy panics.
    Reset,
    Observe,
    Plan,
    /// The policy panics, and so does its `Drop`.
    Drop,
    /// What the policy panics with panics when it is dropped; and what that panics with.
    Payload,
    /// The policy's error panics when it is shown; when it is dropped; both.
    ErrorShown,
    ErrorDropped,
    Error,
}

const FAULTS: [(Fault, &[&str]); 10] = [
    (Fault::Make, &["the policy cannot be made: no file: no disk"]),
    (Fault::MakePanics, &["the policy panicked: make"]),
    (Fault::Reset, &["the policy panicked: reset"]),
    (Fault::Observe, &["the policy panicked: observe"]),
    (Fault::Plan, &["the policy panicked: plan"]),
    (Fault::Drop, &["the policy panicked: plan", "the policy panicked: while it was dropped: drop"]),
    (Fault::Payload, &["the policy panicked: without a message"]),
    (Fault::ErrorShown, &["the policy failed: an error that cannot be shown: it panicked: shown"]),
    (Fault::ErrorDropped, &["the policy failed: no power"]),
    (Fault::Error, &["the policy failed: an error that cannot be shown: it panicked: shown"]),
];

/// Panics when it is dropped, with another one of its kind.
struct Bomb(u32);

impl Drop for Bomb {
    fn drop(&mut self) {
        if self.0 > 0 {
            std::panic::panic_any(Bomb(self.0 - 1));
        }
    }
}

#[derive(Debug)]
struct Bad {
    shown: bool,
    dropped: bool,
}

impl fmt::Display for Bad {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        assert!(!self.shown, "shown");
        f.write_str("no power")
    }
}

impl std::error::Error for Bad {}

impl Drop for Bad {
    fn drop(&mut self) {
        assert!(!self.dropped, "dropped");
    }
}

#[derive(Debug, thiserror::Error)]
#[error("no file")]
struct NoFile(#[source] NoDisk);

#[derive(Debug, thiserror::Error)]
#[error("no disk")]
struct NoDisk;

type Mood = Arc<Mutex<Fault>>;

struct Faulty {
    mood: Mood,
    newest: f64,
}

impl Faulty {
    fn is(&self, fault: Fault) -> bool {
        *self.mood.lock().unwrap() == fault
    }
}

impl Policy for Faulty {
    fn reset(&mut self, _seed: u64) {
        assert!(!self.is(Fault::Reset), "reset");
    }

    fn observe(&mut self, observation: ArrayView1<'_, f64>) -> Result<(), BoxError> {
        assert!(!self.is(Fault::Observe), "observe");
        self.newest = observation[0];
        Ok(())
    }

    fn plan(&mut self) -> Result<Plan, BoxError> {
        let mood = *self.mood.lock().unwrap();
        let bad = |shown, dropped| Err(Box::new(Bad { shown, dropped }) as BoxError);
        match mood {
            Fault::Plan | Fault::Drop => panic!("plan"),
            Fault::Payload => std::panic::panic_any(Bomb(3)),
            Fault::ErrorShown => return bad(true, false),
            Fault::ErrorDropped => return bad(false, true),
            Fault::Error => return bad(true, true),
            _ => {}
        }
        Ok(Plan { actions: Array2::from_elem((4, 1), self.newest), intended: 4, ..Plan::default() })
    }
}

impl Drop for Faulty {
    fn drop(&mut self) {
        let drops = self.mood.lock().is_ok_and(|mood| *mood == Fault::Drop);
        assert!(!drops, "drop");
    }
}

fn start(mood: &Mood, watchdog: Duration) -> Controller {
    let mood = Arc::clone(mood);
    let make = move || {
        let fault = *mood.lock().unwrap();
        assert!(fault != Fault::MakePanics, "make");
        if fault == Fault::Make {
            return Err(Box::new(NoFile(NoDisk)) as BoxError);
        }
        Ok(Box::new(Faulty { mood: Arc::clone(&mood), newest: 0.0 }) as Box<dyn Policy>)
    };
    Controller::start(config(watchdog), make).unwrap()
}

fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Observes at a period, waits for the worker, and says what is sent.
fn step(controller: &mut Controller, period: u32, seen: f64) -> (f64, Source) {
    controller.observe(aview1(&[seen]), PERIOD * period).unwrap();
    let monitor = controller.monitor();
    wait_until("the worker is stuck", || !monitor.health().planning);
    let command = controller.command(PERIOD * period);
    (command.action[0], command.source)
}

fn words(controller: &Controller) -> Vec<String> {
    Controller::events(controller).map(|event| event.to_string()).collect()
}

#[test]
fn whatever_panics_is_told_and_the_worker_goes_on() {
    for (fault, expected) in FAULTS {
        let mood = Arc::new(Mutex::new(fault));
        let mut controller = start(&mood, PATIENCE);
        assert_eq!(step(&mut controller, 0, 1.0), (-1.0, Source::Safe), "{fault:?}");
        assert_eq!(words(&controller), expected, "{fault:?}");
        *mood.lock().unwrap() = Fault::None;
        assert_eq!(step(&mut controller, 1, 2.0), (2.0, Source::Plan), "{fault:?}: it goes on");
        // And when it worked before.
        *mood.lock().unwrap() = fault;
        step(&mut controller, 2, 3.0);
        *mood.lock().unwrap() = Fault::None;
        let third = step(&mut controller, 3, 4.0);
        assert_eq!(third, (4.0, Source::Plan), "{fault:?}: it goes on again");
    }
}

/// An observer of others runs on the worker's thread, too.
#[test]
fn an_observer_that_panics_costs_no_plan() {
    struct Panics;
    impl Observer for Panics {
        fn begin(&self, _seed: u64) -> Arc<dyn EpisodeObserver> {
            Arc::new(Self)
        }
    }
    impl EpisodeObserver for Panics {
        fn plan(&self, _event: &PlanEvent<'_>) {
            panic!("told of a plan")
        }
        fn event(&self, _time: Duration, _kind: &'static str, _words: &dyn fmt::Display) {
            panic!("told of an event")
        }
    }
    let mood = Arc::new(Mutex::new(Fault::None));
    let mut controller = start(&mood, PATIENCE);
    controller.observed_by(Arc::new(Panics));
    controller.reset(0);
    assert_eq!(step(&mut controller, 0, 1.0), (1.0, Source::Plan));
    assert_eq!(words(&controller), ["an observer panicked: told of a plan"]);
    *mood.lock().unwrap() = Fault::ErrorDropped;
    step(&mut controller, 1, 2.0);
    assert_eq!(words(&controller), ["the policy failed: no power", "an observer panicked: told of an event"]);
    assert_eq!(controller.monitor().health().failures, 1, "plans alone are counted");
}

/// A policy that panics when it is dropped does so at the end, too.
#[test]
fn a_controller_ends_whatever_its_policy_does_when_it_is_dropped() {
    let mood = Arc::new(Mutex::new(Fault::None));
    let mut controller = start(&mood, PATIENCE);
    step(&mut controller, 0, 1.0);
    *mood.lock().unwrap() = Fault::Drop;
    drop(controller);
}

/// What the policies that hang tell the test, and it them.
#[derive(Default)]
struct Signs {
    released: AtomicBool,
    made: AtomicUsize,
    /// How many calls have begun to hang.
    hanging: AtomicUsize,
    dropped: AtomicUsize,
}

impl Signs {
    fn hang(&self) {
        self.hanging.fetch_add(1, Ordering::AcqRel);
        wait_until("it is not released", || self.released.load(Ordering::Acquire));
    }

    fn release(&self) {
        self.released.store(true, Ordering::Release);
    }
}

/// Hangs in its first plans until it is released, and says what it was made as.
struct Hanging {
    number: usize,
    hangs: usize,
    signs: Arc<Signs>,
}

impl Policy for Hanging {
    fn reset(&mut self, _seed: u64) {}

    fn observe(&mut self, _observation: ArrayView1<'_, f64>) -> Result<(), BoxError> {
        Ok(())
    }

    fn plan(&mut self) -> Result<Plan, BoxError> {
        if self.number < self.hangs {
            self.signs.hang();
        }
        Ok(Plan { actions: Array2::from_elem((4, 1), self.number as f64), intended: 4, ..Plan::default() })
    }
}

impl Drop for Hanging {
    fn drop(&mut self) {
        self.signs.dropped.fetch_add(1, Ordering::AcqRel);
    }
}

/// A controller whose policies hang. The watchdog looks when there is an observation, and there is one only when the worker is
/// done or hangs: what comes out does not depend on when the machine runs which thread.
struct Hangs {
    controller: Controller,
    signs: Arc<Signs>,
    period: u32,
    /// Hangs that were told.
    told: usize,
}

/// The first `hangs` policies hang when they plan; the first `makes` calls that make one hang, if that is said.
fn hangs(hangs: usize, makes: usize) -> Hangs {
    let signs = Arc::new(Signs::default());
    let shared = Arc::clone(&signs);
    let make = move || {
        let number = shared.made.fetch_add(1, Ordering::AcqRel);
        if number < makes {
            shared.hang();
        }
        Ok(Box::new(Hanging { number, hangs, signs: Arc::clone(&shared) }) as Box<dyn Policy>)
    };
    Hangs { controller: Controller::start(config(WATCHDOG), make).unwrap(), signs, period: 0, told: 0 }
}

impl Hangs {
    /// Observes, waits until the worker is done or hangs, and commands.
    fn step(&mut self) -> (f64, Source) {
        let Self { controller, signs, period, told } = self;
        controller.observe(aview1(&[0.0]), PERIOD * *period).unwrap();
        let monitor = controller.monitor();
        wait_until("the worker is stuck", || {
            !monitor.health().planning || signs.hanging.load(Ordering::Acquire) > *told
        });
        let command = controller.command(PERIOD * *period);
        *period += 1;
        (command.action[0], command.source)
    }

    /// Steps until an event comes.
    fn until_event(&mut self) -> WorkerEvent {
        let started = Instant::now();
        loop {
            let (action, source) = self.step();
            assert!(source == Source::Plan || action <= 0.0);
            if let Some(event) = Controller::events(&self.controller).next() {
                self.told += usize::from(matches!(event, WorkerEvent::Hung(_)));
                return event;
            }
            assert!(started.elapsed() < PATIENCE, "no event");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn until_plan(&mut self) -> f64 {
        let started = Instant::now();
        loop {
            if let (action, Source::Plan) = self.step() {
                return action;
            }
            assert!(started.elapsed() < PATIENCE, "no plan");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

#[test]
fn a_policy_that_hangs_is_told_and_another_one_made_and_its_late_plan_dropped() {
    let mut hangs = hangs(1, 0);
    let event = hangs.until_event();
    assert!(matches!(event, WorkerEvent::Hung(waited) if waited >= WATCHDOG), "{event}");
    assert_eq!(hangs.until_plan(), 1.0, "of the second policy");
    let health = hangs.controller.monitor().health();
    assert_eq!((health.hangs, health.failures), (1, 1));
    // The first one comes back: it is dropped with its plan, and nobody hears of it.
    hangs.signs.release();
    wait_until("it does not end", || hangs.signs.dropped.load(Ordering::Acquire) == 1);
    for _ in 0..20 {
        assert_eq!(hangs.until_plan(), 1.0);
    }
    assert!(Controller::events(&hangs.controller).next().is_none());
    let started = Instant::now();
    drop(hangs.controller);
    let dropped = hangs.signs.dropped.load(Ordering::Acquire);
    assert!(dropped == 2 || started.elapsed() >= Duration::from_secs(1), "an idle worker is waited for, for a second");
}

#[test]
fn while_a_policy_hangs_commands_are_withheld_as_ever() {
    let mut hangs = hangs(1, 0);
    hangs.controller.observe(aview1(&[0.0]), PERIOD).unwrap();
    let command = hangs.controller.command(PERIOD);
    assert_eq!((command.action[0], command.withheld), (-1.0, Some(Withheld::NoPlan)));
    let started = Instant::now();
    drop(hangs.controller);
    assert!(started.elapsed() < PATIENCE / 2, "a busy worker is not waited for");
    hangs.signs.release();
}

#[test]
fn a_policy_that_hangs_while_it_is_made_is_told() {
    let mut hangs = hangs(0, 1);
    let event = hangs.until_event();
    assert!(matches!(event, WorkerEvent::Hung(waited) if waited >= WATCHDOG * 10), "{event}");
    let event = hangs.until_event();
    let text = "the policy cannot be made: it hung while it was made, and is still at it";
    assert_eq!(event.to_string(), text);
    hangs.signs.release();
    assert_eq!(hangs.until_plan(), 1.0, "made when the first has let go of it");
}

/// Threads that hang are not piled up.
#[test]
fn no_more_than_four_threads_are_left_hanging() {
    let mut hangs = hangs(100, 0);
    let last = loop {
        match hangs.until_event() {
            WorkerEvent::Hung(_) => {}
            event => break event,
        }
    };
    assert_eq!((hangs.told, hangs.signs.made.load(Ordering::Acquire)), (5, 5));
    let text = "the policy cannot be made: 5 threads hang; another one is started when one of them ends";
    assert_eq!(last.to_string(), text);
    let started = Instant::now();
    drop(hangs.controller);
    assert!(started.elapsed() < PATIENCE / 2);
    hangs.signs.release();
    wait_until("they do not end", || hangs.signs.dropped.load(Ordering::Acquire) == 5);
}

/// The policy's `Drop` hangs: the controller's returns all the same.
#[test]
fn dropping_a_controller_ends_in_bounded_time() {
    struct Endless(Arc<AtomicBool>);
    impl Policy for Endless {
        fn reset(&mut self, _seed: u64) {}
        fn observe(&mut self, _observation: ArrayView1<'_, f64>) -> Result<(), BoxError> {
            Ok(())
        }
        fn plan(&mut self) -> Result<Plan, BoxError> {
            Ok(Plan { actions: Array2::zeros((4, 1)), intended: 4, ..Plan::default() })
        }
    }
    impl Drop for Endless {
        fn drop(&mut self) {
            wait_until("it is not released", || self.0.load(Ordering::Acquire));
        }
    }
    let released = Arc::new(AtomicBool::new(false));
    let release = Arc::clone(&released);
    let make = move || Ok(Box::new(Endless(Arc::clone(&release))) as Box<dyn Policy>);
    let mut controller = Controller::start(config(PATIENCE), make).unwrap();
    step(&mut controller, 0, 1.0);
    let started = Instant::now();
    drop(controller);
    assert!(started.elapsed() < PATIENCE / 2, "it waits for a second");
    released.store(true, Ordering::Release);
}

/// The same on simulated time, to the period.
#[test]
fn a_simulated_policy_hangs_when_a_plan_takes_longer_than_the_watchdog() {
    let mood = Arc::new(Mutex::new(Fault::None));
    let mut policy = Faulty { mood, newest: 0.0 };
    let sampling = SamplingTime::Stated(Duration::from_mins(1));
    let mut controller = SimulatedController::new(config(PERIOD * 5), &mut policy, sampling).unwrap();
    controller.begin(0, aview1(&[0.0]), &(Arc::new(()) as Arc<dyn EpisodeObserver>)).unwrap();
    let mut told = Vec::new();
    for period in 0..13 {
        controller.observe(aview1(&[1.0]), PERIOD * period).unwrap();
        assert_eq!(controller.command(PERIOD * period).withheld, Some(Withheld::NoPlan));
        told.extend(controller.events().into_iter().map(|event| (period, event)));
    }
    assert_eq!(told, [(6, WorkerEvent::Hung(PERIOD * 5)), (12, WorkerEvent::Hung(PERIOD * 5))]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever faults follow each other, and whatever the clock does: no panic leaves the controller, what is sent is of
    /// the newest observations or safe, and when all is well again it plans.
    #[test]
    fn any_sequence_of_faults_is_got_over(
        faults in prop::collection::vec((0..=FAULTS.len(), -400..400_i64), 1..12),
    ) {
        let mood = Arc::new(Mutex::new(Fault::None));
        let mut controller = start(&mood, PATIENCE);
        let mut now = 100_000_i64;
        let mut seen = 0.0;
        let mut go = |fault: Fault, jump: i64| {
            *mood.lock().unwrap() = fault;
            now += jump;
            seen += 1.0;
            let time = Duration::from_millis(now as u64);
            controller.observe(aview1(&[seen]), time).unwrap();
            let monitor = controller.monitor();
            wait_until("the worker is stuck", || !monitor.health().planning);
            let command = controller.command(time);
            (command.action[0], command.source, seen)
        };
        for (fault, jump) in faults {
            let fault = FAULTS.get(fault).map_or(Fault::None, |(fault, _)| *fault);
            let (action, source, seen) = go(fault, jump);
            match source {
                Source::Plan => prop_assert!(action <= seen && action > 0.0, "{action} of {seen}"),
                Source::Late | Source::Safe => prop_assert_eq!(action, -1.0),
            }
        }
        let (action, source, seen) = go(Fault::None, 1);
        prop_assert_eq!((action, source), (seen, Source::Plan));
    }
}
