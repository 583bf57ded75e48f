//! The network as a graph of a few kinds of stages, before they are fused.

use crate::network::{Convolution, GroupNorm};

use super::value::Piece;

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
    Convolution(usize, Convolution),
    Norm(usize, GroupNorm),
    Mish(usize),
    Film(usize, Modulation),
    Sum(usize, usize),
    Concat(Vec<usize>),
}

/// Scale and bias of each channel, where there are any.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Modulation {
    pub scale: Option<Vec<Piece>>,
    pub bias: Option<Vec<Piece>>,
}
