//! Sessions share the rows of every batch, and what comes of it is what one of them says.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::path::Path;

use ndarray::{Array2, ArrayView1};
use parapolicy_policy::{Inference, Policy, ProviderName};
use parapolicy_sampler::{Denoiser, Noise, Sampler, Solver, Strategy, Table, WindowConfig};

/// On so many sessions.
fn policy(provider: ProviderName, sessions: usize) -> Policy {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/pusht");
    let inference = Inference { provider, threads: 1, devices: vec![0; sessions], ..Inference::default() };
    Policy::load(&model, &inference.open(&()).unwrap()).unwrap()
}

fn observation() -> Array2<f64> {
    Array2::from_shape_fn((2, 20), |(step, column)| (200 + 7 * column + step) as f64)
}

/// Of values of the order of 1; a batch of another size may be summed in another order.
fn assert_close(found: ArrayView1<'_, f32>, expected: ArrayView1<'_, f32>) {
    let difference = (&found - &expected).fold(0.0_f32, |most, value| most.max(value.abs()));
    assert!(difference < 1e-5, "differs by {difference}");
}

#[test]
fn predictions_are_those_of_one() {
    for provider in [ProviderName::Cpu, ProviderName::Native] {
        let [mut alone, mut shared] = [policy(provider, 1), policy(provider, 3)];
        let dim = alone.manifest().sample_dim();
        let observation = observation();
        let [mut alone, mut shared] = [&mut alone, &mut shared].map(|policy| policy.bind(observation.view()).unwrap());
        // Fewer than there are sessions, and more than they share evenly.
        for rows in [0, 1, 2, 4, 7, 16] {
            let samples = Noise::draw(rows as u64, rows, dim).steps().to_owned();
            let timesteps: Vec<i64> = (0..rows as i64).map(|row| (37 * row + 5) % 100).collect();
            let predict = |denoiser: &mut dyn Denoiser| {
                let mut prediction = Array2::from_elem(samples.dim(), f32::NAN);
                denoiser.predict(samples.view(), &timesteps, prediction.view_mut()).unwrap();
                prediction
            };
            let (found, expected) = (predict(&mut shared), predict(&mut alone));
            assert_close(found.flatten().view(), expected.flatten().view());
        }
    }
}

#[test]
fn a_plan_of_two_sessions_is_the_plan_of_one() {
    let [mut alone, mut shared] = [policy(ProviderName::Cpu, 1), policy(ProviderName::Cpu, 2)];
    let dim = alone.manifest().sample_dim();
    let table = Table::new(&alone.manifest().scheduler, Solver::Ddpm, 20).unwrap();
    let picard = Strategy::picard(WindowConfig { window: 7, tolerance: 0.1 });
    let mut sampler = Sampler::new(table, picard, dim).unwrap();
    let (observation, noise) = (observation(), Noise::draw(3, 20, dim));
    let expected = sampler.sample(&mut alone.bind(observation.view()).unwrap(), &noise).unwrap().sample().to_owned();
    let mut shared = shared.bind(observation.view()).unwrap();
    assert_close(sampler.sample(&mut shared, &noise).unwrap().sample(), expected.view());
}

#[test]
fn devices_that_are_not_there_are_named() {
    for provider in [ProviderName::Native, ProviderName::Cpu, ProviderName::OpenVino] {
        let inference = Inference { provider, devices: vec![0, 1], ..Inference::default() };
        let expected =
            format!("devices: the provider {provider} has no device 1: the processor is its only one, number 0");
        assert_eq!(inference.open(&()).unwrap_err().to_string(), expected);
    }
}
