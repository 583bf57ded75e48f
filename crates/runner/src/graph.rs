//! The graph: opened with ONNX Runtime and held to what the manifest says of it.

mod check;
mod error;

use std::path::{Path, PathBuf};

use ort::session::{Session, builder::GraphOptimizationLevel};

pub(crate) use self::check::{Input, TimestepType};
pub use self::error::GraphError;
use crate::{Manifest, Runtime, hash};

/// An open graph whose inputs and output are what the manifest says.
#[derive(Debug)]
pub(crate) struct Graph {
    pub session: Session,
    /// What the graph's inputs stand for, in the graph's order.
    pub inputs: [Input; 3],
    pub timestep: TimestepType,
}

impl Graph {
    pub fn open(dir: &Path, manifest: &Manifest, runtime: &Runtime, threads: usize) -> Result<Self, GraphError> {
        let path = path(dir, manifest);
        let found = sha256_of(&path)?;
        if !found.eq_ignore_ascii_case(&manifest.denoiser.sha256) {
            return Err(GraphError::Checksum { path, expected: manifest.denoiser.sha256.clone(), found });
        }
        let session = open(&path, runtime, threads)?;
        let (inputs, timestep) =
            check::check(&session, manifest).map_err(|problem| GraphError::Mismatch { path, problem })?;
        Ok(Self { session, inputs, timestep })
    }
}

pub(crate) fn path(dir: &Path, manifest: &Manifest) -> PathBuf {
    dir.join(&manifest.denoiser.file)
}

pub(crate) fn sha256_of(path: &Path) -> Result<String, GraphError> {
    hash::sha256_of(path).map_err(|error| GraphError::Read { path: path.to_path_buf(), error })
}

/// What, if anything, the manifest says of an open graph that is not so.
pub(crate) fn mismatch(session: &Session, manifest: &Manifest) -> Option<String> {
    check::check(session, manifest).err()
}

/// Opens a graph as it is.
pub(crate) fn open(path: &Path, runtime: &Runtime, threads: usize) -> Result<Session, GraphError> {
    session(path, runtime, threads).map_err(|error| GraphError::Open { path: path.to_path_buf(), error })
}

fn session(path: &Path, runtime: &Runtime, threads: usize) -> ort::Result<Session> {
    Session::builder(runtime.environment())?
        .with_optimization_level(GraphOptimizationLevel::All)?
        .with_intra_threads(threads)?
        .commit_from_file(path)
}
