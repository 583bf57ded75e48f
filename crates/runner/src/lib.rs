//! Runs diffusion policies exported to ONNX.
//!
//! A policy is a directory with a graph and a [`Manifest`] (`policy.json`) that says what the graph does not: what it
//! sees, what it plans, in which units, and the scheduler it was trained with. [`Inference`] says where the graph is
//! run, and opens the [`Provider`] that does: ONNX Runtime, which [`Runtime`] finds or installs, or the engine of this
//! project. [`Policy`] holds them together, and a
//! policy with an observation bound is a [`Denoiser`](parapolicy_sampler::Denoiser) that the samplers draw actions from.
//! [`adopt`] makes a policy's directory of a graph of any origin, as far as the graph tells. A [`Calibration`] knows what
//! batches cost here, and which sampler is fastest; a [`Deviation`], how far a precision computes from f32.
//!
//! Raw quantities (pixels, radians) are f64, normalised ones f32.

mod adopt;
mod bound;
mod cache;
mod calibration;
mod deviation;
mod graph;
mod hash;
mod history;
mod inference;
mod inpainted;
mod inspect;
mod machine;
mod manifest;
mod meter;
mod normalization;
mod observation;
mod policy;
mod precision;
mod provider;
mod runtime;
mod trial;

pub use adopt::{AdoptError, Adoption, Blank, RoleNames, adopt};
pub use bound::{BoundDenoiser, BoundPlans, PredictError};
pub use calibration::{
    BatchLimit, BatchTime, Calibration, CalibrationError, CalibrationKey, KnownRoofline, Observations, Roofline,
    Sampling,
};
pub use deviation::{Deviation, DeviationError};
pub use graph::GraphError;
pub use history::ObservationHistory;
pub use inference::{Idle, Inference, InferenceError, ProviderName};
pub use inspect::{GraphDescription, Inspection, RuntimeDescription, TensorDescription, inspect};
pub use machine::Cpu;
pub use manifest::{DenoiserGraph, EncoderGraph, Entry, MANIFEST_FILE, Manifest, ManifestError, SCHEMA_VERSION};
pub use meter::Meter;
pub use normalization::Normalization;
pub use policy::{Policy, PolicyError};
pub use precision::{Precision, UnknownPrecision};
pub use provider::Provider;
pub use runtime::{InstallObserver, InstallStage, Installable, LibrarySource, Runtime, RuntimeError};
