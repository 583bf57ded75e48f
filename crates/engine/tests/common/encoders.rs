//! The encoders of the tests, and ONNX Runtime's features.
#![allow(dead_code, reason = "each test takes what it needs")]
#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::path::{Path, PathBuf};

use ndarray::{ArrayD, IxDyn};
use parapolicy_engine::{Encoder, EncoderNames, Graph, Precision, kernel::Kernel};
use parapolicy_npz::Npz;

pub const NAMES: EncoderNames<'_> = EncoderNames { observation: "observation", features: "features" };

pub const ENCODERS: [&str; 6] = ["grouped", "shared", "deep", "plain", "sizes", "rigid"];

fn data(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/encoders").join(file)
}

pub fn bytes(encoder: &str) -> Vec<u8> {
    std::fs::read(data(&format!("{encoder}.onnx"))).unwrap()
}

pub fn encoder(encoder: &str) -> Encoder {
    Encoder::new(Graph::read(bytes(encoder)).unwrap(), &NAMES, Kernel::fastest(Precision::F32), 2).unwrap()
}

/// Frames, and ONNX Runtime's features of them.
pub fn expected(encoder: &str) -> (Vec<f32>, Vec<f32>) {
    let mut file = Npz::open(&data("expected.npz")).unwrap();
    let mut array = |key: &str| -> Vec<f32> {
        let array: ArrayD<f64> = file.numbers::<IxDyn>(&format!("{encoder}_{key}")).unwrap();
        array.into_iter().map(|number| number as f32).collect()
    };
    (array("observation"), array("features"))
}
