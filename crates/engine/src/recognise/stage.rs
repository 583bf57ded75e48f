//! The network as a graph of a few kinds of stages, before they are fused.

use crate::network::{Convolution, GroupNorm, Nonlinearity};

use super::value::{Piece, Scores};

/// A tensor of `[channels, positions]` a row, and how it comes about from earlier ones.
#[derive(Clone, Debug)]
pub struct Stage {
    pub positions: usize,
    pub channels: usize,
    pub kind: Kind,
    /// Operator and name of the node that it was made for.
    pub node: (String, String),
}

/// How a stage comes about; indices are those of earlier stages.
#[derive(Clone, Debug)]
pub enum Kind {
    Sample,
    /// Functions of the timestep and the observation, a token after the other.
    Given(Vec<Piece>),
    Convolution(usize, Convolution),
    /// A bias more for each channel of a convolution.
    Shift(usize, Vec<f32>),
    Norm(usize, GroupNorm),
    LayerNorm(usize, GroupNorm),
    Nonlinearity(usize, Nonlinearity),
    Film(usize, Modulation),
    Sum(usize, usize),
    Concat(Vec<usize>),
    /// Values, weighted by scores.
    Attention(Scores, usize),
}

/// Scale and bias of each channel, where there are any.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Modulation {
    pub scale: Option<Vec<Piece>>,
    pub bias: Option<Vec<Piece>>,
}
