//! Servers of the Open Inference Protocol as a backend: the network runs elsewhere, and the window of a plan goes over the
//! wire once a round.
//!
//! The protocol is version 2 of `KServe`'s (`predict/v2` in <https://github.com/kserve/open-inference-protocol>), spoken by Triton,
//! `KServe`, `OpenVINO` Model Server and Ray Serve; tensors are binary where the server has Triton's extension for it
//! (`protocol/extension_binary_data.md` in <https://github.com/triton-inference-server/server>), else JSON.
//!
//! The folder of the policy still has its graph: the manifest is checked against it, and what the server says of its inputs
//! and its output against the manifest. Whether the server runs this very graph cannot be asked of it.
//!
//! # Example
//! ```no_run
//! use parapolicy_policy::{Backends, Endpoints, Inference, Network};
//! use parapolicy_remote::REMOTE;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let urls = vec!["http://10.0.0.7:8000/v2/models/pusht".to_owned()];
//! let endpoints = Endpoints { urls, ..Endpoints::default() };
//! let provider = Inference { provider: REMOTE, endpoints, ..Inference::default() }.open(&())?;
//! let network = Network::load("models/pusht".as_ref(), &provider)?;
//! # Ok(())
//! # }
//! ```

mod backend;
mod denoiser;
mod endpoint;
mod error;
mod metadata;
mod wire;

pub use backend::{REMOTE, Remote};
pub use error::RemoteError;
