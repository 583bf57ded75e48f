//! Actions that are relative to the newest observation, beside a model of a few lines.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

#[path = "common/relatives.rs"]
mod relatives;

use ndarray::{Array1, Array2, Axis, s};
use parapolicy_policy::{Network, PolicyError};
use proptest::collection::vec;
use proptest::prelude::*;
use relatives::{MASKS, network};

/// Executed from the newest observation on: the second.
const FIRST: usize = 1;

/// What a normalised plan `[16, 2]` stands for: by the ranges in the manifest and the newest observation, number by number.
fn absolute(network: &Network, mask: [Option<usize>; 2], sample: &[f32], observation: &Array2<f64>) -> Array2<f64> {
    let normalization = serde_json::to_value(&network.manifest().actions[0].normalization).unwrap();
    let bound = |name: &str, axis: usize| normalization[name][axis].as_f64().unwrap();
    Array2::from_shape_fn((16, 2), |(step, axis)| {
        let (low, high) = (bound("min", axis), bound("max", axis));
        let predicted = low + (f64::from(sample[2 * step + axis]) + 1.0) / 2.0 * (high - low);
        // The agent is the last two numbers of an observation of 20.
        predicted + mask[axis].map_or(0.0, |index| observation[[1, 18 + index]])
    })
}

fn largest(difference: &Array2<f64>) -> f64 {
    difference.iter().fold(0.0, |most, value| most.max(value.abs()))
}

/// Several plans, each for an observation of its own.
fn plans() -> impl Strategy<Value = Vec<(Array2<f64>, Vec<f32>)>> {
    let observation = vec(-600.0..600.0_f64, 40).prop_map(|raw| Array2::from_shape_vec((2, 20), raw).unwrap());
    vec((observation, vec(-1.5..1.5_f32, 32)), 1..4)
}

#[test]
fn actions_are_what_is_predicted_and_the_newest_observation() {
    for mask in MASKS {
        let (_folder, network) = network(mask);
        let network = std::cell::RefCell::new(network);
        proptest!(ProptestConfig::with_cases(64), |(plans in plans(), weight in 0.0..1.0_f64, steps in 1..20_usize)| {
            let mut network = network.borrow_mut();
            for (observation, sample) in &plans {
                let expected = absolute(&network, mask, sample, observation);
                let origin = network.origin(observation.view()).unwrap();
                let sample = Array1::from(sample.clone());
                let actions = network.actions(sample.view(), &origin);
                prop_assert!(largest(&(&actions - &expected)) < 1e-9);
                prop_assert_eq!(network.predicted_actions(sample.view(), &origin), actions);
                let back = network.normalized_actions(expected.view(), &origin);
                prop_assert!((&back - &sample).iter().all(|apart| apart.abs() < 1e-5));
                let seen = network.see(observation.view()).unwrap();
                prop_assert_eq!(seen.origin(), &origin);

                // Held to the actions of this plan from now on, another plan is held to the values of this one.
                let ahead = expected.slice(s![FIRST.., ..]);
                let rows = steps.min(ahead.nrows());
                let ahead = ahead.slice(s![..rows, ..]);
                let held = network.committed(ahead, Array1::from_elem(rows, weight).view(), &origin).unwrap();
                let known = s![2 * FIRST..2 * (FIRST + rows)];
                let apart = &held.values.slice(known) - &sample.slice(known);
                prop_assert!(apart.iter().all(|apart| apart.abs() < 1e-5));
                prop_assert!(held.weights.slice(known).iter().all(|value| *value == weight as f32));
                prop_assert_eq!(held.weights.iter().filter(|value| **value > 0.0).count(), if weight > 0.0 { 2 * rows } else { 0 });
            }
        });
    }
}

#[test]
fn an_origin_needs_the_observation_that_a_plan_is_drawn_from() {
    let (_folder, network) = network([Some(0), None]);
    let refused = |observation: &Array2<f64>| network.origin(observation.view()).unwrap_err();
    let mut observation = Array2::zeros((2, 20));
    assert_eq!(network.origin(observation.view()).unwrap().offsets().len(), 2);
    for shape in [(0, 20), (1, 20), (2, 19)] {
        let error = refused(&Array2::zeros(shape));
        assert!(matches!(error, PolicyError::ObservationShape { expected: [2, 20], .. }), "{error}");
    }
    // Nothing is relative to these.
    observation[[0, 18]] = f64::NAN;
    observation[[1, 19]] = f64::NAN;
    assert!(network.origin(observation.view()).unwrap().offsets().iter().all(|offset| *offset == 0.0));
    observation[[1, 18]] = f64::INFINITY;
    let error = refused(&observation);
    let PolicyError::ObservationValue { entry, index: 0, step: 1, .. } = &error else { panic!("{error}") };
    assert_eq!(entry, "agent");
}

#[test]
#[should_panic(expected = "length of the origin")]
fn an_origin_of_another_policy_is_a_bug_of_the_caller() {
    let (_folder, planar) = network([Some(0), None]);
    let arm = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/so101");
    let arm = Network::load(arm.as_ref(), planar.provider()).unwrap();
    let manifest = arm.manifest();
    let origin = arm.origin(Array2::zeros((manifest.n_obs_steps, manifest.observation_dim())).view()).unwrap();
    assert!(origin.offsets().len_of(Axis(0)) > 2);
    planar.actions(Array1::zeros(32).view(), &origin);
}
