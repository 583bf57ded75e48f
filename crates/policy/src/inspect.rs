//! A description of a policy, for people and for programs.

use std::path::{Path, PathBuf};

use parapolicy_onnx::TensorInfo;
use serde::Serialize;

use crate::{
    DenoiserGraph, DenoiserManifest, EncoderGraph, GraphFile, GraphTensors, Manifest, PolicyError, Provider, Signature,
};

/// What [`inspect`] found.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Inspection {
    /// The manifest.
    pub manifest: Manifest,
    /// The denoiser's graph.
    pub graph: GraphDescription,
    /// The encoder's graph, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encoder: Option<GraphDescription>,
    /// What opened it: `cpu` or `native`.
    pub provider: String,
    /// The shared library that did, if one did.
    pub runtime: Option<LibraryDescription>,
}

/// What [`inspect_denoiser`] found.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct DenoiserInspection {
    /// The manifest.
    pub manifest: DenoiserManifest,
    /// The graph.
    pub graph: GraphDescription,
    /// What opened it: `cpu`, say.
    pub provider: String,
    /// The shared library that did, if one did.
    pub runtime: Option<LibraryDescription>,
}

/// Description of a graph file.
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
    /// The mismatch with the manifest, if any; such a policy cannot be loaded.
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

/// A shared library that runs graphs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LibraryDescription {
    /// The shared library.
    pub library: PathBuf,
    /// Where it was found, in a word: `explicit`, `variable`, `installed`, `system`.
    pub source: &'static str,
    /// Its version, where the file's name has one.
    pub version: Option<String>,
    /// Its build information.
    pub build_info: String,
}

/// Describes the policy in the directory `dir`, even one that cannot be loaded because its graph is not what the
/// manifest says.
///
/// # Errors
/// A manifest that is wrong, or a graph that the provider cannot open.
pub fn inspect(dir: &Path, provider: &Provider) -> Result<Inspection, PolicyError> {
    let manifest = Manifest::load(dir)?;
    let signature = manifest.signature();
    let graph = GraphDescription::of_denoiser(dir, &signature, provider)?;
    let described = |encoder: &EncoderGraph| {
        let EncoderGraph { file, sha256, .. } = encoder;
        let mismatch = |tensors: &GraphTensors| tensors.encoder(&manifest, encoder).err();
        GraphDescription::of(dir.join(file), sha256, provider, mismatch)
    };
    let encoder = manifest.encoder.as_ref().map(described).transpose()?;
    let runtime = provider.library();
    Ok(Inspection { graph, encoder, manifest, provider: provider.name().to_string(), runtime })
}

/// Describes the denoiser in the directory `dir`, which is no policy, as [`inspect`] describes a policy.
///
/// # Errors
/// A manifest that is wrong, or a graph that the provider cannot open.
pub fn inspect_denoiser(dir: &Path, provider: &Provider) -> Result<DenoiserInspection, PolicyError> {
    let manifest = DenoiserManifest::load(dir)?;
    let graph = GraphDescription::of_denoiser(dir, &manifest.signature(), provider)?;
    Ok(DenoiserInspection { graph, manifest, provider: provider.name().to_string(), runtime: provider.library() })
}

impl GraphDescription {
    fn of_denoiser(dir: &Path, signature: &Signature, provider: &Provider) -> Result<Self, PolicyError> {
        let DenoiserGraph { file, sha256, .. } = &signature.graph;
        Self::of(dir.join(file), sha256, provider, |tensors| tensors.denoiser(signature).err())
    }

    fn of(
        path: PathBuf,
        sum: &str,
        provider: &Provider,
        mismatch: impl FnOnce(&GraphTensors) -> Option<String>,
    ) -> Result<Self, PolicyError> {
        let file = GraphFile::read(path)?;
        let tensors = provider.backend().tensors(&file)?;
        Ok(Self {
            sha256_matches: file.sha256().eq_ignore_ascii_case(sum),
            sha256: file.sha256().to_owned(),
            inputs: tensors.inputs.iter().map(TensorDescription::new).collect(),
            outputs: tensors.outputs.iter().map(TensorDescription::new).collect(),
            mismatch: mismatch(&tensors),
            path: file.path().to_path_buf(),
        })
    }
}

impl TensorDescription {
    pub(crate) fn new(tensor: &TensorInfo) -> Self {
        Self { name: tensor.name.clone(), dtype: tensor.kind.to_string() }
    }
}
