//! What a network takes: multiply-adds and bytes.

use std::{iter::Sum, ops::Add};

use crate::{
    EngineError, Graph, Names, Precision,
    network::{Activation, Feature, Features, Layer, Network},
    recognise::recognise,
};

/// What a batch, or a part of the network for it, cannot do without. Normalisation and activations are no products.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// Multiply-adds.
    pub products: usize,
    /// Bytes of weights, which are read once a batch.
    pub weights: usize,
    /// Bytes that convolutions read of earlier ones, and that they write.
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

impl Graph {
    /// What a batch of `rows` takes as the graph has it, in numbers of `precision`: convolutions by plain sums, and for
    /// each row what depends on its timestep and its observation too. The engine makes do with less ([`Engine::work`]).
    ///
    /// [`Engine::work`]: crate::Engine::work
    ///
    /// # Errors
    /// A graph that is no conditional 1-D U-Net: the first node that does not belong to one.
    pub fn work(&self, names: &Names<'_>, precision: Precision, rows: usize) -> Result<Work, EngineError> {
        let Network { layers, condition } = recognise(self, names)?;
        let layers = layers.layers.iter().map(layer);
        let work: Work = layers.chain([&condition.timestep, &condition.observation].map(features)).sum();
        Ok(Work {
            products: rows * work.products,
            weights: precision.bytes() * work.weights,
            activations: rows * precision.bytes() * work.activations,
        })
    }
}

/// Of one row, in numbers in place of bytes. Taps that meet zeros beside the sequence count, as they do elsewhere.
fn layer(layer: &Layer) -> Work {
    let Layer { inputs, output, convolution, residual, .. } = layer;
    let met = if convolution.geometry.transposed { inputs.first() } else { Some(output) };
    let numbers = |of: &Activation| of.positions * of.channels;
    Work {
        products: met.map_or(0, |met| met.positions) * convolution.weights.len(),
        weights: convolution.weights.len() + convolution.bias.len(),
        activations: inputs.iter().chain([output]).chain(residual).map(numbers).sum(),
    }
}

/// The same of what modulates the layers.
fn features(features: &Features) -> Work {
    let linear = features.steps.iter().filter_map(|step| match step {
        Feature::Linear(_, weights, bias) => {
            Some(Work { products: weights.len(), weights: weights.len() + bias.len(), activations: 0 })
        }
        _ => None,
    });
    linear.sum()
}
