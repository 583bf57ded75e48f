//! Servers behind the traits of a backend.

use std::{sync::Arc, time::Duration};

use parapolicy_onnx::Graph;
use parapolicy_policy::{
    Accepted, Backend, BackendError, BackendName, EncoderGraph, Endpoints, GraphError, GraphFile, GraphTensors,
    Inference, InstallObserver, Manifest, OpenBackend, OpenDenoiser, OpenEncoder, Signature,
};

use crate::{
    RemoteError,
    denoiser::{Layout, RemoteDenoiser},
    endpoint::Endpoint,
    metadata::{Metadata, take_column},
};

/// The backend as a value, for [`Inference`].
pub const REMOTE: BackendName = BackendName::of(&Remote);

/// Servers of the Open Inference Protocol.
#[derive(Clone, Copy, Debug)]
pub struct Remote;

impl Backend for Remote {
    fn name(&self) -> &'static str {
        "remote"
    }

    fn takes_endpoints(&self) -> bool {
        true
    }

    /// Known when a server was asked.
    fn installed_version(&self) -> Option<&'static str> {
        None
    }

    fn processor_threads(&self, _threads: usize) -> Option<usize> {
        None
    }

    fn open(&self, inference: &Inference, _: &dyn InstallObserver) -> Result<Arc<dyn OpenBackend>, BackendError> {
        let unavailable = |error: RemoteError| BackendError::Unavailable(error.into());
        Ok(Arc::new(OpenRemote::open(&inference.endpoints).map_err(unavailable)?))
    }
}

/// Servers that have said what they run.
#[derive(Debug)]
struct OpenRemote {
    servers: Vec<(Endpoint, Metadata)>,
    timeout: Duration,
    /// Addresses, and the versions of the model at each: what a calibration is valid for.
    version: String,
}

impl OpenRemote {
    fn open(endpoints: &Endpoints) -> Result<Self, RemoteError> {
        let timeout = endpoints.timeout;
        let open = |url: &String| {
            let endpoint = Endpoint::new(url)?;
            let metadata = endpoint.metadata(timeout)?;
            Ok((endpoint, metadata))
        };
        let servers: Vec<(Endpoint, Metadata)> = endpoints.urls.iter().map(open).collect::<Result<_, _>>()?;
        let version = |(endpoint, metadata): &(Endpoint, Metadata)| match (endpoint.version(), metadata.versions()) {
            (None, versions) if !versions.is_empty() => format!("{} version {versions}", endpoint.url()),
            _ => endpoint.url().to_owned(),
        };
        let version = servers.iter().map(version).collect::<Vec<_>>().join(", ");
        Ok(Self { servers, timeout, version })
    }

    /// The inputs and the outputs of a graph in the policy's folder.
    fn of_file(file: &GraphFile) -> Result<GraphTensors, GraphError> {
        let Graph { inputs, outputs, .. } = file.graph()?;
        Ok(GraphTensors { inputs, outputs })
    }
}

impl OpenBackend for OpenRemote {
    fn version(&self) -> &str {
        &self.version
    }

    fn title(&self) -> String {
        format!("remote {}", self.version)
    }

    fn tensors(&self, graph: &GraphFile) -> Result<GraphTensors, GraphError> {
        Self::of_file(graph)
    }

    fn denoiser(&self, graph: &GraphFile, signature: &Signature, _: u32) -> Result<Box<dyn OpenDenoiser>, GraphError> {
        let mismatch = |problem| GraphError::Mismatch { path: graph.path().to_path_buf(), problem };
        let tensors = Self::of_file(graph)?;
        let expected = tensors.denoiser(signature).map_err(mismatch)?;
        let layout = |(endpoint, metadata): &(Endpoint, Metadata)| {
            let layout = layout(&tensors, &expected, metadata, signature);
            let layout = layout.map_err(|problem| mismatch(format!("{}: {problem}", endpoint.url())))?;
            Ok((endpoint.clone(), layout))
        };
        let servers = self.servers.iter().map(layout).collect::<Result<Vec<_>, GraphError>>()?;
        let refused =
            |error: RemoteError| GraphError::Refused { path: graph.path().to_path_buf(), error: error.into() };
        Ok(Box::new(RemoteDenoiser::open(servers, self.timeout).map_err(refused)?))
    }

    /// Never asked for: observations are encoded where they are.
    fn encoder(&self, graph: &GraphFile, _: &Manifest, _: &EncoderGraph) -> Result<Box<dyn OpenEncoder>, GraphError> {
        let error = "the provider remote runs no encoders".into();
        Err(GraphError::Refused { path: graph.path().to_path_buf(), error })
    }
}

/// What goes over the wire to a server: as it says, or as the graph is where it says nothing.
fn layout(
    graph: &GraphTensors,
    expected: &Accepted,
    metadata: &Metadata,
    signature: &Signature,
) -> Result<Layout, String> {
    let mut tensors = metadata.tensors().unwrap_or_else(|| graph.clone());
    let timestep_column = take_column(&mut tensors, &signature.graph.timestep);
    let accepted = tensors.denoiser(signature)?;
    if accepted.timestep != expected.timestep {
        let name = &signature.graph.timestep;
        return Err(format!("input `{name}` has elements of another type than the graph of this folder"));
    }
    Ok(Layout { signature: signature.clone(), accepted, timestep_column })
}
