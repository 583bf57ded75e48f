//! The shipped policy, and what it may see.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::path::{Path, PathBuf};

use ndarray::Array2;
use parapolicy_pusht::{ResetDistribution, ResetOrder, World};
use parapolicy_runner::{Inference, Policy, ProviderName};
use parapolicy_sampler::Noise;

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

pub fn policy() -> Policy {
    policy_by(ProviderName::Cpu)
}

pub fn policy_by(provider: ProviderName) -> Policy {
    let provider = Inference { provider, ..Inference::default() }.open(&()).unwrap();
    Policy::load(&shipped(), &provider).unwrap()
}
