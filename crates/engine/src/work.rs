//! What a network takes: multiply-adds and bytes.

use std::{collections::HashSet, iter::Sum, ops::Add, sync::Arc};

use crate::{
    EngineError, Graph, Names,
    network::{Activation, Feature, Features, Layer, Network, Step},
    recognise::recognise,
};

/// What a batch, or a part of the network for it, cannot do without. Normalisation and activations are no products.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Multiply-adds.
    pub products: usize,
    /// Bytes of weights, which are read once a batch.
    pub weights: usize,
    /// Bytes that steps read of earlier ones, and that they write.
    pub activations: usize,
}

impl Work {
    /// Floating-point operations: a multiply-add is two.
    pub fn flop(&self) -> usize {
        2 * self.products
    }

    /// All of them.
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

/// What a batch takes, in the two parts that a graph has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartsWork {
    /// Of what follows from timesteps and observations alone.
    pub condition: Work,
    /// Of the rest.
    pub layers: Work,
}

impl Graph {
    /// What a batch of `rows` takes as the graph has it, in numbers of so many `bytes`: convolutions by plain sums, and for
    /// each row what follows from its timestep and its observation too. The engine makes do with less ([`Engine::work`]).
    ///
    /// [`Engine::work`]: crate::Engine::work
    ///
    /// # Errors
    /// A graph that is no conditional 1-D U-Net or transformer: the first node that belongs to neither.
    pub fn work(&self, names: &Names<'_>, bytes: usize, rows: usize) -> Result<PartsWork, EngineError> {
        let Network { layers, condition } = recognise(self, names)?;
        let of_batch = |work: Work| Work {
            products: rows * work.products,
            weights: bytes * work.weights,
            activations: rows * bytes * work.activations,
        };
        let condition = [&condition.timestep, &condition.observation].map(features).into_iter().sum();
        let layers = layers.steps.iter().map(step).sum();
        Ok(PartsWork { condition: of_batch(condition), layers: of_batch(layers) })
    }
}

/// Of one row, in numbers in place of bytes.
fn step(step: &Step) -> Work {
    match step {
        Step::Layer(layer) => self::layer(layer),
        Step::Norm(_) => Work { activations: touched(step), ..Work::default() },
        Step::Attention(attention) => {
            let products = 2 * attention.query.positions * numbers(&attention.key);
            Work { products, weights: 0, activations: touched(step) }
        }
    }
}

fn touched(step: &Step) -> usize {
    step.reads().iter().chain([&step.output()]).map(numbers).sum()
}

fn numbers(of: &Activation) -> usize {
    of.positions * of.channels
}

/// The same. Taps that meet zeros beside the sequence count, as they do elsewhere.
fn layer(layer: &Layer) -> Work {
    let Layer { inputs, output, convolution, residual, .. } = layer;
    let met = if convolution.geometry.transposed { inputs.first() } else { Some(output) };
    Work {
        products: met.map_or(0, |met| met.positions) * convolution.weights.len(),
        weights: convolution.weights.len() + convolution.bias.len(),
        activations: inputs.iter().chain([output]).chain(residual).map(numbers).sum(),
    }
}

/// The same of what modulates the layers.
fn features(features: &Features) -> Work {
    // Tokens may share a matrix.
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
