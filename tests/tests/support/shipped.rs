//! The shipped policy, and what it may see.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]
#![allow(dead_code, reason = "each test takes what it needs")]

use std::path::{Path, PathBuf};

use ndarray::Array2;
use parapolicy_ort::CPU;
use parapolicy_policy::{BackendName, Inference, Network};
use parapolicy_pusht::{ResetDistribution, ResetOrder, World};
use parapolicy_sampler::{Denoiser as _, Noise};

/// Two successive observations, `[2, 20]` in px, of an episode in which the agent goes for places around the block.
pub fn observation(seed: u64) -> Array2<f64> {
    let mut world = World::new();
    world.set_state(&ResetOrder::Legacy.apply(ResetDistribution::DiffusionPolicy.draw(seed))).unwrap();
    let control_steps = 1 + (seed as usize * 7) % 60;
    let aims = Noise::draw(seed, control_steps, 2);
    let mut before = world.state();
    for step in 0..control_steps {
        let aim = aims.steps().row(step / 10 * 10).mapv(|value| 60.0 * f64::from(value));
        let block = world.state().block.position;
        before = world.state();
        world.step([(block.x + aim[0]).clamp(10.0, 500.0), (block.y + aim[1]).clamp(10.0, 500.0)]).unwrap();
    }
    let seen = [before.keypoints(), world.state().keypoints()].concat();
    Array2::from_shape_vec((2, 20), seen).unwrap()
}

/// Its folder.
pub fn shipped() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/pusht")
}

pub fn policy() -> Network {
    policy_by(CPU)
}

pub fn policy_by(provider: BackendName) -> Network {
    load(&shipped(), &Inference { provider, ..Inference::default() })
}

pub fn load(folder: &Path, inference: &Inference) -> Network {
    Network::load(folder, &inference.open(&()).unwrap()).unwrap()
}

/// Noise as samples, and timesteps from all over the schedule.
pub fn batch(rows: usize, dim: usize) -> (Array2<f32>, Vec<f32>) {
    let samples = Noise::draw(rows as u64, rows, dim).steps().to_owned();
    (samples, (0..rows).map(|row| ((37 * row + 5) % 100) as f32).collect())
}

pub fn predict(policy: &mut Network, rows: usize) -> Array2<f32> {
    let (samples, timesteps) = batch(rows, policy.manifest().sample_dim());
    let mut prediction = Array2::zeros(samples.dim());
    let mut bound = policy.bind(observation(rows as u64).view()).unwrap();
    bound.predict(samples.view(), &timesteps, prediction.view_mut()).unwrap();
    prediction
}

/// The norm of the difference over the norm of what is expected.
pub fn deviation(found: &Array2<f32>, expected: &Array2<f32>) -> f32 {
    let norm = |x: Array2<f32>| x.mapv(|x| x * x).sum().sqrt();
    norm(found - expected) / norm(expected.clone())
}
