//! Observations, coverage, resets and frames against gym-pusht's (`data/gym_reference.py`).

#![allow(clippy::unwrap_used, reason = "what fails in a helper fails the test")]

use std::fs::File;
use std::path::Path;

use ndarray::{Array, Array1, Array2, Array4, Dimension};
use ndarray_npy::{NpzReader, ReadableElement};
use parapolicy_pusht::{OBSERVATION_SIZE, Renderer, ResetDistribution, ResetOrder, State, coverage};

fn reference<T: ReadableElement, D: Dimension>(array: &str) -> Array<T, D> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/gym_reference.npz");
    NpzReader::new(File::open(path).unwrap()).unwrap().by_name(array).unwrap()
}

fn states() -> Vec<State> {
    let states: Array2<f64> = reference("state");
    states.rows().into_iter().map(|row| State::from_array(std::array::from_fn(|i| row[i]))).collect()
}

#[test]
fn coverage_is_shapelys() {
    let expected: Array1<f64> = reference("coverage");
    assert!(expected.iter().any(|&coverage| coverage > 0.5) && expected.iter().any(|&coverage| coverage < 0.1));
    for (state, expected) in states().iter().zip(expected) {
        let is = coverage(&state.block);
        assert!((is - expected).abs() < 1e-8, "{is} should be {expected} at {state:?}");
    }
}

#[test]
fn vertices_are_gym_pushts() {
    let expected: Array2<f64> = reference("vertices");
    for (state, expected) in states().iter().zip(expected.rows()) {
        for (is, should) in state.vertices().iter().zip(expected) {
            assert!((is - should).abs() < 1e-10, "{is} should be {should} at {state:?}");
        }
    }
}

#[test]
fn resets_are_gym_pushts() {
    let expected: Array2<f64> = reference("resets");
    for (seed, expected) in (7..).zip(expected.rows()) {
        let state = ResetOrder::Legacy.apply(ResetDistribution::GymPusht.draw(seed)).to_array();
        for (is, should) in state.iter().zip(expected) {
            assert!((is - should).abs() < 1e-10, "seed {seed}: {is} should be {should}");
        }
    }
}

/// Two rasterisers never agree on edges; on the whole the pictures must.
#[test]
fn frames_look_like_gym_pushts() {
    let expected: Array4<u8> = reference("frames");
    let mut renderer = Renderer::new(OBSERVATION_SIZE, OBSERVATION_SIZE).unwrap();
    for (state, expected) in states().iter().zip(expected.outer_iter()) {
        let frame = renderer.draw(state, &[]);
        let difference = frame.pixels().mapv(i32::from) - expected.mapv(i32::from);
        let mean = difference.mapv(|d| f64::from(d.abs())).mean().unwrap();
        assert!(mean < 2.0, "mean difference of {mean} grey levels at {state:?}");
    }
}
