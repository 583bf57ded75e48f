//! A control loop at 10 Hz that never waits for its policy: PushT in real time, for five seconds.
//!
//! `cargo run --release -p parapolicy-control --example controller`

use std::time::{Duration, Instant};

use ndarray::Array1;
use parapolicy_control::controller::{Controller, ControllerConfig, Replan};
use parapolicy_control::playback::{Blend, Late, Limits, PlaybackConfig};
use parapolicy_control::{BoxError, DiffusionPolicy, Environment as _, Policy as _, PushT};
use parapolicy_policy::{Inference, Manifest, Policy};
use parapolicy_pusht::Scenario;
use parapolicy_sampler::{Sampler, Solver, Strategy, Table, WindowConfig};

const PERIOD: Duration = Duration::from_millis(100);
const MODEL: &str = "models/pusht";

/// What the worker does before its first plan.
fn make() -> Result<Box<dyn parapolicy_control::Policy>, BoxError> {
    let provider = Inference { threads: 1, ..Inference::default() }.open(&())?;
    let network = Policy::load(MODEL.as_ref(), &provider)?;
    let table = Table::new(&network.manifest().scheduler, Solver::Ddpm, 100)?;
    let sampler = Sampler::new(table, Strategy::picard(WindowConfig::default()), network.manifest().sample_dim())?;
    let mut policy = DiffusionPolicy::new(network, sampler);
    policy.reset(0);
    Ok(Box::new(policy))
}

fn main() -> Result<(), BoxError> {
    let manifest = Manifest::load(MODEL.as_ref())?;
    let mut world = PushT::new(Scenario::load("sims/nominal.toml".as_ref())?, &manifest)?;
    world.reset(100_000)?;
    let agent = world.task().world().state().agent;
    let playback = PlaybackConfig {
        period: PERIOD,
        blend: Blend::Switch,
        late: Late::Decelerate { within: 3 * PERIOD },
        limits: Limits { min: vec![0.0; 2], max: vec![512.0; 2], max_change: vec![100.0; 2] },
        max_age: 20 * PERIOD,
        initial: vec![agent.x, agent.y],
        safe: None,
    };
    let config = ControllerConfig::of(&manifest, playback, Replan::Every(4));
    let mut controller = Controller::start(config, make)?;

    let started = Instant::now();
    let mut observation = Array1::zeros(manifest.observation_dim());
    for tick in 0..50 {
        std::thread::sleep((tick * PERIOD).saturating_sub(started.elapsed()));
        let now = started.elapsed();
        world.observe(observation.view_mut())?;
        controller.observe(observation.view(), now)?;
        let command = controller.command(now);
        println!("{:5.2} s  {:?}  {:.1}  {:?}", now.as_secs_f64(), command.source, command.action, command.withheld);
        world.step(command.action)?;
        controller.events().for_each(|event| eprintln!("{event}"));
    }
    println!("{:#?}", controller.monitor().health());
    Ok(())
}
