//! What a program in C cannot bring about by itself: panics, and two threads in one handle at the same moment.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test; one policy panics")]

use std::ffi::{CStr, CString};
use std::mem::{MaybeUninit, size_of};
use std::path::Path;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ndarray::{Array2, ArrayView1};
use parapolicy_control::check::PlanCheck;
use parapolicy_control::controller::{Continuity, ControllerConfig, Deadline, Fade, Replan};
use parapolicy_control::entries::Entries;
use parapolicy_control::playback::{Between, Blend, Late, Limits, PlaybackConfig};
use parapolicy_control::{BoxError, Plan, Policy};

use crate::command::{ParapolicyCommand, ParapolicySource, ParapolicyWithheld, parapolicy_controller_command};
use crate::config::{Configured, ParapolicyConfig, configured, parapolicy_config_default};
use crate::controller::{
    ParapolicyController, parapolicy_controller_free, parapolicy_controller_observe, parapolicy_controller_stop,
};
use crate::failure::{Failure, ParapolicyStatus, Text, guard, parapolicy_last_error};
use crate::monitor::{
    ParapolicyEvent, ParapolicyEventKind, ParapolicyHealth, ParapolicyTroubles, parapolicy_controller_event,
    parapolicy_controller_health, parapolicy_controller_troubles,
};
use crate::options::{ParapolicyOptions, parapolicy_options_default};
use crate::policy::{ParapolicyShape, parapolicy_policy_load};

/// Only a hang takes longer, on whatever machine.
const PATIENCE: Duration = Duration::from_mins(10);
const PERIOD: Duration = Duration::from_millis(100);

/// Panics at observations below 0, hangs at those over 9 until it is released; else it plans the observation twice.
struct Moody {
    newest: f64,
    released: Arc<AtomicBool>,
}

impl Policy for Moody {
    fn reset(&mut self, _seed: u64) {}

    fn observe(&mut self, observation: ArrayView1<'_, f64>) -> Result<(), BoxError> {
        self.newest = observation[0];
        Ok(())
    }

    fn plan(&mut self) -> Result<Plan, BoxError> {
        assert!(self.newest >= 0.0, "out of its mind");
        while self.newest > 9.0 && !self.released.load(Ordering::Acquire) {
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(Plan {
            actions: Array2::from_elem((2, 1), self.newest),
            intended: 2,
            rounds: 1,
            evaluations: 1,
            ..Plan::default()
        })
    }
}

struct Handle(*mut ParapolicyController, Arc<AtomicBool>);

impl Handle {
    fn new() -> Self {
        Self::watched(PATIENCE)
    }

    fn watched(watchdog: Duration) -> Self {
        let playback = PlaybackConfig {
            period: PERIOD,
            blend: Blend::Switch,
            late: Late::Hold,
            limits: Limits { max: vec![5.0], ..Limits::default() },
            max_age: 10 * PERIOD,
            initial: vec![0.0],
            safe: Some(vec![-1.0]),
            between: Between::default(),
        };
        let config = ControllerConfig {
            playback,
            replan: Replan::Always,
            continuity: Continuity::Independent,
            deadline: Deadline::Own,
            check: PlanCheck::default(),
            n_obs_steps: 1,
            observation_dim: 1,
            entries: Entries::default(),
            horizon: 2,
            watchdog,
        };
        let shape =
            ParapolicyShape { n_obs_steps: 1, observation_dim: 1, horizon: 2, n_action_steps: 2, action_dim: 1 };
        let config = Configured { controller: config, log: None, log_rounds: false };
        let released = Arc::new(AtomicBool::new(false));
        let release = Arc::clone(&released);
        let make = move || Ok(Box::new(Moody { newest: 0.0, released: Arc::clone(&release) }) as Box<dyn Policy>);
        let controller = ParapolicyController::start(shape, config, make).unwrap();
        Self(Box::into_raw(Box::new(controller)), released)
    }

    fn release(&self) {
        self.1.store(true, Ordering::Release);
    }

    fn observe(&self, period: u32, value: f64) -> ParapolicyStatus {
        // SAFETY: the handle lives, and the number lies on the stack.
        unsafe { parapolicy_controller_observe(self.0, &raw const value, 1, nanoseconds(period)) }
    }

    fn command(&self, period: u32) -> (ParapolicyStatus, f64, Option<ParapolicyCommand>) {
        let (mut action, mut command) = (f64::NAN, MaybeUninit::uninit());
        // SAFETY: the handle lives, and both places lie on the stack.
        let status = unsafe {
            parapolicy_controller_command(self.0, nanoseconds(period), &raw mut action, 1, command.as_mut_ptr())
        };
        // SAFETY: a call that succeeds writes it.
        (status, action, (status == ParapolicyStatus::Ok).then(|| unsafe { command.assume_init() }))
    }

    fn health(&self) -> ParapolicyHealth {
        let mut health = MaybeUninit::uninit();
        // SAFETY: the handle lives, and a call that succeeds writes the place.
        unsafe {
            assert_eq!(parapolicy_controller_health(self.0, health.as_mut_ptr()), ParapolicyStatus::Ok);
            health.assume_init()
        }
    }

    fn troubles(&self) -> ParapolicyTroubles {
        let (mut troubles, size) = (MaybeUninit::uninit(), size_of::<ParapolicyTroubles>());
        // SAFETY: the handle lives, and a call that succeeds writes the place.
        unsafe {
            let status = parapolicy_controller_troubles(self.0, troubles.as_mut_ptr(), size);
            assert_eq!(status, ParapolicyStatus::Ok);
            troubles.assume_init()
        }
    }

    fn event(&self) -> (ParapolicyEventKind, String) {
        let mut event = MaybeUninit::<ParapolicyEvent>::uninit();
        // SAFETY: the handle lives, and a call that succeeds writes the place, with text that is closed by a zero.
        unsafe {
            assert_eq!(parapolicy_controller_event(self.0, event.as_mut_ptr()), ParapolicyStatus::Ok);
            let event = event.assume_init();
            (event.kind, CStr::from_ptr(event.message.as_ptr()).to_str().unwrap().to_owned())
        }
    }

    fn wait(&self) {
        let started = Instant::now();
        while self.health().planning > 0 {
            assert!(started.elapsed() < PATIENCE, "the worker is stuck");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: nobody uses it any more.
        unsafe { parapolicy_controller_free(self.0) };
    }
}

fn nanoseconds(period: u32) -> u64 {
    (PERIOD * period).as_nanos() as u64
}

fn last_error() -> String {
    // SAFETY: it is never null, and closed by a zero.
    unsafe { CStr::from_ptr(parapolicy_last_error()) }.to_str().unwrap().to_owned()
}

#[test]
fn a_worker_that_panics_is_told_as_an_event_and_recovers() {
    let handle = Handle::new();
    assert_eq!(handle.observe(0, -1.0), ParapolicyStatus::Ok);
    handle.wait();
    assert_eq!(handle.event(), (ParapolicyEventKind::Panicked, "the policy panicked: out of its mind".to_owned()));
    assert_eq!(handle.event().0, ParapolicyEventKind::None);
    let (status, action, command) = handle.command(0);
    assert_eq!((status, action), (ParapolicyStatus::Ok, -1.0));
    let command = command.unwrap();
    assert_eq!((command.source, command.withheld), (ParapolicySource::Safe, ParapolicyWithheld::NoPlan));
    assert_eq!(handle.observe(1, 3.0), ParapolicyStatus::Ok);
    handle.wait();
    assert_eq!(handle.command(1).1, 3.0);
    let health = handle.health();
    assert_eq!((health.plans, health.rounds, health.failures), (1, 1, 1));
}

#[test]
fn what_is_beyond_a_limit_is_told_with_the_command() {
    let handle = Handle::new();
    handle.observe(0, 7.0);
    handle.wait();
    let (_, action, command) = handle.command(0);
    let command = command.unwrap();
    assert_eq!((action, command.withheld), (5.0, ParapolicyWithheld::BeyondLimits));
    assert_eq!((command.index, command.asked), (0, 7.0));
    let (_, action, command) = handle.command(11);
    let command = command.unwrap();
    assert_eq!((action, command.withheld), (-1.0, ParapolicyWithheld::Stale));
    assert_eq!(command.age_ns, nanoseconds(11));
}

#[test]
fn a_worker_that_hangs_outlives_a_stop_without_patience() {
    let handle = Handle::new();
    handle.observe(0, 10.0);
    // SAFETY: the handle lives.
    let stop = |patience: Duration| unsafe { parapolicy_controller_stop(handle.0, patience.as_nanos() as u64) };
    assert_eq!(stop(Duration::ZERO), ParapolicyStatus::Busy);
    assert!(last_error().contains("still drawing"), "{}", last_error());
    assert_eq!(handle.command(0).0, ParapolicyStatus::Stopped);
    handle.release();
    handle.wait();
    assert_eq!(stop(Duration::ZERO), ParapolicyStatus::Ok);
}

#[test]
fn a_policy_that_hangs_is_told_and_replaced() {
    let handle = Handle::watched(Duration::from_millis(100));
    handle.observe(0, 10.0);
    let started = Instant::now();
    let (mut period, mut told) = (1, ParapolicyEventKind::None);
    while told == ParapolicyEventKind::None {
        assert!(started.elapsed() < PATIENCE, "no event");
        std::thread::sleep(Duration::from_millis(5));
        assert_eq!(handle.observe(period, 10.0), ParapolicyStatus::Ok);
        told = handle.event().0;
        period += 1;
    }
    assert_eq!(told, ParapolicyEventKind::Hung);
    assert!(handle.troubles().hangs > 0);
    handle.release();
    while handle.command(period).1 != 3.0 {
        assert!(started.elapsed() < PATIENCE, "no plan");
        period += 1;
        handle.observe(period, 3.0);
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A flow's timesteps are seldom whole numbers, which the graph of the example takes alone.
#[test]
fn timesteps_that_the_graph_does_not_take_are_refused_before_a_plan_is_drawn() {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/point");
    let folder = tempfile::tempdir().unwrap();
    let manifest = std::fs::read_to_string(example.join("policy.json")).unwrap();
    let (begin, rest) = manifest.split_once("\"scheduler\": {").unwrap();
    let (_, end) = rest.split_once('}').unwrap();
    let flow = r#"{"time": "train_timesteps", "noise_at": 1, "velocity": "noise_minus_data"}"#;
    let scheduler = format!(
        r#""num_train_timesteps": 1000, "timestep_spacing": "linspace", "prediction_type": "flow_prediction", "flow": {flow}"#
    );
    std::fs::write(folder.path().join("policy.json"), format!("{begin}\"scheduler\": {{{scheduler}}}{end}")).unwrap();
    std::fs::copy(example.join("denoiser.onnx"), folder.path().join("denoiser.onnx")).unwrap();
    let directory = CString::new(folder.path().to_str().unwrap()).unwrap();
    let (mut options, mut handle) = (MaybeUninit::<ParapolicyOptions>::uninit(), ptr::null_mut());
    // SAFETY: every pointer is to something here, and the first call fills the options.
    let status = unsafe {
        parapolicy_options_default(options.as_mut_ptr(), size_of::<ParapolicyOptions>());
        let mut options = options.assume_init();
        (options.provider, options.solver, options.steps) = (c"cpu".as_ptr(), c"euler".as_ptr(), 7);
        parapolicy_policy_load(directory.as_ptr(), &raw const options, &raw mut handle)
    };
    assert_eq!(status, ParapolicyStatus::Argument, "{}", last_error());
    assert!(handle.is_null() && last_error().contains("`timestep` takes whole numbers (int64)"), "{}", last_error());
}

#[test]
fn a_clock_that_goes_back_is_told_and_nothing_of_before_is_sent() {
    let handle = Handle::new();
    handle.observe(36_000, 3.0);
    handle.wait();
    assert_eq!(handle.command(36_000).1, 3.0);
    let (_, action, command) = handle.command(0);
    assert_eq!((action, command.unwrap().withheld), (-1.0, ParapolicyWithheld::NoPlan));
    let (kind, words) = handle.event();
    assert_eq!(
        (kind, words.as_str()),
        (ParapolicyEventKind::ClockWentBack, "the clock went back from 3600s to 0ns: all plans were dropped")
    );
    let size = size_of::<ParapolicyTroubles>();
    assert_eq!(handle.troubles(), ParapolicyTroubles { size, hangs: 0, clock_steps: 1 });
    // The end of time is one like any other.
    // SAFETY: the handle lives, and the number lies on the stack.
    let end = unsafe { parapolicy_controller_observe(handle.0, &raw const PLANNED, 1, u64::MAX) };
    assert_eq!(end, ParapolicyStatus::Ok);
    handle.wait();
    assert_eq!(handle.command(0).1, -1.0);
}

static PLANNED: f64 = 4.0;

/// A program that was made with the first header gives a smaller configuration.
#[test]
fn a_configuration_of_the_first_header_has_a_watchdog() {
    let shape = ParapolicyShape { n_obs_steps: 1, observation_dim: 1, horizon: 2, n_action_steps: 2, action_dim: 1 };
    let initial = 0.0;
    let mut config = MaybeUninit::<ParapolicyConfig>::zeroed();
    // SAFETY: the place is on the stack, and zeros are a configuration.
    let mut config = unsafe {
        let first = std::mem::offset_of!(ParapolicyConfig, watchdog_ns);
        assert_eq!(parapolicy_config_default(config.as_mut_ptr(), first), ParapolicyStatus::Ok);
        config.assume_init()
    };
    (config.action_dim, config.initial, config.watchdog_ns) = (1, &raw const initial, 7);
    // SAFETY: as above; the array is one number long.
    let read = |config: &ParapolicyConfig| unsafe { configured(&raw const *config, &shape) };
    assert_eq!(read(&config).unwrap().controller.watchdog, Duration::from_secs(30), "what lies behind is not read");
    config.size = size_of::<ParapolicyConfig>();
    assert_eq!(read(&config).unwrap().controller.watchdog, Duration::from_nanos(7));
    (config.continuity, config.delay_quantile) = (2, 0.5);
    let linear = Continuity::Inpaint { fade: Fade::Linear, quantile: 0.5 };
    assert_eq!(read(&config).unwrap().controller.continuity, linear);
    config.delay_quantile = 0.0;
    let refused = read(&config).unwrap().controller.validate().unwrap_err();
    assert_eq!(refused.to_string(), "quantile is 0, but must be more than 0 and at most 1");
    config.continuity = 4;
    assert!(read(&config).is_err());
    config.continuity = 0;
    (config.replan, config.replan_count) = (2, 0);
    let refused = read(&config).unwrap().controller.validate().unwrap_err();
    assert_eq!(refused.to_string(), "replan_below is 0, but must be at least 1");
}

/// An error that panics when it is shown, and what a panic is thrown with when it is dropped.
#[test]
fn what_panics_on_its_way_out_does_not_leave_the_library() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("dropped");
        }
    }
    #[derive(Debug)]
    struct Bad;
    impl std::fmt::Display for Bad {
        fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            panic!("shown");
        }
    }
    impl std::error::Error for Bad {}
    assert_eq!(guard(|| std::panic::panic_any(Bomb)), ParapolicyStatus::Panic);
    let shown = guard(|| Err(Failure::Controller(std::io::Error::other(Bad).into())));
    assert_eq!(shown, ParapolicyStatus::Panic);
    assert!(last_error().starts_with("a panic was caught"), "{}", last_error());
}

#[test]
fn of_two_threads_in_one_controller_the_second_is_refused() {
    let handle = Handle::new();
    // SAFETY: the handle lives; what the other thread holds is what a call of its would hold.
    let controller = unsafe { &*handle.0 };
    let second = controller.enter(|_| {
        let refused = handle.command(0).0;
        Ok((refused, last_error()))
    });
    assert_eq!(second.unwrap(), (ParapolicyStatus::Busy, "another thread is in a call on this controller".to_owned()));
    assert_eq!(handle.command(0).0, ParapolicyStatus::Ok);
}

#[test]
fn a_panic_does_not_leave_the_library() {
    assert_eq!(guard(|| panic!("a defect")), ParapolicyStatus::Panic);
    assert!(last_error().starts_with("a panic was caught"));
    let handle = Handle::new();
    // SAFETY: the handle lives.
    let panicked = guard(|| unsafe { &*handle.0 }.enter(|_| -> Result<(), Failure> { panic!("in the middle") }));
    assert_eq!(panicked, ParapolicyStatus::Panic);
    assert_eq!(handle.command(0).0, ParapolicyStatus::Ok, "the handle goes on");
}

#[test]
fn every_thread_has_its_own_last_error() {
    // SAFETY: null is refused.
    let refused = || unsafe { parapolicy_controller_stop(ptr::null_mut(), 0) };
    assert_eq!(refused(), ParapolicyStatus::Null);
    assert_eq!(last_error(), "`controller` is null");
    assert_eq!(std::thread::spawn(last_error).join().unwrap(), "");
}

#[test]
fn words_that_are_too_long_are_cut_between_characters() {
    let mut text = Text::<8>::new();
    text.write_error(&std::io::Error::other("éééééé"));
    let written: Vec<u8> = text.chars().iter().map(|byte| *byte as u8).collect();
    assert_eq!(written, "ééé\0\0".as_bytes());
}
