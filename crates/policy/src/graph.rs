//! Graphs: verified by checksum, opened by a backend, and checked against the manifest.

mod check;
mod error;
mod file;
mod independence;
mod shared;

use std::path::Path;

use parapolicy_onnx::TensorInfo;

pub(crate) use self::file::LARGEST_GRAPH;
use self::shared::Shared;
pub use self::{
    check::{Accepted, TimestepType},
    error::GraphError,
    file::GraphFile,
};
use crate::{EncoderGraph, Manifest, OpenDenoiser, Provider, Signature};

/// The inputs and the outputs of a graph, as they are.
#[derive(Clone, Debug)]
pub struct GraphTensors {
    /// The inputs.
    pub inputs: Vec<TensorInfo>,
    /// The outputs.
    pub outputs: Vec<TensorInfo>,
}

/// The denoiser in the directory `dir`, on every device of the provider.
pub(crate) fn open(
    dir: &Path,
    signature: &Signature,
    provider: &Provider,
) -> Result<Box<dyn OpenDenoiser>, GraphError> {
    let file = GraphFile::of_sum(dir.join(&signature.graph.file), &signature.graph.sha256);
    let open = |&device| provider.backend().denoiser(&file, signature, device);
    let mut graphs = provider.devices().iter().map(open).collect::<Result<Vec<_>, _>>()?;
    // The others are the same graph.
    if let Some(graph) = graphs.first_mut() {
        independence::check(file.path(), graph.as_mut(), signature, provider.precision())?;
    }
    match graphs.len() {
        1 => Ok(graphs.remove(0)),
        _ => Ok(Box::new(Shared::new(graphs))),
    }
}

impl GraphTensors {
    /// Checks the denoiser's graph against the manifest, and returns the choices that the manifest leaves to the graph.
    ///
    /// # Errors
    /// The mismatch between manifest and denoiser, in words.
    pub fn denoiser(&self, signature: &Signature) -> Result<Accepted, String> {
        check::denoiser(self, signature)
    }

    /// Checks the encoder's graph against the manifest.
    ///
    /// # Errors
    /// The mismatch between manifest and encoder, in words.
    pub fn encoder(&self, manifest: &Manifest, encoder: &EncoderGraph) -> Result<(), String> {
        check::encoder(self, manifest, encoder)
    }

    /// Names that the inputs have for the size of a batch; none if one of them has no name for it.
    pub fn batch_names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.inputs.iter().filter_map(TensorInfo::batch_name).collect();
        names.sort_unstable();
        names.dedup();
        if names.contains(&"") { Vec::new() } else { names }
    }
}
