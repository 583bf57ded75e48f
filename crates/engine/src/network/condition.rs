//! What conditions the layers: functions of the timestep, and functions of the observation.
//!
//! Diffusion Policy's FiLM parameters are `W·mish(concat(step(t), o)) + b`. Mish is applied to each number, and the product
//! is a sum over the concatenation, so they are `W_t·mish(step(t)) + (W_o·mish(o) + b)`. The first term is known for each
//! timestep of a sampler before it starts, the second as soon as an observation is bound.

use std::sync::Arc;

use super::mish_scalar::mish;

/// How a batch row's FiLM parameters and conditioning tokens are computed: a function of its timestep plus a function of its
/// observation.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// The function of the timestep, one number.
    pub timestep: Features,
    /// The function of the observation, flattened.
    pub observation: Features,
}

/// A small computation: its steps, and where its results go.
#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    /// Each reads results of earlier ones. The first is [`Feature::Input`].
    pub steps: Vec<Feature>,
    /// Results, each with the index in a row of [`film_channels`](super::Layers::film_channels) numbers at which it is added.
    pub outputs: Vec<(Slice, usize)>,
}

/// Some of the numbers that a step has computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Which step.
    pub step: usize,
    /// The first of its numbers.
    pub start: usize,
    /// How many.
    pub len: usize,
}

/// One step of [`Features`].
#[derive(Clone, Debug, PartialEq)]
pub enum Feature {
    /// The input, of this length.
    Input(usize),
    /// Each number times its factor; a single number times each of them.
    Scaled(Slice, Vec<f32>),
    /// Each number plus its own bias.
    Shifted(Slice, Vec<f32>),
    /// Sines.
    Sine(Slice),
    /// Cosines.
    Cosine(Slice),
    /// Mish of each.
    Mish(Slice),
    /// The logistic function of each, `1 / (1 + e^-x)`.
    Sigmoid(Slice),
    /// Hyperbolic tangents.
    Tanh(Slice),
    /// The error function of each.
    Erf(Slice),
    /// Each number times the other slice's at its place.
    Product(Slice, Slice),
    /// The product of the concatenated slices with a matrix `[input, output]`, plus a bias. Without slices it is a constant.
    Linear(Vec<Slice>, Arc<[f32]>, Arc<[f32]>),
}

impl Features {
    /// Only the input, of `len` numbers.
    pub(crate) fn new(len: usize) -> Self {
        Self { steps: vec![Feature::Input(len)], outputs: vec![] }
    }

    /// Length of the input.
    pub fn inputs(&self) -> usize {
        match self.steps.first() {
            Some(&Feature::Input(len)) => len,
            _ => 0,
        }
    }

    /// Adds the results for `input` to `row`.
    pub(crate) fn add_to(&self, input: &[f32], row: &mut [f32]) {
        let mut found: Vec<Vec<f32>> = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            let numbers = step.evaluate(input, &found);
            found.push(numbers);
        }
        for &(slice, start) in &self.outputs {
            for (sum, &number) in row[start..].iter_mut().zip(slice.of(&found)) {
                *sum += number;
            }
        }
    }
}

impl Slice {
    fn of(self, found: &[Vec<f32>]) -> &[f32] {
        &found[self.step][self.start..self.start + self.len]
    }
}

impl Feature {
    fn evaluate(&self, input: &[f32], found: &[Vec<f32>]) -> Vec<f32> {
        let each = |of: &Slice, function: fn(f32) -> f32| of.of(found).iter().map(|&x| function(x)).collect();
        match self {
            Self::Input(_) => input.to_vec(),
            Self::Scaled(of, by) => by.iter().zip(of.of(found).iter().cycle()).map(|(by, x)| by * x).collect(),
            Self::Shifted(of, by) => by.iter().zip(of.of(found)).map(|(by, x)| by + x).collect(),
            Self::Sine(of) => each(of, f32::sin),
            Self::Cosine(of) => each(of, f32::cos),
            Self::Mish(of) => each(of, mish),
            Self::Sigmoid(of) => each(of, |x| 1.0 / (1.0 + (-x).exp())),
            Self::Tanh(of) => each(of, f32::tanh),
            Self::Erf(of) => each(of, libm::erff),
            Self::Product(a, b) => a.of(found).iter().zip(b.of(found)).map(|(a, b)| a * b).collect(),
            Self::Linear(of, weights, bias) => {
                let inputs = of.iter().flat_map(|slice| slice.of(found));
                let mut outputs = bias.to_vec();
                for (x, weights) in inputs.zip(weights.chunks_exact(bias.len().max(1))) {
                    for (output, weight) in outputs.iter_mut().zip(weights) {
                        *output += x * weight;
                    }
                }
                outputs
            }
        }
    }
}
