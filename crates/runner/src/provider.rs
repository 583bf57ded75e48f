//! What runs a graph.

use std::fmt;

use crate::{Precision, ProviderName, Runtime, runtime::Execution};

/// What runs policies' graphs, ready: what [`Inference`](crate::Inference) opened. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Provider {
    pub(crate) name: ProviderName,
    pub(crate) precision: Precision,
    pub(crate) threads: usize,
    pub(crate) pinned: bool,
    pub(crate) backend: Backend,
}

/// Whose code it is.
#[derive(Clone, Debug)]
pub(crate) enum Backend {
    OnnxRuntime(Runtime),
    Native,
}

impl Provider {
    /// Which one.
    pub fn name(&self) -> ProviderName {
        self.name
    }

    /// In which products are computed.
    pub fn precision(&self) -> Precision {
        self.precision
    }

    /// Threads that work on each batch.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Version of what runs the graph; what ONNX Runtime says of its build, where its version is unknown.
    pub fn version(&self) -> &str {
        match &self.backend {
            Backend::OnnxRuntime(runtime) => runtime.version().unwrap_or_else(|| runtime.build_info()),
            Backend::Native => env!("CARGO_PKG_VERSION"),
        }
    }

    /// How ONNX Runtime's sessions are to compute.
    pub(crate) fn execution(&self) -> Execution {
        let &Self { name: provider, precision, threads, .. } = self;
        Execution { provider, precision, threads }
    }

    /// The ONNX Runtime that it is, if it is one.
    pub fn runtime(&self) -> Option<&Runtime> {
        match &self.backend {
            Backend::OnnxRuntime(runtime) => Some(runtime),
            Backend::Native => None,
        }
    }
}

/// For reports: `ONNX Runtime 1.31.1`, `ONNX Runtime 1.24.1 with openvino in bf16`, `native 0.1.0`.
impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.backend {
            Backend::OnnxRuntime(runtime) => {
                write!(f, "ONNX Runtime {}", runtime.version().unwrap_or("of an unknown version"))
            }
            Backend::Native => write!(f, "native {}", self.version()),
        }?;
        if !matches!(self.name, ProviderName::Native | ProviderName::Cpu) {
            write!(f, " with {}", self.name)?;
        }
        match self.precision {
            Precision::F32 => Ok(()),
            precision => write!(f, " in {precision}"),
        }
    }
}
