//! Parameters of a normalisation, in whole registers.

use super::finish::Norm;
use super::layout::ROW_MULTIPLE;
use crate::network::GroupNorm;

/// Parameters of a normalisation, in whole registers.
pub(super) struct PackedNorm {
    pub group: usize,
    epsilon: f32,
    scale: Vec<f32>,
    bias: Vec<f32>,
}

impl PackedNorm {
    pub fn new(norm: &GroupNorm, channels: usize) -> Self {
        let GroupNorm { groups, epsilon, ref scale, ref bias } = *norm;
        Self { group: channels / groups, epsilon, scale: padded(scale), bias: padded(bias) }
    }

    /// The parameters of `channels` channels, from the channel `first` on.
    pub fn of(&self, first: usize, channels: usize) -> Norm<'_> {
        let Self { group, epsilon, .. } = *self;
        Norm { group, channels, epsilon, scale: &self.scale[first..], bias: &self.bias[first..] }
    }
}

/// Numbers, with zeros up to the end of the last register.
pub(super) fn padded(numbers: &[f32]) -> Vec<f32> {
    let mut numbers = numbers.to_vec();
    numbers.resize(numbers.len().next_multiple_of(ROW_MULTIPLE), 0.0);
    numbers
}
