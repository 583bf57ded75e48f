//! What runs a graph.

use std::fmt;

use crate::Runtime;

/// What runs a policy's graph. A [`Runtime`] is one: ONNX Runtime on the processor.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Provider {
    /// ONNX Runtime on the processor: any graph.
    Cpu(Runtime),
    /// The engine of this project ([`parapolicy_engine`]): the conditional 1-D U-Nets of Diffusion Policy, in f32.
    /// ONNX Runtime is neither needed nor looked for.
    Native,
}

impl Provider {
    /// `cpu` or `native`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Cpu(_) => "cpu",
            Self::Native => "native",
        }
    }

    /// Version of what runs the graph; what ONNX Runtime says of its build, where its version is unknown.
    pub fn version(&self) -> &str {
        match self {
            Self::Cpu(runtime) => runtime.version().unwrap_or_else(|| runtime.build_info()),
            Self::Native => env!("CARGO_PKG_VERSION"),
        }
    }

    /// The ONNX Runtime that it is, if it is one.
    pub fn runtime(&self) -> Option<&Runtime> {
        match self {
            Self::Cpu(runtime) => Some(runtime),
            Self::Native => None,
        }
    }
}

impl From<&Runtime> for Provider {
    fn from(runtime: &Runtime) -> Self {
        Self::Cpu(runtime.clone())
    }
}

impl From<&Self> for Provider {
    fn from(provider: &Self) -> Self {
        provider.clone()
    }
}

/// For reports: `ONNX Runtime 1.31.1`, `native 0.1.0`.
impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu(runtime) => write!(f, "ONNX Runtime {}", runtime.version().unwrap_or("of an unknown version")),
            Self::Native => write!(f, "native {}", self.version()),
        }
    }
}
