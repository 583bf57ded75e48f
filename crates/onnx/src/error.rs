//! Why a file is not read.

/// Why a file is not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OnnxError {
    /// The bytes are not an ONNX model.
    #[error("is not a readable ONNX model ({0}): export it again")]
    NotOnnx(#[from] prost::DecodeError),
    /// The bytes are not a message of Protocol Buffers, or say something twice.
    #[error("is not a readable ONNX model (it is damaged): export it again")]
    Damaged,
    /// The model contains no graph.
    #[error("has no graph in it: export it again")]
    NoGraph,
    /// Graphs are nested in graphs without end.
    #[error("has graphs nested more than 100 deep: export it again")]
    TooDeep,
}
