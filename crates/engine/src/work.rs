//! The work of a network: multiply-adds and bytes.

use std::{collections::HashSet, iter::Sum, ops::Add, sync::Arc};

use crate::{
    EngineError, Graph, Names,
    network::{Activation, Feature, Features, Layer, Network, Step},
    recognise::recognise,
};

/// The work of a batch, or of some layers for it. Normalisation and activation functions are not counted as products.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Multiply-adds.
    pub products: usize,
    /// Bytes of weights, which are read once for a batch.
    pub weights: usize,
    /// Bytes of activations that steps read and write.
    pub activations: usize,
}

impl Work {
    /// Floating-point operations: a multiply-add is two.
    pub fn flop(&self) -> usize {
        2 * self.products
    }

    /// All bytes.
    pub fn bytes(&self) -> usize {
        self.weights + self.activations
    }
}

impl Add for Work {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            products: self.products + other.products,
            weights: self.weights + other.weights,
            activations: self.activations + other.activations,
        }
    }
}

impl Sum for Work {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Self::add)
    }
}

/// The work of a batch, divided as a graph is into conditioning and denoising.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkByStage {
    /// What depends on timesteps and observations alone.
    pub condition: Work,
    /// The rest.
    pub layers: Work,
}

impl WorkByStage {
    /// The work of a batch of `rows` as the graph states it, in numbers of so many `bytes`: convolutions by plain sums, and
    /// conditioning anew for each row. The engine does less ([`Engine::work`](crate::Engine::work)).
    ///
    /// # Errors
    /// A graph that is neither a conditional 1-D U-Net nor a transformer: the error names the first node that belongs to
    /// neither.
    pub fn of(graph: &Graph, names: &Names<'_>, bytes: usize, rows: usize) -> Result<Self, EngineError> {
        let Network { layers, condition } = recognise(graph, names)?;
        let of_batch = |work: Work| Work {
            products: rows * work.products,
            weights: bytes * work.weights,
            activations: rows * bytes * work.activations,
        };
        let condition = [&condition.timestep, &condition.observation].map(features).into_iter().sum();
        let layers = layers.steps.iter().map(step).sum();
        Ok(Self { condition: of_batch(condition), layers: of_batch(layers) })
    }
}

/// The work of a step for one row, in numbers instead of bytes.
fn step(step: &Step) -> Work {
    match step {
        Step::Layer(layer) => self::layer(layer),
        Step::Norm(_) | Step::Largest(_) | Step::Repeat(_) => {
            Work { activations: read_and_written(step), ..Work::default() }
        }
        Step::Attention(attention) => {
            let products = 2 * attention.query.positions * numbers(&attention.key);
            Work { products, weights: 0, activations: read_and_written(step) }
        }
    }
}

fn read_and_written(step: &Step) -> usize {
    step.reads().iter().chain([&step.output()]).map(numbers).sum()
}

fn numbers(of: &Activation) -> usize {
    of.positions * of.channels
}

/// The work of a layer. Taps that read the padding count, as is usual.
fn layer(layer: &Layer) -> Work {
    let Layer { inputs, output, convolution, residual, .. } = layer;
    let applied_at = if convolution.geometry.transposed { inputs.first() } else { Some(output) };
    Work {
        products: applied_at.map_or(0, |activation| activation.positions) * convolution.weights.len(),
        weights: convolution.weights.len() + convolution.bias.len(),
        activations: inputs.iter().chain([output]).chain(residual).map(numbers).sum(),
    }
}

/// The work of conditioning.
fn features(features: &Features) -> Work {
    // Tokens may share a matrix, which is read once.
    let mut known = HashSet::new();
    let linear = features.steps.iter().filter_map(|step| match step {
        Feature::Linear(_, weights, bias) => {
            let numbers = if known.insert(Arc::as_ptr(weights)) { weights.len() + bias.len() } else { 0 };
            Some(Work { products: weights.len(), weights: numbers, activations: 0 })
        }
        _ => None,
    });
    linear.sum()
}
