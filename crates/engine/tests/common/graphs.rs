//! The graphs of the tests, and `PyTorch`'s predictions.
#![allow(dead_code, reason = "each test takes what it needs")]
#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::path::{Path, PathBuf};

use ndarray::{ArrayD, IxDyn};
use parapolicy_engine::{Engine, Graph, Names};
use parapolicy_npz::Npz;

pub const NAMES: Names<'_> =
    Names { sample: "sample", timestep: "timestep", observation: "observation", prediction: "prediction" };

pub const GRAPHS: [&str; 16] = [
    "plain", "fast", "traced", "deep", "flat", "bias", "slices", "reshaped", "centred", "tokens", "encoded", "causal",
    "turned", "placed", "both", "last",
];

/// Inputs and `PyTorch`'s prediction, one plan and one observation a row.
pub struct Expected {
    pub samples: Vec<f32>,
    pub timesteps: Vec<f32>,
    pub observations: Vec<f32>,
    pub prediction: Vec<f32>,
}

pub fn data(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(file)
}

pub fn bytes(graph: &str) -> Vec<u8> {
    std::fs::read(data(&format!("{graph}.onnx"))).unwrap()
}

pub fn engine(graph: &str) -> Engine {
    Engine::new(Graph::read(bytes(graph)).unwrap(), &NAMES).unwrap()
}

pub fn expected(graph: &str) -> Expected {
    let mut file = Npz::open(&data("expected.npz")).unwrap();
    let mut array = |key: &str| -> Vec<f64> {
        let array: ArrayD<f64> = file.numbers::<IxDyn>(&format!("{graph}_{key}")).unwrap();
        array.into_iter().collect()
    };
    let floats = |numbers: Vec<f64>| numbers.into_iter().map(|number| number as f32).collect();
    Expected {
        samples: floats(array("sample")),
        timesteps: floats(array("timestep")),
        observations: floats(array("observation")),
        prediction: floats(array("prediction")),
    }
}

/// The norm of the difference, relative to the expected norm.
pub fn deviation(found: &[f32], expected: &[f32]) -> f64 {
    let norm = |numbers: &mut dyn Iterator<Item = f64>| numbers.map(|x| x * x).sum::<f64>().sqrt();
    let differences = found.iter().zip(expected).map(|(a, b)| f64::from(*a) - f64::from(*b));
    norm(&mut { differences }) / norm(&mut expected.iter().map(|&x| f64::from(x)))
}
