//! Observations for calibration and deviation measurements.

use std::array;

use ndarray::Array2;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use parapolicy_policy::Manifest;

/// `N` observations: of those that were `met`, spread over them, as the observations of one episode are alike; without
/// any, drawn ones.
pub(crate) fn trial_observations<const N: usize>(manifest: &Manifest, met: &[Array2<f64>]) -> [Array2<f64>; N] {
    if met.is_empty() { drawn(manifest) } else { array::from_fn(|index| met[index * met.len() / N].clone()) }
}

fn drawn<const N: usize>(manifest: &Manifest) -> [Array2<f64>; N] {
    let mut drawn = drawn_observations(manifest, N).into_iter();
    // As many as were asked for.
    array::from_fn(|_| drawn.next().unwrap_or_default())
}

/// `count` observations `[n_obs_steps, observation_dim]` in raw units, always the same: each number is drawn evenly
/// from the range of the training data, and the robot is at rest. Few of them are likely ones.
pub fn drawn_observations(manifest: &Manifest, count: usize) -> Vec<Array2<f64>> {
    let mut generator = ChaCha8Rng::seed_from_u64(0);
    let draw = |_| {
        let entries = manifest.observations.iter();
        let components = entries.flat_map(|entry| (0..entry.len()).map(|index| (&entry.normalization, index)));
        let row: Vec<f64> = components
            .map(|(normalization, index)| normalization.denormalize(index, generator.random_range(-1.0..=1.0)))
            .collect();
        Array2::from_shape_fn((manifest.n_obs_steps, row.len()), |(_, column)| row[column])
    };
    (0..count).map(draw).collect()
}
