//! The graphs: opened by what is to run them, and held to what the manifest says of them.

mod check;
mod encoder;
mod error;
mod native;
mod onnx;
mod outlet;
mod shared;

use std::{
    ops::Range,
    path::{Path, PathBuf},
};

use ndarray::ArrayViewMut2;
use parapolicy_engine::Work;

pub use self::error::GraphError;
pub(crate) use self::{
    encoder::Encoder,
    outlet::{Kind, Outlet, Size},
};
use self::{native::Native, onnx::Onnx, shared::Shared};
use crate::{EncoderGraph, Manifest, PolicyError, Precision, PredictError, Provider, hash, provider::Backend};

/// An open graph whose inputs and output are what the manifest says, and the observations bound to it.
#[derive(Debug)]
pub(crate) enum Graph {
    Onnx(Box<Onnx>),
    Native(Box<Native>),
    Shared(Shared),
}

/// Rows to denoise, one after the other.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Batch<'a> {
    /// The observation that each belongs to: one that is bound.
    pub plans: &'a [usize],
    /// Those that are bound, `[plans, n_obs_steps · seen_dim]`, normalised or encoded.
    pub observations: &'a [f32],
    pub samples: &'a [f32],
    pub timesteps: &'a [i64],
}

/// The inputs and the outputs of a graph, as they are.
#[derive(Debug)]
pub(crate) struct Outlets {
    pub inputs: Vec<Outlet>,
    pub outputs: Vec<Outlet>,
}

impl Graph {
    pub fn open(dir: &Path, manifest: &Manifest, provider: &Provider) -> Result<Self, GraphError> {
        let path = verified(dir, &manifest.denoiser.file, &manifest.denoiser.sha256)?;
        let open = |&device| Self::on(device, &path, manifest, provider);
        match provider.devices() {
            [device] => open(device),
            devices => Ok(Self::Shared(Shared::new(devices.iter().map(open).collect::<Result<_, _>>()?))),
        }
    }

    fn on(device: u32, path: &Path, manifest: &Manifest, provider: &Provider) -> Result<Self, GraphError> {
        match &provider.backend {
            Backend::OnnxRuntime(runtime) => {
                Onnx::open(path, manifest, runtime, provider.execution(device)).map(Box::new).map(Self::Onnx)
            }
            &Backend::Native(kernel) => Native::open(path, manifest, kernel, provider).map(Box::new).map(Self::Native),
        }
    }

    /// What a batch of `rows` takes: as the engine computes it, or as the graph has it, but for what is computed before.
    ///
    /// # Errors
    /// A graph that the engine does not read, and so cannot count.
    pub fn work(&self, manifest: &Manifest, precision: Precision, rows: usize) -> Result<Work, GraphError> {
        match self {
            Self::Onnx(onnx) => onnx.work(manifest, precision, rows),
            Self::Native(native) => Ok(native.work(rows)),
            Self::Shared(shared) => shared.work(manifest, precision, rows),
        }
    }

    /// Binds `[plans, n_obs_steps · seen_dim]`, normalised or encoded, in place of what was bound; batches bring them too.
    pub fn bind(&mut self, observations: &[f32]) -> Result<(), PolicyError> {
        match self {
            Self::Onnx(onnx) => onnx.bind(),
            Self::Native(native) => native.bind(observations)?,
            Self::Shared(shared) => shared.bind(observations)?,
        }
        Ok(())
    }

    /// Predicts for a batch; the prediction is `[batch, horizon · action_dim]`.
    pub fn run(&mut self, batch: Batch<'_>, prediction: ArrayViewMut2<'_, f32>) -> Result<(), PredictError> {
        match self {
            Self::Onnx(onnx) => onnx.run(batch, prediction),
            Self::Native(native) => native.run(batch, prediction),
            Self::Shared(shared) => shared.run(batch, prediction),
        }
    }
}

impl Batch<'_> {
    /// Some of the rows.
    fn part(self, rows: Range<usize>) -> Self {
        let dim = self.samples.len() / self.timesteps.len().max(1);
        Self {
            plans: &self.plans[rows.clone()],
            samples: &self.samples[rows.start * dim..rows.end * dim],
            timesteps: &self.timesteps[rows],
            ..self
        }
    }
}

impl Outlets {
    /// Those of a graph that need not be what the manifest says.
    pub fn of(path: &Path, provider: &Provider) -> Result<Self, GraphError> {
        match &provider.backend {
            Backend::OnnxRuntime(runtime) => onnx::outlets(path, runtime),
            Backend::Native(_) => native::outlets(path),
        }
    }

    /// Names that the inputs have for the size of a batch; none if one of them has no name for it.
    fn batch_names(&self) -> Vec<&str> {
        let mut names: Vec<_> = self.inputs.iter().filter_map(Outlet::batch_name).collect();
        names.sort_unstable();
        names.dedup();
        if names.contains(&"") { Vec::new() } else { names }
    }

    /// What, if anything, the manifest says of the denoiser's that is not so.
    pub fn mismatch(&self, manifest: &Manifest) -> Option<String> {
        check::denoiser(self, manifest).err()
    }

    /// What, if anything, the manifest says of the encoder's that is not so.
    pub fn encoder_mismatch(&self, manifest: &Manifest, encoder: &EncoderGraph) -> Option<String> {
        check::encoder(self, manifest, encoder).err()
    }
}

/// The path of a graph whose sum is what the manifest says.
fn verified(dir: &Path, file: &str, expected: &str) -> Result<PathBuf, GraphError> {
    let path = dir.join(file);
    let found = sha256_of(&path)?;
    if !found.eq_ignore_ascii_case(expected) {
        return Err(GraphError::Checksum { path, expected: expected.into(), found });
    }
    Ok(path)
}

pub(crate) fn sha256_of(path: &Path) -> Result<String, GraphError> {
    hash::sha256_of(path).map_err(|error| GraphError::Read { path: path.to_path_buf(), error })
}

/// Copies rows that lie one after the other.
fn copy(rows: &[f32], mut prediction: ArrayViewMut2<'_, f32>) {
    match prediction.as_slice_mut() {
        Some(prediction) => prediction.copy_from_slice(rows),
        None => prediction.iter_mut().zip(rows).for_each(|(to, from)| *to = *from),
    }
}
