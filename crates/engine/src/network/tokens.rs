//! What transformers have beside layers: the positions of a sequence are tokens.

use super::{Activation, GroupNorm};

/// Tokens that depend on the timestep and the observation alone: `[position, channel]`, from the index `start` on of a
/// batch row's [`film_channels`](super::Layers::film_channels) numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Given {
    /// Where they are when the first step begins.
    pub activation: Activation,
    /// Index of the first channel of the first.
    pub start: usize,
}

/// Normalisation over the channels of each position (Ba et al. 2016, arXiv 1607.06450).
#[derive(Clone, Debug, PartialEq)]
pub struct LayerNorm {
    /// What is normalised.
    pub input: Activation,
    /// Of the same shape.
    pub output: Activation,
    /// Of one group, at each position by itself.
    pub norm: GroupNorm,
}

/// `softmax(query · keyᵀ * scale + mask) · value` for each head, which has as many of the channels as any other (Vaswani
/// et al. 2017, arXiv 1706.03762, equation 1).
#[derive(Clone, Debug, PartialEq)]
pub struct Attention {
    /// The positions that ask.
    pub query: Activation,
    /// Those that are asked; as many channels.
    pub key: Activation,
    /// What each of these answers, in the key's shape.
    pub value: Activation,
    /// In the query's shape.
    pub output: Activation,
    /// Into which the channels are cut.
    pub heads: usize,
    /// Of scores.
    pub scale: f32,
    /// `[query position, key position]`, added to scores: minus infinity where one does not hear the other.
    pub mask: Option<Vec<f32>>,
}
