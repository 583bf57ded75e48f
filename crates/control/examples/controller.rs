//! A control loop at 10 Hz that never waits for its policy, for five seconds: a Diffusion Policy of `PushT`, and an agent
//! that goes where it is told. The block is made up, and stays where it is; `crates/arm` has a world that is simulated.
//!
//! `cargo run --release -p parapolicy-control --example controller`

use std::time::{Duration, Instant};

use ndarray::{Array1, s};
use parapolicy_control::controller::{Controller, ControllerConfig, Replan};
use parapolicy_control::playback::{Between, Blend, Late, Limits, PlaybackConfig};
use parapolicy_control::{BoxError, DiffusionPolicy, Policy};
use parapolicy_policy::{Inference, Manifest, Network};
use parapolicy_sampler::{Sampler, Solver, Strategy, Table, WindowConfig};

const PERIOD: Duration = Duration::from_millis(100);
const MODEL: &str = "models/pusht";

/// Where the agent begins, in pixels.
const BEGINNING: [f64; 2] = [256.0, 400.0];

/// What the worker does before its first plan.
fn make() -> Result<Box<dyn Policy>, BoxError> {
    let provider = Inference { threads: 1, ..Inference::default() }.open(&())?;
    let network = Network::load(MODEL.as_ref(), &provider)?;
    let table = Table::new(&network.manifest().scheduler, Solver::Ddpm, 100)?;
    let sampler = Sampler::new(table, Strategy::picard(WindowConfig::default()), network.manifest().sample_dim())?;
    let mut policy = DiffusionPolicy::new(network, sampler);
    policy.reset(0);
    Ok(Box::new(policy))
}

fn main() -> Result<(), BoxError> {
    let manifest = Manifest::load(MODEL.as_ref())?;
    let playback = PlaybackConfig {
        period: PERIOD,
        blend: Blend::Switch,
        late: Late::Decelerate { within: 3 * PERIOD },
        limits: Limits { min: vec![0.0; 2], max: vec![512.0; 2], max_change: vec![100.0; 2] },
        max_age: 20 * PERIOD,
        initial: BEGINNING.to_vec(),
        safe: None,
        between: Between::default(),
    };
    let config = ControllerConfig::of(&manifest, playback, Replan::Every(4));
    let mut controller = Controller::start(config, make)?;

    let started = Instant::now();
    // Nine keypoints of the block, and the agent.
    let mut observation = Array1::from_elem(manifest.observation_dim(), 256.0);
    let mut agent = Array1::from_iter(BEGINNING);
    for tick in 0..50 {
        std::thread::sleep((tick * PERIOD).saturating_sub(started.elapsed()));
        let now = started.elapsed();
        observation.slice_mut(s![18..]).assign(&agent);
        controller.observe(observation.view(), now)?;
        let command = controller.command(now);
        println!("{:5.2} s  {:?}  {:.1}  {:?}", now.as_secs_f64(), command.source, command.action, command.withheld);
        agent.assign(&command.action); // to the robot
        controller.events().for_each(|event| eprintln!("{event}"));
    }
    println!("{:#?}", controller.monitor().health());
    Ok(())
}
