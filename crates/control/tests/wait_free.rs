//! Commands while plans arrive as fast as they can, and others read the controller's health: nothing is allocated, and the
//! control thread never blocks.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ndarray::{Array2, ArrayView1, aview1};
use parapolicy_control::check::PlanCheck;
use parapolicy_control::controller::{Continuity, Controller, ControllerConfig, Deadline, Fade, Replan};
use parapolicy_control::entries::Entries;
use parapolicy_control::playback::{Between, Blend, Interpolation, Late, Limits, MotionLimits, PlaybackConfig};
use parapolicy_control::{BoxError, Plan, Policy};

const PERIOD: Duration = Duration::from_millis(10);
const BATCHES: u32 = 2_000;
const BATCH: u32 = 100;
/// Plans that must have arrived among the commands, however long a busy machine takes to run the worker.
const PLANS: u64 = 10;

/// Plans at once.
struct Eager;

impl Policy for Eager {
    fn reset(&mut self, _seed: u64) {}

    fn observe(&mut self, _observation: ArrayView1<'_, f64>) -> Result<(), BoxError> {
        Ok(())
    }

    fn plan(&mut self) -> Result<Plan, BoxError> {
        Ok(Plan { actions: Array2::ones((16, 2)), intended: 8, ..Plan::default() })
    }
}

fn config() -> ControllerConfig {
    let playback = PlaybackConfig {
        period: PERIOD,
        blend: Blend::Ensemble { decay: 0.1 },
        late: Late::Decelerate { within: 5 * PERIOD },
        limits: Limits { min: vec![-1.0; 2], max: vec![1.0; 2], max_change: Vec::new() },
        max_age: 50 * PERIOD,
        initial: vec![0.0; 2],
        safe: None,
        between: Between {
            interpolation: Interpolation::Cubic,
            parts: Vec::new(),
            motion: Some(MotionLimits {
                cycle: PERIOD / 10,
                velocity: vec![1.0; 2],
                acceleration: vec![10.0; 2],
                jerk: vec![100.0; 2],
            }),
        },
    };
    ControllerConfig {
        playback,
        replan: Replan::Always,
        continuity: Continuity::inpaint(Fade::Exponential),
        deadline: Deadline::Own,
        check: PlanCheck::default(),
        n_obs_steps: 2,
        observation_dim: 1,
        entries: Entries::default(),
        horizon: 16,
        watchdog: Duration::from_hours(1),
    }
}

/// How often this thread has gone to sleep of its own accord: in a lock that another one held, say.
#[cfg(target_os = "linux")]
fn voluntary_switches() -> u64 {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    line.unwrap().trim().parse().unwrap()
}

#[cfg(not(target_os = "linux"))]
fn voluntary_switches() -> u64 {
    0
}

#[test]
fn commands_neither_allocate_nor_block() {
    let mut controller = Controller::start(config(), || Ok(Box::new(Eager) as Box<dyn Policy>)).unwrap();
    let (monitor, stop) = (controller.monitor(), Arc::new(AtomicBool::new(false)));
    let (reader, stopped) = (monitor.clone(), Arc::clone(&stop));
    let reads = std::thread::spawn(move || {
        while !stopped.load(Ordering::Relaxed) {
            std::hint::black_box(reader.health());
            // A thread that spins takes the core that the worker needs.
            std::thread::sleep(Duration::from_micros(10));
        }
    });
    let (mut slept, mut allocated, mut moved) = (0, 0, 0);
    let start = Instant::now();
    let mut batches = 0;
    while batches < BATCHES || moved == 0 || monitor.health().plans < PLANS {
        assert!(start.elapsed() < Duration::from_mins(10), "too few plans: {:?}", monitor.health());
        controller.observe(aview1(&[f64::from(batches)]), start.elapsed()).unwrap();
        let before = voluntary_switches();
        let counted = allocation_counter::measure(|| {
            for _ in 0..BATCH {
                moved += u32::from(controller.command(start.elapsed()).action[0] > 0.0);
            }
        });
        slept += voluntary_switches() - before;
        allocated += counted.count_total;
        batches += 1;
    }
    stop.store(true, Ordering::Relaxed);
    reads.join().unwrap();
    assert_eq!((slept, allocated), (0, 0));
}

/// The test above would notice.
#[cfg(target_os = "linux")]
#[test]
fn a_thread_that_waits_is_found_out() {
    let before = voluntary_switches();
    std::thread::sleep(Duration::from_millis(1));
    assert!(voluntary_switches() > before);
}
