//! A kernel is held to plain loops before it runs anything: not all have met every processor and system that say they
//! have the instructions, and a wrong plan looks like any other.

use super::portable;
use super::program::Program;
use super::table::Table;
use crate::EngineError;
use crate::network::{Activation, Convolution, Geometry, GroupNorm, Layer, Layers, Nonlinearity, Step};

/// What bf16 may be off by, and far from what anything else would be.
const TOLERANCE: f32 = 0.03;

const BATCH: usize = 5;
const POSITIONS: usize = 8;
const CHANNELS: [usize; 2] = [40, 48];

/// Whether a small layer, whose rows and channels fill no register, comes out as by plain loops.
pub(super) fn verify(table: &'static Table) -> Result<bool, EngineError> {
    let [expected, found] = [evaluate(portable::f32())?, evaluate(table)?];
    let norm = |numbers: &mut dyn Iterator<Item = f32>| numbers.map(|x| x * x).sum::<f32>().sqrt();
    let off = norm(&mut expected.iter().zip(&found).map(|(a, b)| a - b));
    Ok(off <= TOLERANCE * norm(&mut expected.iter().copied()))
}

fn evaluate(table: &'static Table) -> Result<Vec<f32>, EngineError> {
    let mut program = Program::packed(&layers(), table, 1)?;
    program.load(BATCH, |sample, _| sample.copy_from_slice(&numbers(sample.len())));
    let mut prediction = vec![0.0; BATCH * POSITIONS * CHANNELS[1]];
    program.run(&mut prediction);
    Ok(prediction)
}

/// A convolution of three taps, normalised and activated.
fn layers() -> Layers {
    let [inputs, outputs] = CHANNELS;
    let activation = |buffer, channels| Activation { buffer, positions: POSITIONS, channels };
    let (sample, prediction) = (activation(0, inputs), activation(1, outputs));
    let geometry = Geometry { taps: 3, stride: 1, padding: 1, transposed: false };
    let weights = numbers(geometry.taps * inputs * outputs);
    let convolution = Convolution { geometry, inputs, outputs, weights, bias: vec![0.1; outputs] };
    let norm = GroupNorm { groups: 3, epsilon: 1e-5, scale: vec![1.0; outputs], bias: vec![0.0; outputs] };
    let layer = Layer {
        inputs: vec![sample],
        output: prediction,
        convolution,
        norm: Some(norm),
        nonlinearity: Some(Nonlinearity::Mish),
        film: None,
        residual: None,
    };
    Layers { buffers: vec![], sample, given: vec![], prediction, steps: vec![Step::Layer(layer)], film_channels: 0 }
}

/// Numbers in `-1..1` that follow no pattern (multiples of the golden ratio).
fn numbers(len: usize) -> Vec<f32> {
    (0..len).map(|i| (i as f64 * 0.618_033_988_749_895).fract() as f32 * 2.0 - 1.0).collect()
}
