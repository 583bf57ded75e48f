//! Makes programs whose kernel has been checked against plain loops.
//!
//! Not every processor and system that claims to have instructions runs them correctly, and a wrong plan looks like any
//! other plan.

use super::Kernel;
use super::dispatch_table::DispatchTable;
use super::portable;
use super::program::Program;
use crate::network::{Activation, Convolution, Geometry, GroupNorm, Layer, Layers, Nonlinearity, Step, Weights};
use crate::{EngineError, Threads};

/// The relative error that bf16 may have; anything wrong has a far larger one.
const TOLERANCE: f32 = 0.03;

const BATCH: usize = 5;
const POSITIONS: usize = 8;
const CHANNELS: [usize; 2] = [40, 48];

impl Program {
    /// Prepares `layers` for `kernel`, after checking the kernel, and starts all `threads` but the calling one.
    ///
    /// # Errors
    /// The processor does not have the kernel or computes something wrong with it; or the system has no more threads or
    /// cannot pin them.
    pub fn new(layers: Layers, kernel: Kernel, threads: impl Into<Threads>) -> Result<Self, EngineError> {
        let table = kernel.dispatch_table().ok_or(EngineError::Kernel(kernel))?;
        if !verify(table)? {
            return Err(EngineError::Wrong(kernel));
        }
        Self::unverified(layers, table, threads)
    }
}

/// Whether a small layer, whose rows and channels fill no register, has the same result as by plain loops.
pub(super) fn verify(table: &'static DispatchTable) -> Result<bool, EngineError> {
    let [expected, found] = [evaluate(portable::f32())?, evaluate(table)?];
    let norm = |numbers: &mut dyn Iterator<Item = f32>| numbers.map(|x| x * x).sum::<f32>().sqrt();
    let difference = norm(&mut expected.iter().zip(&found).map(|(a, b)| a - b));
    Ok(difference <= TOLERANCE * norm(&mut expected.iter().copied()))
}

fn evaluate(table: &'static DispatchTable) -> Result<Vec<f32>, EngineError> {
    let mut program = Program::unverified(layers(), table, 1)?;
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
    let weights = Weights::new(numbers(geometry.taps * inputs * outputs), [inputs, outputs]);
    let convolution = Convolution { geometry, inputs, outputs, weights, bias: vec![0.1; outputs] };
    let norm = GroupNorm { groups: 3, epsilon: 1e-5, scale: vec![1.0; outputs], bias: vec![0.0; outputs] };
    let layer = Layer {
        inputs: vec![sample],
        output: prediction,
        window: None,
        convolution,
        norm: Some(norm),
        nonlinearity: Some(Nonlinearity::Mish),
        film: None,
        residual: None,
        rectified: false,
    };
    let (buffers, conditioning_tokens) = (vec![], vec![]);
    Layers { buffers, sample, conditioning_tokens, prediction, steps: vec![Step::Layer(layer)], film_channels: 0 }
}

/// Numbers in `-1..1` without a pattern (multiples of the golden ratio).
fn numbers(len: usize) -> Vec<f32> {
    (0..len).map(|i| (i as f64 * 0.618_033_988_749_895).fract() as f32 * 2.0 - 1.0).collect()
}
