//! The execution providers of ONNX Runtime.

use std::fmt;

use parapolicy_policy::BackendName;

/// ONNX Runtime on the processor.
pub const CPU: BackendName = BackendName::of(&ExecutionProvider::Cpu);
/// ONNX Runtime with OpenVINO, on the processor.
pub const OPENVINO: BackendName = BackendName::of(&ExecutionProvider::OpenVino);
/// ONNX Runtime with CUDA, on a GPU of NVIDIA.
pub const CUDA: BackendName = BackendName::of(&ExecutionProvider::Cuda);
/// ONNX Runtime with `TensorRT`, on a GPU of NVIDIA.
pub const TENSORRT: BackendName = BackendName::of(&ExecutionProvider::TensorRt);

/// Execution provider of ONNX Runtime. Each is a [`Backend`](parapolicy_policy::Backend).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExecutionProvider {
    /// Its own kernels, on the processor: any graph.
    Cpu,
    /// OpenVINO, on the processor.
    OpenVino,
    /// CUDA, on a GPU of NVIDIA.
    Cuda,
    /// `TensorRT`, on a GPU of NVIDIA.
    TensorRt,
}

impl ExecutionProvider {
    /// All of them.
    pub const ALL: &'static [Self] = &[Self::Cpu, Self::OpenVino, Self::Cuda, Self::TensorRt];

    /// The execution provider that a backend is, if it is one.
    pub fn of(name: BackendName) -> Option<Self> {
        Self::ALL.iter().copied().find(|provider| provider.as_str() == name.as_str())
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::OpenVino => "openvino",
            Self::Cuda => "cuda",
            Self::TensorRt => "tensorrt",
        }
    }
}

impl fmt::Display for ExecutionProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
