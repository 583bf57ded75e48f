//! Turns a graph from any exporter into the directory of a policy, or of another denoiser, with a manifest that is filled in
//! as far as the graph tells.

mod draft;
mod error;
mod roles;
mod skeleton;

use std::{fs, path::Path};

use parapolicy_engine::{Engine, EngineError, Graph, Names};
use parapolicy_onnx::{Bytes, external_tensor};

pub use self::{error::AdoptError, roles::RoleNames};
use self::{error::Fault, roles::Roles, skeleton::GraphOnDisk};
use crate::{DENOISER_MANIFEST_FILE, GraphTensors, MANIFEST_FILE, TensorDescription, graph::LARGEST_GRAPH, hash};

/// The graph's name in the policy's directory.
const DENOISER_FILE: &str = "denoiser.onnx";

/// What [`adopt`] made of a graph.
#[derive(Debug)]
#[non_exhaustive]
pub struct Adoption {
    /// The graph's inputs and its output, each with the field of `policy.json`'s `denoiser` that names it.
    pub roles: Vec<(&'static str, TensorDescription)>,
    /// What has to be filled in before the policy can be loaded, in the order of the manifest.
    pub blanks: Vec<Blank>,
    /// Why the engine does not run the graph, if it does not; ONNX Runtime runs any.
    pub refusal: Option<EngineError>,
    manifest: String,
    manifest_file: &'static str,
    graph: Bytes,
}

/// A place in `policy.json` that the graph does not fill.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blank {
    /// The field, as a path from the root.
    pub field: String,
    /// What belongs there.
    pub what: String,
}

/// Reads the graph at `path`, of any exporter, tells its inputs and its output apart by their shapes, and where those
/// leave it open by their names, and prepares the manifest of a policy called `name`, or of a denoiser that is
/// none: whose samples are not plans `[horizon, action_dim]`, or that sees a label. `names` overrules that.
///
/// # Errors
/// A file that is no readable graph; one whose inputs are not those of a denoiser, or could be in several ways.
pub fn adopt(path: &Path, name: &str, names: &RoleNames) -> Result<Adoption, AdoptError> {
    let fault = |fault| AdoptError { path: path.to_path_buf(), fault };
    let bytes: Bytes = parapolicy_files::read(path, LARGEST_GRAPH).map_err(|error| fault(error.into()))?.into();
    let graph = Graph::read(bytes.clone()).map_err(|error| fault(EngineError::from(error).into()))?;
    let elsewhere = external_tensor(bytes.clone()).map_err(|error| fault(EngineError::from(error).into()))?;
    if let Some(constant) = elsewhere {
        return Err(fault(Fault::Elsewhere { constant }));
    }
    let tensors = GraphTensors::from(&graph);
    let roles = Roles::of(&tensors, names).map_err(fault)?;
    let of_file = GraphOnDisk { file: DENOISER_FILE, sha256: &hash::sha256(&bytes) };
    let (manifest_file, skeleton) = if roles.is_policy() {
        if let Some(node) = graph.convolution_of(&roles.sample.name) {
            let (input, node) = (roles.sample.to_string(), node.into());
            return Err(fault(Fault::ChannelsFirst { input, node }));
        }
        (MANIFEST_FILE, skeleton::of_policy(name, &roles, of_file))
    } else {
        (DENOISER_MANIFEST_FILE, skeleton::of_denoiser(name, &roles, of_file))
    };
    let manifest = serde_json::to_string_pretty(&skeleton).map_err(|error| fault(Fault::Json(error)))?;
    Ok(Adoption {
        roles: roles.all().map(|(role, tensor)| (role.field(), TensorDescription::new(tensor))).collect(),
        blanks: skeleton.blanks(),
        refusal: refusal(graph, &roles),
        manifest: manifest + "\n",
        manifest_file,
        graph: bytes,
    })
}

impl Adoption {
    /// File name of the manifest: that of a policy, or of a denoiser that is none.
    pub fn manifest_file(&self) -> &'static str {
        self.manifest_file
    }

    /// The manifest, with the blanks in it.
    pub fn manifest(&self) -> &str {
        &self.manifest
    }

    /// Writes the policy's directory, which must not be there yet: all of it, or nothing.
    ///
    /// # Errors
    /// Something is there, or cannot be written.
    pub fn write(&self, dir: &Path) -> Result<(), AdoptError> {
        let written = parapolicy_files::create_folder(dir, |folder| {
            fs::write(folder.join(DENOISER_FILE), &self.graph)?;
            fs::write(folder.join(self.manifest_file), &self.manifest)
        });
        written.map_err(|error| {
            let exists = error.kind() == std::io::ErrorKind::AlreadyExists;
            AdoptError { path: dir.to_path_buf(), fault: if exists { Fault::Exists } else { Fault::Write(error) } }
        })
    }
}

/// Why the engine does not run the graph, if it does not.
fn refusal(graph: Graph, roles: &Roles<'_>) -> Option<EngineError> {
    if !roles.is_policy() {
        return Some(EngineError::Model("is no policy; the engine runs networks of plans alone".into()));
    }
    let Some(observation) = roles.observation else {
        return Some(EngineError::Model("sees no observation; the engine does not run such networks".into()));
    };
    let names = Names {
        sample: &roles.sample.name,
        timestep: &roles.timestep.name,
        observation: &observation.name,
        prediction: &roles.prediction.name,
    };
    Engine::new(graph, &names).err()
}
