//! From a graph to a [`Network`].
//!
//! The graph is interpreted once, node by node, on what is *known* of each tensor instead of on numbers ([`value`]): that it
//! is a constant, a function of the timestep or the observation, a stage of the network in some shape, or an intermediate
//! result between two stages: heads, their scores, part of an activation function. The numbers of a row keep their order
//! whatever their shape, so reshaping changes nothing but the shape. The different forms in which exporters write one
//! normalisation, activation function or modulation therefore become the same few stages ([`stage`]). These are then fused
//! to steps ([`assemble`]).

mod arithmetic;
mod assemble;
mod attention;
mod attributes;
mod buffers;
mod convolution;
mod encoder;
mod features;
mod group_norm;
mod integers;
mod linear;
mod modulation;
mod reader;
mod shape;
mod slicing;
mod stage;
mod tokens;
mod turning;
mod unary;
mod value;

use parapolicy_onnx::Graph;

pub(crate) use self::encoder::recognise_encoder;
use self::reader::Reader;
use crate::{EngineError, network::Network};

/// The names of a graph's inputs and of its output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Names<'a> {
    /// Noisy plans, `[batch, horizon, action_dim]`.
    pub sample: &'a str,
    /// Their timesteps, `[batch]`.
    pub timestep: &'a str,
    /// Observations, `[batch, …]`.
    pub observation: &'a str,
    /// Predictions, in the shape of the plans.
    pub prediction: &'a str,
}

/// The network that a graph describes.
///
/// # Errors
/// The first node that belongs neither to a conditional 1-D U-Net nor to a transformer.
pub(crate) fn recognise(graph: &Graph, names: &Names<'_>) -> Result<Network, EngineError> {
    let mut reader = Reader::new(graph, names)?;
    for node in graph.nodes() {
        reader.read(node)?;
    }
    let (stages, prediction, features) = reader.finish(names.prediction)?;
    assemble::network(stages, prediction, features)
}
