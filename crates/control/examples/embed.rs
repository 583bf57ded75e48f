//! Parapolicy in a program of your own: `cargo run --release -p parapolicy-control --example embed`.

use ndarray::Array1;
use parapolicy_control::{BoxError, DiffusionPolicy, Policy as _};
use parapolicy_policy::{Inference, Network};
use parapolicy_sampler::{Sampler, Solver, Strategy, Table, WindowConfig};

fn main() -> Result<(), BoxError> {
    let mut network = Network::load("models/pusht".as_ref(), &Inference::default().open(&())?)?;
    let table = Table::new(&network.manifest().scheduler, Solver::Ddpm, 100)?;
    let mut sampler = Sampler::new(table, Strategy::picard(WindowConfig::default()), network.manifest().sample_dim())?;
    let mut policy = DiffusionPolicy::new(&mut network, &mut sampler);

    policy.observe(Array1::from_elem(20, 256.0).view())?; // nine keypoints and the agent, in pixels
    let plan = policy.plan()?;
    println!("{:.1}\n{} rounds, {:?}", plan.actions, plan.rounds, plan.latency);
    Ok(())
}
