//! ONNX Runtime behind the traits of a backend.

use std::sync::Arc;

use parapolicy_policy::{
    Backend, BackendError, EncoderGraph, GraphError, GraphFile, GraphTensors, Idle, Inference, InstallObserver,
    LibraryDescription, Manifest, OpenBackend, OpenDenoiser, OpenEncoder, Precision, Signature,
};

use crate::{
    ExecutionProvider, Runtime, RuntimeError,
    graph::{self, Encoder, Onnx},
    runtime::Execution,
};

impl Backend for ExecutionProvider {
    fn name(&self) -> &'static str {
        self.as_str()
    }

    fn precisions(&self) -> &'static [Precision] {
        match self {
            Self::TensorRt => &[Precision::F32, Precision::Bf16, Precision::F16],
            Self::OpenVino => &[Precision::F32, Precision::Bf16],
            Self::Cpu | Self::Cuda => &[Precision::F32],
        }
    }

    fn has_device(&self, device: u32) -> bool {
        device == 0 || matches!(self, Self::Cuda | Self::TensorRt)
    }

    fn takes_library(&self) -> bool {
        true
    }

    fn runs_encoders(&self) -> bool {
        true
    }

    fn installed_version(&self) -> Option<&'static str> {
        Runtime::installed_version(*self)
    }

    fn candidates(&self, inference: &Inference) -> Vec<Inference> {
        match self {
            Self::Cuda | Self::TensorRt => vec![inference.clone()],
            Self::OpenVino => inference.by_threads(inference.threads()),
            // Idle threads spin or sleep; with the calling thread alone, nothing waits.
            Self::Cpu => {
                let ways = inference.by_threads(inference.threads()).into_iter();
                let both = ways.flat_map(|way| [Idle::Spin, Idle::Sleep].map(|idle| Inference { idle, ..way.clone() }));
                both.filter(|way| (way.threads, way.idle) != (1, Idle::Sleep)).collect()
            }
        }
    }

    fn processor_threads(&self, threads: usize) -> Option<usize> {
        matches!(self, Self::Cpu | Self::OpenVino).then_some(threads)
    }

    fn open(
        &self,
        inference: &Inference,
        observer: &dyn InstallObserver,
    ) -> Result<Arc<dyn OpenBackend>, BackendError> {
        let &Inference { precision, idle, ref library, .. } = inference;
        // OpenVINO would compute in f32 where the processor lacks bf16, and not say so.
        let lacks = precision.kernel().is_none_or(|kernel| !kernel.is_available());
        if *self == Self::OpenVino && lacks {
            return Err(BackendError::Processor);
        }
        let unavailable = |error: RuntimeError| BackendError::Unavailable(error.into());
        let runtime = Runtime::find_or_install(*self, library.as_deref(), observer).map_err(unavailable)?;
        let how = Execution { provider: *self, precision, threads: inference.threads(), idle, device: 0 };
        for &device in &inference.devices {
            runtime.try_out(Execution { device, ..how }).map_err(unavailable)?;
        }
        Ok(Arc::new(OpenOnnxRuntime { runtime, how }))
    }
}

/// ONNX Runtime, and how its sessions are to compute.
#[derive(Debug)]
struct OpenOnnxRuntime {
    runtime: Runtime,
    how: Execution,
}

impl OpenBackend for OpenOnnxRuntime {
    fn version(&self) -> &str {
        self.runtime.version().unwrap_or_else(|| self.runtime.build_info())
    }

    fn title(&self) -> String {
        let name = format!("ONNX Runtime {}", self.runtime.version().unwrap_or("of an unknown version"));
        match self.how.provider {
            ExecutionProvider::Cpu => name,
            provider => format!("{name} with {provider}"),
        }
    }

    fn library(&self) -> Option<LibraryDescription> {
        Some(LibraryDescription {
            library: self.runtime.library().to_path_buf(),
            source: self.runtime.source().as_str(),
            version: self.runtime.version().map(Into::into),
            build_info: self.runtime.build_info().into(),
        })
    }

    fn tensors(&self, graph: &GraphFile) -> Result<GraphTensors, GraphError> {
        graph::tensors_of(graph, &self.runtime)
    }

    fn denoiser(
        &self,
        graph: &GraphFile,
        signature: &Signature,
        device: u32,
    ) -> Result<Box<dyn OpenDenoiser>, GraphError> {
        let how = Execution { device, ..self.how };
        Ok(Box::new(Onnx::open(graph, signature, &self.runtime, how)?))
    }

    fn encoder(
        &self,
        graph: &GraphFile,
        manifest: &Manifest,
        encoder: &EncoderGraph,
    ) -> Result<Box<dyn OpenEncoder>, GraphError> {
        Ok(Box::new(Encoder::open(graph, manifest, encoder, &self.runtime, self.how)?))
    }
}
