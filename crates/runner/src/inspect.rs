//! A description of a policy, for people and for programs.

use std::path::{Path, PathBuf};

use ort::value::Outlet;
use serde::Serialize;

use crate::{LibrarySource, Manifest, PolicyError, Runtime, graph};

/// What [`inspect`] found.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Inspection {
    /// The manifest.
    pub manifest: Manifest,
    /// The graph, as it is.
    pub graph: GraphDescription,
    /// The ONNX Runtime that opened it.
    pub runtime: RuntimeDescription,
}

/// A graph, as it is.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct GraphDescription {
    /// The file.
    pub path: PathBuf,
    /// SHA-256 of the file.
    pub sha256: String,
    /// Whether that is what the manifest says.
    pub sha256_matches: bool,
    /// Its inputs.
    pub inputs: Vec<TensorDescription>,
    /// Its outputs.
    pub outputs: Vec<TensorDescription>,
    /// What the manifest says of them that is not so; such a policy cannot be loaded.
    pub mismatch: Option<String>,
}

/// An input or an output of a graph.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TensorDescription {
    /// Name.
    pub name: String,
    /// Element type and shape, `Tensor<f32>(batch, 16, 2)`: sizes that are open by name.
    pub dtype: String,
}

/// An ONNX Runtime.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct RuntimeDescription {
    /// The shared library.
    pub library: PathBuf,
    /// Where it was found.
    pub source: LibrarySource,
    /// Its version, where the file's name has one.
    pub version: Option<String>,
    /// What it says of its build.
    pub build_info: String,
}

/// Describes the policy in the directory `dir`, even one that cannot be loaded because its graph is not what the
/// manifest says.
///
/// # Errors
/// A manifest that is wrong, or a graph that ONNX Runtime cannot open.
pub fn inspect(dir: &Path, runtime: &Runtime) -> Result<Inspection, PolicyError> {
    let manifest = Manifest::load(dir)?;
    let path = graph::path(dir, &manifest);
    let sha256 = graph::sha256_of(&path)?;
    let session = graph::open(&path, runtime, 1)?;
    let graph = GraphDescription {
        sha256_matches: sha256.eq_ignore_ascii_case(&manifest.denoiser.sha256),
        sha256,
        inputs: session.inputs().iter().map(TensorDescription::new).collect(),
        outputs: session.outputs().iter().map(TensorDescription::new).collect(),
        mismatch: graph::mismatch(&session, &manifest),
        path,
    };
    Ok(Inspection { manifest, graph, runtime: RuntimeDescription::new(runtime) })
}

impl TensorDescription {
    fn new(outlet: &Outlet) -> Self {
        Self { name: outlet.name().into(), dtype: outlet.dtype().to_string() }
    }
}

impl RuntimeDescription {
    fn new(runtime: &Runtime) -> Self {
        Self {
            library: runtime.library().to_path_buf(),
            source: runtime.source(),
            version: runtime.version().map(Into::into),
            build_info: runtime.build_info().into(),
        }
    }
}
