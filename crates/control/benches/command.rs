//! How long the control thread is held by `Controller::command` while the shipped network samples plans, one after the
//! other, on all cores; with a cubic between actions, and a trajectory generator that keeps limits on the motion.
//!
//! `cargo bench -p parapolicy-control --bench command -- [CALLS] [PAUSE_US] [PRIORITY]`: by default a million calls, 20 µs apart
//! (and as much longer as the system's timer takes), as from a control thread that sleeps in between; `60000 1000` is a minute
//! at 1 kHz. With a pause of 0 the calls follow each other without one, so that the thread is preempted as any other that
//! computes all the time. With a priority the control thread asks for `SCHED_FIFO`, as a robot's does.

#![allow(clippy::expect_used, reason = "a benchmark has nobody to return an error to")]

use std::path::Path;
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use ndarray::Array1;
use parapolicy_control::clock::RealtimeSupport;
use parapolicy_control::controller::{Continuity, Controller, ControllerConfig, Fade, Replan};
use parapolicy_control::playback::{Between, Blend, Interpolation, Late, Limits, MotionLimits, PlaybackConfig};
use parapolicy_control::{BoxError, DiffusionPolicy, Policy};
use parapolicy_policy::{Inference, Manifest, Network};
use parapolicy_sampler::{Sampler, Solver, Strategy, Table, WindowConfig};

const PERIOD: Duration = Duration::from_millis(10);

fn model() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/pusht")
}

fn make() -> Result<Box<dyn Policy>, BoxError> {
    let network = Network::load(&model(), &Inference::default().open(&())?)?;
    let table = Table::new(&network.manifest().scheduler, Solver::Ddpm, 100)?;
    let sampler = Sampler::new(table, Strategy::picard(WindowConfig::default()), network.manifest().sample_dim())?;
    let mut policy = DiffusionPolicy::new(network, sampler);
    policy.reset(0);
    Ok(Box::new(policy))
}

fn config(manifest: &Manifest) -> ControllerConfig {
    let playback = PlaybackConfig {
        period: PERIOD,
        blend: Blend::Ensemble { decay: 0.1 },
        late: Late::Finish,
        limits: Limits { min: vec![0.0; 2], max: vec![512.0; 2], max_change: Vec::new() },
        max_age: 1000 * PERIOD,
        initial: vec![256.0; 2],
        safe: None,
        between: Between {
            interpolation: Interpolation::Cubic,
            parts: Vec::new(),
            motion: Some(MotionLimits {
                cycle: Duration::from_millis(1),
                velocity: vec![500.0; 2],
                acceleration: vec![5_000.0; 2],
                jerk: vec![100_000.0; 2],
            }),
        },
    };
    ControllerConfig {
        continuity: Continuity::inpaint(Fade::Exponential),
        ..ControllerConfig::of(manifest, playback, Replan::Always)
    }
}

fn main() {
    // Cargo hands `--bench` to every benchmark.
    let mut numbers = std::env::args().skip(1).filter_map(|argument| argument.parse::<u64>().ok());
    let (calls, pause) = (numbers.next().unwrap_or(1_000_000), Duration::from_micros(numbers.next().unwrap_or(20)));
    let manifest = Manifest::load(&model()).expect("a manifest");
    let observation = Array1::from_elem(manifest.observation_dim(), 256.0);
    let mut controller = Controller::start(config(&manifest), make).expect("a controller");
    // After the planner's threads are there, which keep theirs.
    let support = numbers.next().map(|priority| RealtimeSupport::obtain(priority.try_into().expect("from 1 to 99")));
    let monitor = controller.monitor();
    let mut lengths = Histogram::<u64>::new_with_bounds(1, 60_000_000_000, 3).expect("a histogram");
    let started = Instant::now();
    let (mut observed, mut planned) = (None, false);
    while lengths.len() < calls {
        let now = started.elapsed();
        if observed.is_none_or(|observed| now >= observed + PERIOD) {
            controller.observe(observation.view(), now).expect("an observation");
            observed = Some(now);
            // The first plan waits for the network to be loaded.
            planned = planned || monitor.health().plans > 0;
        }
        let begun = Instant::now();
        std::hint::black_box(controller.command(now));
        let length = begun.elapsed();
        if planned {
            lengths.saturating_record(length.as_nanos() as u64);
        }
        if !pause.is_zero() {
            std::thread::sleep(pause);
        }
    }
    let health = monitor.health();
    if let Some(RealtimeSupport { fifo, memory_locked, refused, .. }) = support {
        println!("SCHED_FIFO {fifo}, locked memory {memory_locked} {}", refused.join(", "));
    }
    println!("{} calls in {:.1} s, {} plans meanwhile", lengths.len(), started.elapsed().as_secs_f64(), health.plans);
    for (name, share) in [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)] {
        println!("{name:>6} {:10.2} µs", lengths.value_at_quantile(share) as f64 / 1000.0);
    }
}
