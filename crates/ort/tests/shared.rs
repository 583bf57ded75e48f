//! Sessions of ONNX Runtime share the rows of every batch, and what comes of it is what one of them says.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

#[path = "../../policy/tests/common/sessions.rs"]
mod sessions;

use parapolicy_ort::{CPU, OPENVINO};
use parapolicy_policy::Inference;
use parapolicy_sampler::{Noise, Sampler, Solver, Strategy, Table, WindowConfig};
use sessions::{assert_close, assert_predictions_are_those_of_one, network, observation};

fn on_one_thread() -> Inference {
    Inference { provider: CPU, threads: 1, ..Inference::default() }
}

#[test]
fn predictions_are_those_of_one() {
    assert_predictions_are_those_of_one(&on_one_thread());
}

#[test]
fn a_plan_of_two_sessions_is_the_plan_of_one() {
    let [mut alone, mut shared] = [1, 2].map(|sessions| network(&on_one_thread(), sessions));
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
    for provider in [CPU, OPENVINO] {
        let inference = Inference { provider, devices: vec![0, 1], ..Inference::default() };
        let expected =
            format!("devices: the provider {provider} has no device 1: the processor is its only one, number 0");
        assert_eq!(inference.open(&()).unwrap_err().to_string(), expected);
    }
}
