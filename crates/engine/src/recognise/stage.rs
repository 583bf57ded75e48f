//! A network as a graph of a few kinds of stages, before they are fused.

use crate::{
    EngineError,
    network::{Convolution, GroupNorm, Nonlinearity},
};

use super::value::{Piece, Scores};

/// A tensor of `[channels, positions]` for each row, and how it is computed from earlier ones.
#[derive(Clone, Debug)]
pub struct Stage {
    pub positions: usize,
    pub channels: usize,
    pub kind: Kind,
    /// Operator and name of the node that it stands for.
    pub node: (String, String),
}

/// How a stage is computed; indices are those of earlier stages.
#[derive(Clone, Debug)]
pub enum Kind {
    Sample,
    /// Functions of the timestep and the observation, one token after the other.
    ConditioningTokens(Vec<Piece>),
    Convolution(usize, Convolution),
    /// Another bias for each channel of a convolution.
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

/// Scale and bias of each channel, if there are any.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Modulation {
    pub scale: Option<Vec<Piece>>,
    pub bias: Option<Vec<Piece>>,
}

impl Stage {
    /// The error for a stage that no step can be made of.
    pub fn refused(&self, problem: &str) -> EngineError {
        let (operator, node) = self.node.clone();
        EngineError::Refused { operator, node, problem: problem.into() }
    }
}
