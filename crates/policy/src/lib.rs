//! Loads a diffusion policy exported to ONNX, checks it against its manifest, and runs it on a backend.
//!
//! A policy is a directory with a graph and a [`Manifest`] (`policy.json`) with what the graph does not contain:
//! observations and actions, their units and normalisation, and the scheduler used in training. [`Inference`] says
//! where the graph is run, and opens the [`Provider`] that does: the engine of this project, or another [`Backend`].
//! [`Network`] holds them together, and a network with an observation bound is a
//! [`Denoiser`](parapolicy_sampler::Denoiser) that the samplers draw actions from. [`adopt`] makes a policy's directory
//! of a graph of any origin, as far as the graph tells.
//!
//! Raw quantities (pixels, radians) are f64, normalised ones f32.
//!
//! # Example
//!
//! ```
//! use ndarray::Array2;
//! use parapolicy_policy::{Inference, Network};
//! use parapolicy_sampler::{Noise, Sampler, Solver, Strategy, Table};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/pusht");
//! let mut network = Network::load(directory.as_ref(), &Inference::default().open(&())?)?;
//! let dim = network.manifest().sample_dim();
//! let table = Table::new(&network.manifest().scheduler, Solver::Ddim { eta: 0.0 }, 10)?;
//! let mut sampler = Sampler::new(table, Strategy::sequential(), dim)?;
//!
//! let observation = Array2::from_elem((2, 20), 256.0); // [n_obs_steps, observation_dim], in pixels
//! let origin = network.origin(observation.view())?;
//! let sample = sampler.sample(&mut network.bind(observation.view())?, &Noise::draw(0, 10, dim))?.sample().to_owned();
//! assert_eq!(network.actions(sample.view(), &origin).dim(), (16, 2)); // [horizon, action_dim], in pixels
//! # Ok(())
//! # }
//! ```
//!
//! # A backend of your own
//!
//! Implement [`Backend`] and the three traits that it leads to, and put it on the list: [`Backends::with`].
//! `examples/outside_backend.rs` is one in a file.

mod adopt;
mod backend;
mod bound;
mod cache;
mod committed;
mod denoiser;
mod encoder;
mod graph;
mod hash;
mod history;
mod inference;
mod inpainted;
mod inspect;
mod kind;
mod layout;
mod manifest;
mod named;
mod native;
mod network;
mod normalization;
mod observation;
mod opened;
mod origin;
mod precision;
mod provider;
mod seen;
mod signature;
mod within;

pub use adopt::{AdoptError, Adoption, Blank, RoleNames, adopt};
pub use backend::{
    Backend, BackendError, BackendName, Backends, Batch, DuplicateBackend, InstallObserver, InstallStage, OpenBackend,
    OpenDenoiser, OpenEncoder,
};
pub use bound::{BoundDenoiser, BoundPlans, PredictError};
pub use cache::cache_directory;
pub use committed::{Committed, CommittedError};
pub use denoiser::{ConditionConfig, DENOISER_MANIFEST_FILE, DenoiserManifest, DenoiserNetwork, SampleConfig};
pub use graph::{Accepted, GraphError, GraphFile, GraphTensors, TimestepType};
pub use hash::{sha256, sha256_of};
pub use history::ObservationHistory;
pub use inference::{Endpoints, Idle, Inference, InferenceError};
pub use inspect::{
    DenoiserInspection, GraphDescription, Inspection, LibraryDescription, TensorDescription, inspect, inspect_denoiser,
};
pub use kind::Kind;
pub use layout::{ImageAxes, Layout, LayoutError};
pub use manifest::{
    DenoiserGraph, EncoderGraph, Entry, MANIFEST_FILE, Manifest, ManifestError, RelativeTo, SCHEMA_VERSION, Task,
    TaskError,
};
pub use named::{EntryError, Pixels};
pub use native::{NATIVE, work_of};
pub use network::{Network, PolicyError};
pub use normalization::Normalization;
pub use origin::Origin;
pub use precision::{Precision, UnknownPrecision};
pub use provider::Provider;
pub use seen::Seen;
pub use signature::{Condition, ConditionKind, Signature};
pub use within::{Within, WithinError};
