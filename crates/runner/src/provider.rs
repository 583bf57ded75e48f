//! What runs a graph.

use std::fmt;

use parapolicy_engine::kernel::Kernel;

use crate::{Idle, Precision, ProviderName, Runtime, runtime::Execution};

/// What runs policies' graphs, ready: what [`Inference`](crate::Inference) opened. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Provider {
    pub(crate) name: ProviderName,
    pub(crate) precision: Precision,
    pub(crate) threads: usize,
    pub(crate) pinned: bool,
    pub(crate) idle: Idle,
    /// One at least.
    pub(crate) devices: Vec<u32>,
    pub(crate) backend: Backend,
}

/// Whose code it is.
#[derive(Clone, Debug)]
pub(crate) enum Backend {
    OnnxRuntime(Runtime),
    Native(Kernel),
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

    /// What threads of ONNX Runtime's own kernels do while there is nothing to do.
    pub fn idle(&self) -> Idle {
        self.idle
    }

    /// Numbers of the devices that share the rows of every batch.
    pub fn devices(&self) -> &[u32] {
        &self.devices
    }

    /// Version of what runs the graph; what ONNX Runtime says of its build, where its version is unknown.
    pub fn version(&self) -> &str {
        match &self.backend {
            Backend::OnnxRuntime(runtime) => runtime.version().unwrap_or_else(|| runtime.build_info()),
            Backend::Native(_) => env!("CARGO_PKG_VERSION"),
        }
    }

    /// How ONNX Runtime's sessions are to compute on a device.
    pub(crate) fn execution(&self, device: u32) -> Execution {
        let &Self { name: provider, precision, threads, idle, .. } = self;
        Execution { provider, precision, threads, idle, device }
    }

    /// The ONNX Runtime that it is, if it is one.
    pub fn runtime(&self) -> Option<&Runtime> {
        match &self.backend {
            Backend::OnnxRuntime(runtime) => Some(runtime),
            Backend::Native(_) => None,
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
            Backend::Native(_) => write!(f, "native {}", self.version()),
        }?;
        if !matches!(self.name, ProviderName::Native | ProviderName::Cpu) {
            write!(f, " with {}", self.name)?;
        }
        if self.precision != Precision::F32 {
            write!(f, " in {}", self.precision)?;
        }
        if self.idle == Idle::Sleep {
            f.write_str(", threads asleep in between")?;
        }
        match &self.devices[..] {
            [0] => Ok(()),
            devices => {
                let numbers: Vec<_> = devices.iter().map(ToString::to_string).collect();
                write!(f, " on devices {}", numbers.join(", "))
            }
        }
    }
}
