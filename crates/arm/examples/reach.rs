//! A robot of one's own, with an observation of its own, in a loop of one's own: a two-link arm reaches for points, at
//! 20 Hz on the wall clock.
//!
//! `cargo run --release -p parapolicy-arm --example reach -- [EPISODES] [FIRST_SEED]`

use std::time::{Duration, Instant};

use ndarray::{Array1, array};
use parapolicy_arm::{Arm, PERIOD, SPEED};
use parapolicy_control::controller::{Controller, ControllerConfig, Replan};
use parapolicy_control::playback::{Between, Blend, Late, Limits, PlaybackConfig};
use parapolicy_control::{BoxError, DiffusionPolicy, Environment as _, Policy};
use parapolicy_policy::{Inference, Manifest, Network};
use parapolicy_sampler::{Sampler, Solver, Strategy, Table, WindowConfig};

const MODEL: &str = "models/arm";

/// What the worker does before its first plan.
fn make() -> Result<Box<dyn Policy>, BoxError> {
    let network = Network::load(MODEL.as_ref(), &Inference { threads: 1, ..Inference::default() }.open(&())?)?;
    let table = Table::new(&network.manifest().scheduler, Solver::Ddpm, 100)?;
    let sampler = Sampler::new(table, Strategy::picard(WindowConfig::default()), network.manifest().sample_dim())?;
    Ok(Box::new(DiffusionPolicy::new(network, sampler)))
}

fn config(manifest: &Manifest) -> ControllerConfig {
    let playback = PlaybackConfig {
        period: Duration::from_secs_f64(PERIOD),
        blend: Blend::Switch,
        // Actions are velocities: when the plans run out, the arm stands still, as fast as the limits let it.
        late: Late::Hold,
        limits: Limits { min: vec![-SPEED; 2], max: vec![SPEED; 2], max_change: vec![1.0; 2] },
        max_age: Duration::from_secs(1),
        initial: vec![0.0; 2],
        safe: Some(vec![0.0; 2]),
        between: Between::default(),
    };
    ControllerConfig::of(manifest, playback, Replan::Every(4))
}

/// Runs one episode to its end; returns whether the target was reached.
fn reach(controller: &mut Controller, arm: &mut Arm, seed: u64) -> Result<bool, BoxError> {
    let (period, mut observation) = (Duration::from_secs_f64(PERIOD), Array1::zeros(arm.observation_dim()));
    arm.reset(seed)?;
    controller.reset(seed);
    controller.rest_at(array![0.0, 0.0].view())?;
    let (started, mut withheld) = (Instant::now(), 0);
    for tick in 0.. {
        // Deadlines are absolute, so what one sleep is too long is not added to the next.
        std::thread::sleep((tick * period).saturating_sub(started.elapsed()));
        let now = started.elapsed();
        arm.observe(observation.view_mut())?;
        controller.observe(observation.view(), now)?;
        let command = controller.command(now);
        withheld += usize::from(command.withheld.is_some());
        let outcome = arm.step(command.action)?;
        controller.events().for_each(|event| eprintln!("{:5.2} s  {event}", now.as_secs_f64()));
        if outcome.over {
            let (seconds, distance) = (now.as_secs_f64(), 1000.0 * arm.distance());
            let end = if outcome.success { "reached" } else { "missed" };
            println!("seed {seed}: {end} after {seconds:.2} s, {distance:.0} mm away; {withheld} commands held back");
            return Ok(outcome.success);
        }
    }
    Ok(false)
}

fn main() -> Result<(), BoxError> {
    let mut arguments = std::env::args().skip(1);
    let mut argument = |default: u64| arguments.next().map_or(Ok(default), |text| text.parse());
    let (episodes, first) = (argument(10)?, argument(0)?);
    let mut controller = Controller::start(config(&Manifest::load(MODEL.as_ref())?), make)?;
    let mut arm = Arm::default();
    let mut reached = 0;
    for seed in first..first + episodes {
        reached += u64::from(reach(&mut controller, &mut arm, seed)?);
    }
    println!("{reached} of {episodes} targets reached");
    println!("{:#?}", controller.monitor().health());
    Ok(())
}
