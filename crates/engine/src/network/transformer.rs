//! Steps of transformers other than layers. The positions of a sequence are tokens.

use std::sync::Arc;

use super::{Activation, Film, GroupNorm};

/// Tokens that depend on the timestep and the observation alone, `[position, channel]`: they are among a batch row's
/// [`film_channels`](super::Layers::film_channels) numbers, from index `start` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConditioningTokens {
    /// Where they are copied before the first step.
    pub activation: Activation,
    /// Index of the first token's first channel.
    pub start: usize,
}

/// `film(normalise(input))`: normalisation over the channels of each position (Ba et al. 2016, arXiv 1607.06450), perhaps
/// modulated by the condition (adaLN, Peebles and Xie 2023, arXiv 2212.09748, section 3.2).
#[derive(Clone, Debug, PartialEq)]
pub struct LayerNorm {
    /// The activation that it reads.
    pub input: Activation,
    /// The activation that it writes, of the same shape.
    pub output: Activation,
    /// A normalisation with one group, applied to each position by itself.
    pub norm: GroupNorm,
    /// Scale and bias that depend on the timestep and the observation, the same at each position.
    pub film: Option<Film>,
}

/// `softmax(query · keyᵀ * scale + mask) · value` for each head (Vaswani et al. 2017, arXiv 1706.03762, equation 1). Heads
/// divide the channels evenly.
#[derive(Clone, Debug, PartialEq)]
pub struct Attention {
    /// The queries.
    pub query: Activation,
    /// The keys, with as many channels.
    pub key: Activation,
    /// The values, in the shape of the keys.
    pub value: Activation,
    /// The activation that it writes, in the shape of the queries.
    pub output: Activation,
    /// How many heads.
    pub heads: usize,
    /// The factor of the scores.
    pub scale: f32,
    /// `[query position, key position]`, added to the scores: minus infinity where a query must not attend to a key.
    pub mask: Option<Vec<f32>>,
    /// How positions turn the queries of each head, before they are multiplied.
    pub query_turn: Option<Arc<Turn>>,
    /// How positions turn the keys of each head.
    pub key_turn: Option<Arc<Turn>>,
}

/// Rotary positions (Su et al. 2021, arXiv 2104.09864, section 3.2): pairs of a head's channels, `half` apart, are turned by
/// an angle of the position and the channel, `cos · x + sin · [-x[half..], x[..half]]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    /// Cosines, `[position, channel of a head]`. Heads have an even number of channels.
    pub cosines: Vec<f32>,
    /// Sines, in the same shape.
    pub sines: Vec<f32>,
}
