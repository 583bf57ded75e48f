//! What modulates the layers: functions of the timestep, and functions of the observation.
//!
//! Diffusion Policy's modulations are `W·mish(concat(step(t), o)) + b`. Mish works number by number and the product is a
//! sum over the concatenation, so that each is `W_t·mish(step(t)) + (W_o·mish(o) + b)`: of the two terms one is known for
//! each timestep of a sampler before it starts, the other from when an observation is bound.

use std::sync::Arc;

use crate::mish::mish;

/// A batch row's modulations: those of its timestep and those of its observation, added up.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// Of the timestep, one number.
    pub timestep: Features,
    /// Of the observation, flattened.
    pub observation: Features,
}

/// Steps of a computation, each on what earlier ones have found, and what of it goes where.
#[derive(Clone, Debug, PartialEq)]
pub struct Features {
    /// The first is [`Feature::Input`].
    pub steps: Vec<Feature>,
    /// Found numbers, and the index of the first modulation that each adds to.
    pub parts: Vec<(Slice, usize)>,
}

/// Some of the numbers that a step has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slice {
    /// Which step.
    pub step: usize,
    /// The first of its numbers.
    pub start: usize,
    /// How many.
    pub len: usize,
}

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub enum Feature {
    /// What is given, of this length.
    Input(usize),
    /// Each number times its factor; a single number times each of them.
    Scaled(Slice, Vec<f32>),
    /// Each number and its own bias added up.
    Shifted(Slice, Vec<f32>),
    /// Sines.
    Sine(Slice),
    /// Cosines.
    Cosine(Slice),
    /// Mish of each.
    Mish(Slice),
    /// A product of the slices, one after the other, with a matrix `[input, output]`; and a bias. Of no slices it is a
    /// constant.
    Linear(Vec<Slice>, Arc<[f32]>, Arc<[f32]>),
}

impl Features {
    /// Only the input, of `len` numbers.
    pub(crate) fn new(len: usize) -> Self {
        Self { steps: vec![Feature::Input(len)], parts: vec![] }
    }

    /// Length of the input.
    pub fn inputs(&self) -> usize {
        match self.steps.first() {
            Some(&Feature::Input(len)) => len,
            _ => 0,
        }
    }

    /// Adds the modulations of `input` to `films`.
    pub(crate) fn add_to(&self, input: &[f32], films: &mut [f32]) {
        let mut found: Vec<Vec<f32>> = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            let numbers = step.evaluate(input, &found);
            found.push(numbers);
        }
        for &(slice, start) in &self.parts {
            for (film, &number) in films[start..].iter_mut().zip(slice.of(&found)) {
                *film += number;
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
