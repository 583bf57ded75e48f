//! Parapolicy in a program of your own: `cargo run --release -p parapolicy --example embed`.

use parapolicy::ndarray::Array1;
use parapolicy::{BoxError, DiffusionPolicy, Policy as _, Recipe};

fn main() -> Result<(), BoxError> {
    let (network, sampler) = Recipe::default().load("models/pusht".as_ref())?; // picard, 100 steps of DDPM
    let mut policy = DiffusionPolicy::new(network, sampler);

    policy.observe(Array1::from_elem(20, 256.0).view())?; // nine keypoints and the agent, in pixels
    let plan = policy.plan()?;
    println!("{:.1}\n{} rounds, {:?}", plan.actions, plan.rounds, plan.latency);
    Ok(())
}
