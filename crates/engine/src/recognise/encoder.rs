//! From a graph to an encoder of frames.
//!
//! As for denoisers, the graph is interpreted once on what is known of each tensor ([`value`]). A step of an observation is a
//! frame, whichever row of the batch it is in: as long as no operator mixes steps or rows, what is computed of a frame depends on
//! that frame alone. What images become by convolutions is a network of pictures ([`picture`]), fused to layers ([`assemble`]);
//! all else are simple steps on views of earlier results.

mod assemble;
mod image;
mod numbers;
mod picture;
mod reader;
mod shape;
mod value;

use parapolicy_onnx::Graph;

use self::reader::Reader;
use crate::{
    EngineError,
    encoder::{EncoderNames, FrameNetwork},
};

/// The most numbers that a tensor of a frame may have.
const LARGEST_TENSOR: usize = 1 << 23;

/// The most numbers that all tensors of a frame may have together.
const LARGEST_FRAME: usize = 1 << 25;

/// The encoder that a graph describes.
///
/// # Errors
/// The first node that does something else to observations than an encoder does.
pub(crate) fn recognise_encoder(graph: &Graph, names: &EncoderNames<'_>) -> Result<FrameNetwork, EngineError> {
    let mut reader = Reader::new(graph, names)?;
    for node in graph.nodes() {
        reader.read(node)?;
    }
    reader.finish(names.features)
}
