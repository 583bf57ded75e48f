//! From a graph to a [`Network`].
//!
//! The graph is run once, node by node, on what is *known* of each tensor instead of on numbers ([`value`]): that it is a
//! constant, a function of the timestep or the observation, a stage of the network in some shape, or on the way between two
//! stages: heads, their scores, a part of a nonlinearity. Since the numbers of a row keep their order whatever their shape,
//! reshaping changes nothing but the shape, and the forms in which exporters write one normalisation, activation or
//! modulation come out as the same few stages ([`stage`]). These are then fused to steps ([`assemble`]).

mod arithmetic;
mod assemble;
mod attention;
mod buffers;
mod convolution;
mod integers;
mod linear;
mod modulation;
mod norm;
mod parts;
mod reader;
mod shape;
mod stage;
mod tokens;
mod unary;
mod value;

use self::reader::Reader;
use crate::{EngineError, network::Network, onnx::Graph};

/// What a graph's inputs and its output stand for, by their names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Names<'a> {
    /// Noisy plans, `[batch, horizon, action_dim]`.
    pub sample: &'a str,
    /// Their timesteps, `[batch]`.
    pub timestep: &'a str,
    /// What the robot sees, `[batch, …]`.
    pub observation: &'a str,
    /// What the network says of the plans, in their shape.
    pub prediction: &'a str,
}

/// The network that a graph is.
///
/// # Errors
/// The first node that is part of no conditional 1-D U-Net or transformer.
pub(crate) fn recognise(graph: &Graph, names: &Names<'_>) -> Result<Network, EngineError> {
    let mut reader = Reader::new(graph, names)?;
    for node in &graph.message.nodes {
        reader.read(node)?;
    }
    let (stages, prediction, features) = reader.finish(names.prediction)?;
    assemble::network(stages, prediction, features)
}
