//! Reads ONNX files: what a graph takes and returns, its nodes and constants, and its partition in two.
//!
//! | type | use |
//! |---|---|
//! | [`Graph`] | a graph, decoded: inputs, outputs, nodes, constants |
//! | [`TensorInfo`] | name, element type and shape of an input or an output, whoever opened the graph |
//! | [`external_tensor`] | the first tensor of a model whose numbers are in another file |
//! | [`left_out`] | the first input of a model that is left out where ONNX Runtime reads it all the same |
//! | [`Partition`] | a denoiser divided into what depends on the timestep, what depends on the observation, and the rest |
//! | [`message`] | the Protocol Buffers messages of `onnx.proto3` that all of this is decoded from |
//!
//! Nothing here runs a graph. Input files are not trusted: no memory is allocated because of a size that a file merely
//! states, and every damaged file is an [`OnnxError`].
//!
//! # Example
//! ```
//! use parapolicy_onnx::{DenoiserNames, Graph, Partition};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let file = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../engine/tests/data/plain.onnx"))?;
//! let graph = Graph::read(file.clone())?;
//! assert_eq!(graph.inputs[0].to_string(), "`sample` Tensor<f32>(batch, 8, 2)");
//! assert_eq!(graph.inputs[0].batch_name(), Some("batch"));
//!
//! // What depends on the timestep alone, and on the observation alone, becomes graphs of their own.
//! let names = DenoiserNames {
//!     sample: "sample",
//!     timestep: "timestep",
//!     observation: Some(("observation", &[2, 5])),
//!     prediction: "prediction",
//! };
//! let partition = Partition::new(file, &names, "batch").ok_or("cannot be divided")?;
//! let of_timestep = Graph::read(partition.of_timestep().ok_or("no timestep")?.to_vec())?;
//! assert!(of_timestep.inputs.iter().all(|input| input.name == "timestep"));
//! # Ok(())
//! # }
//! ```

mod constant;
mod error;
mod external;
mod floats;
mod graph;
mod left;
mod left_out;
pub mod message;
mod node;
mod opset;
mod partition;
mod skim;
mod tensor_info;

pub use constant::{Constant, ConstantError, Numbers};
pub use error::OnnxError;
pub use external::external_tensor;
pub use floats::Floats;
pub use graph::{Graph, ReadError};
pub use left::LeftIn;
pub use left_out::{LeftOut, left_out};
pub use opset::{LAST_IR_VERSION, OPSETS};
pub use partition::{BoundaryValue, DenoiserNames, Partition};
/// Bytes that are shared, not copied: a file's, say.
pub use prost::bytes::Bytes;
pub use tensor_info::{Dimension, ElementType, TensorInfo, ValueKind};
