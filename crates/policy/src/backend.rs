//! Backends, which run a policy's graphs; other crates can add their own.
//!
//! A [`Backend`] is a named way to run graphs; opened, it becomes an [`OpenBackend`], which opens a policy's graphs.
//! The engine of this project is one ([`NATIVE`](crate::NATIVE)), the crate `parapolicy-ort` has those of ONNX Runtime,
//! and a crate of your own may have another: implement the four traits and put it on the list.
//!
//! ```text
//! Backend ──open──▶ OpenBackend ──denoiser──▶ OpenDenoiser   bind(observations), run(batch)
//!                               ──encoder───▶ OpenEncoder    run(observations)
//! ```
//!
//! `examples/outside_backend.rs` is a backend in one file.

use std::{fmt, ops::Range, sync::Arc};

use ndarray::ArrayViewMut2;
use parapolicy_engine::Work;
use parapolicy_sampler::BoxError;

use crate::{
    EncoderGraph, GraphError, GraphFile, GraphTensors, Inference, LibraryDescription, Manifest, Precision,
    PredictError, Signature, TimestepType,
};

mod install;
mod list;
mod name;

pub use self::{
    install::{InstallObserver, InstallStage},
    list::{Backends, DuplicateBackend},
    name::BackendName,
};

/// A way to run graphs, before it is opened.
pub trait Backend: fmt::Debug + Send + Sync {
    /// The name by which program, C and Python know it.
    fn name(&self) -> &'static str;

    /// Precisions that it computes in, the default first.
    fn precisions(&self) -> &'static [Precision] {
        &[Precision::F32]
    }

    /// Whether it can pin each of its threads to a core of its own.
    fn pins_threads(&self) -> bool {
        false
    }

    /// Whether it computes on the device of this number. The processor is number 0.
    fn has_device(&self, device: u32) -> bool {
        device == 0
    }

    /// Whether a shared library may be named for it.
    fn takes_library(&self) -> bool {
        false
    }

    /// Whether it asks servers, which must be named for it.
    fn takes_endpoints(&self) -> bool {
        false
    }

    /// Whether it runs graphs that encode observations.
    fn runs_encoders(&self) -> bool {
        false
    }

    /// The version that runs without an installation; none where something must be installed first.
    fn installed_version(&self) -> Option<&'static str>;

    /// Variants of `inference` that a calibration compares, where no number of threads is named.
    fn candidates(&self, inference: &Inference) -> Vec<Inference> {
        vec![inference.clone()]
    }

    /// How many of `threads` threads compute on this processor; none where it computes elsewhere.
    fn processor_threads(&self, threads: usize) -> Option<usize> {
        Some(threads)
    }

    /// Opens it. `inference` was already checked against the answers of the methods above. `observer` receives the
    /// progress of an installation.
    ///
    /// # Errors
    /// [`BackendError`], which tells a limit of the processor from a missing library.
    fn open(&self, inference: &Inference, observer: &dyn InstallObserver)
    -> Result<Arc<dyn OpenBackend>, BackendError>;
}

/// Why a backend cannot be opened.
#[derive(Debug)]
#[non_exhaustive]
pub enum BackendError {
    /// The processor does not compute in the precision.
    Processor,
    /// A library that it needs cannot be found, installed or loaded; or a server not reached.
    Unavailable(BoxError),
}

/// A backend, open: it opens graphs.
pub trait OpenBackend: fmt::Debug + Send + Sync {
    /// Version of what runs graphs.
    fn version(&self) -> &str;

    /// Name and version, for reports: `native 0.1.0`.
    fn title(&self) -> String;

    /// The shared library that runs graphs, if one does.
    fn library(&self) -> Option<LibraryDescription> {
        None
    }

    /// The inputs and outputs of a graph, not yet checked against a manifest.
    ///
    /// # Errors
    /// A file that is no graph.
    fn tensors(&self, graph: &GraphFile) -> Result<GraphTensors, GraphError>;

    /// Opens a denoiser on a device from the file's bytes, whose sum was checked and not from its path, where others may be
    /// by now; and checks its inputs and its output against the manifest
    /// ([`GraphTensors::denoiser`]).
    ///
    /// # Errors
    /// A graph that cannot be run, or that is not what the manifest says.
    fn denoiser(
        &self,
        graph: &GraphFile,
        signature: &Signature,
        device: u32,
    ) -> Result<Box<dyn OpenDenoiser>, GraphError>;

    /// Opens an encoder, and checks its input and its output against the manifest ([`GraphTensors::encoder`]). Called
    /// only on a backend that [runs encoders](Backend::runs_encoders).
    ///
    /// # Errors
    /// A graph that cannot be run, or that is not what the manifest says.
    fn encoder(
        &self,
        graph: &GraphFile,
        manifest: &Manifest,
        encoder: &EncoderGraph,
    ) -> Result<Box<dyn OpenEncoder>, GraphError>;
}

/// A denoiser, open.
pub trait OpenDenoiser: fmt::Debug + Send {
    /// Binds the observations of the following batches, `[plans, n_obs_steps · seen_dim]`, normalised or encoded. Every
    /// batch also contains them, for backends that precompute nothing.
    ///
    /// # Errors
    /// Observations that the network does not take.
    fn bind(&mut self, observations: &[f32]) -> Result<(), BoxError>;

    /// Predicts for a batch: `[batch, horizon · plan_dim]`.
    ///
    /// # Errors
    /// Whatever keeps the network from answering.
    fn run(&mut self, batch: Batch<'_>, prediction: ArrayViewMut2<'_, f32>) -> Result<(), PredictError>;

    /// What the graph takes for timesteps; whole numbers are checked before [`run`](Self::run).
    fn timestep_type(&self) -> TimestepType {
        TimestepType::Float32
    }

    /// Operations and bytes of a batch of `rows`, for the roofline.
    ///
    /// # Errors
    /// The reason why they cannot be counted.
    fn work(&self, _signature: &Signature, _precision: Precision, _rows: usize) -> Result<Work, String> {
        Err("the work of this backend is not counted".into())
    }
}

/// An encoder of observations, open.
pub trait OpenEncoder: fmt::Debug + Send {
    /// Features `[plans, n_obs_steps · size]` of observations `[plans, n_obs_steps · observation_dim]`, normalised.
    ///
    /// # Errors
    /// Whatever keeps the network from answering.
    fn run(&mut self, observations: &[f32], features: &mut Vec<f32>) -> Result<(), PredictError>;
}

/// Rows to denoise, one after the other.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    /// Index of the bound observation that each row belongs to.
    pub plans: &'a [usize],
    /// The bound observations, `[plans, n_obs_steps · seen_dim]`, normalised or encoded.
    pub observations: &'a [f32],
    /// `[batch, horizon · plan_dim]`.
    pub samples: &'a [f32],
    /// `[batch]`.
    pub timesteps: &'a [f32],
}

impl Batch<'_> {
    /// Some of the rows.
    ///
    /// # Panics
    /// If there are no such rows.
    #[must_use]
    pub fn part(self, rows: Range<usize>) -> Self {
        let dim = self.samples.len() / self.timesteps.len().max(1);
        Self {
            plans: &self.plans[rows.clone()],
            samples: &self.samples[rows.start * dim..rows.end * dim],
            timesteps: &self.timesteps[rows],
            ..self
        }
    }
}
