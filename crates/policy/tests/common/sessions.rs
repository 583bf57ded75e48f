//! Sessions share the rows of every batch, and what comes of it is what one of them says.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::path::Path;

use ndarray::{Array2, ArrayView1};
use parapolicy_policy::{Inference, Network};
use parapolicy_sampler::{Denoiser, Noise};

/// The shipped policy, on so many sessions.
pub fn network(inference: &Inference, sessions: usize) -> Network {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/pusht");
    let inference = Inference { devices: vec![0; sessions], ..inference.clone() };
    Network::load(&model, &inference.open(&()).unwrap()).unwrap()
}

pub fn observation() -> Array2<f64> {
    Array2::from_shape_fn((2, 20), |(step, column)| (200 + 7 * column + step) as f64)
}

/// Of values of the order of 1; a batch of another size may be summed in another order.
pub fn assert_close(found: ArrayView1<'_, f32>, expected: ArrayView1<'_, f32>) {
    let difference = (&found - &expected).fold(0.0_f32, |most, value| most.max(value.abs()));
    assert!(difference < 1e-5, "differs by {difference}");
}

pub fn assert_predictions_are_those_of_one(inference: &Inference) {
    let [mut alone, mut shared] = [network(inference, 1), network(inference, 3)];
    let dim = alone.manifest().sample_dim();
    let observation = observation();
    let [mut alone, mut shared] = [&mut alone, &mut shared].map(|policy| policy.bind(observation.view()).unwrap());
    // Fewer than there are sessions, and more than they share evenly.
    for rows in [0, 1, 2, 4, 7, 16] {
        let samples = Noise::draw(rows as u64, rows, dim).steps().to_owned();
        let timesteps: Vec<f32> = (0..rows).map(|row| ((37 * row + 5) % 100) as f32).collect();
        let predict = |denoiser: &mut dyn Denoiser| {
            let mut prediction = Array2::from_elem(samples.dim(), f32::NAN);
            denoiser.predict(samples.view(), &timesteps, prediction.view_mut()).unwrap();
            prediction
        };
        let (found, expected) = (predict(&mut shared), predict(&mut alone));
        assert_close(found.flatten().view(), expected.flatten().view());
    }
}
