//! Runs the conditional 1-D U-Net and the transformer of Diffusion Policy (Chi et al. 2023, arXiv 2303.04137) straight from
//! their ONNX files.
//!
//! The graph is recognised as a [`network`]: a list of steps, most of them fused layers, each a convolution with its
//! normalisation, activation, modulation and residual, over a few buffers that are used again and again. Any other graph
//! is refused by naming the operator and the node that does not belong.

#[cfg(test)]
extern crate self as parapolicy_engine;

mod engine;
mod error;
mod films;
pub mod kernel;
pub mod limits;
mod mish;
pub mod network;
mod onnx;
mod precision;
mod recognise;
mod team;
mod work;

pub use engine::Engine;
pub use error::{EngineError, RunError};
pub use onnx::{Element, Graph, Outlet};
pub use precision::Precision;
pub use recognise::Names;
pub use team::Threads;
pub use work::{PartsWork, Work};
