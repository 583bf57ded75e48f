//! Registers execution providers with sessions.

use ort::{
    ep::{self, ArbitrarilyConfigurableExecutionProvider as _, ExecutionProvider as _, ExecutionProviderDispatch},
    session::builder::SessionBuilder,
    util::preload_dylib,
};

use parapolicy_policy::{Idle, Precision, cache_directory};

use super::RuntimeError;
use crate::ExecutionProvider;

/// How a session is computed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Execution {
    pub provider: ExecutionProvider,
    pub precision: Precision,
    pub threads: usize,
    pub idle: Idle,
    pub device: u32,
}

/// Whether the library that is loaded was built with the provider. That its own libraries are there is not said.
pub(super) fn is_built_in(provider: ExecutionProvider) -> bool {
    match provider {
        ExecutionProvider::Cpu => Ok(true),
        ExecutionProvider::OpenVino => ep::OpenVINO::is_available(),
        ExecutionProvider::Cuda => ep::CUDA::is_available(),
        ExecutionProvider::TensorRt => ep::TensorRT::is_available(),
    }
    .unwrap_or(false)
}

impl Execution {
    /// Has the session computed so: by the provider alone: leaving a part of the graph to the processor would be a
    /// silent fall-back.
    pub fn prepare(self, builder: SessionBuilder) -> ort::Result<SessionBuilder> {
        let Some(provider) = self.dispatch() else {
            let spinning = if self.idle == Idle::Spin { "1" } else { "0" };
            let builder = builder.with_intra_threads(self.threads)?;
            return Ok(builder.with_config_entry("session.intra_op.allow_spinning", spinning)?);
        };
        // ONNX Runtime's own threads would have nothing to do.
        let builder = builder.with_intra_threads(1)?.with_disable_cpu_fallback()?;
        Ok(builder.with_execution_providers([provider.error_on_failure()])?)
    }

    /// Sizes of batches that sessions are opened for, where one for all sizes is slower. OpenVINO takes up to three
    /// times as long for a batch of open size, as measured in the README, and `TensorRT` builds engines for sizes.
    pub fn batch_sizes(self) -> &'static [usize] {
        match self.provider {
            ExecutionProvider::OpenVino | ExecutionProvider::TensorRt => &[1, 2, 4, 8, 12, 16, 24, 32],
            ExecutionProvider::Cpu | ExecutionProvider::Cuda => &[],
        }
    }

    /// Whether plans are faster if what follows from timesteps and observations alone is computed before, as measured
    /// in the README. On GPUs, where all of that would have to be copied to the device, it was not.
    pub fn parts_graphs(self) -> bool {
        matches!(self.provider, ExecutionProvider::Cpu | ExecutionProvider::OpenVino)
    }

    /// Whether inputs are copied to a device when they are bound, so that they must be bound again for every call.
    pub fn copies_inputs(self) -> bool {
        matches!(self.provider, ExecutionProvider::Cuda | ExecutionProvider::TensorRt)
    }

    /// What is registered with a session; nothing for what it has anyway.
    fn dispatch(self) -> Option<ExecutionProviderDispatch> {
        match self.provider {
            ExecutionProvider::Cpu => None,
            ExecutionProvider::OpenVino => Some(self.openvino().build()),
            // Its products are f32, not TF32 with 11 bits of mantissa.
            ExecutionProvider::Cuda => {
                Some(ep::CUDA::default().with_tf32(false).with_device_id(self.device as i32).build())
            }
            ExecutionProvider::TensorRt => Some(self.tensorrt().build()),
        }
    }

    /// Left to itself OpenVINO computes in bf16 wherever the processor has it.
    fn openvino(self) -> ep::OpenVINO {
        let properties = format!(r#"{{"CPU": {{"INFERENCE_PRECISION_HINT": "{}"}}}}"#, self.precision);
        ep::OpenVINO::default()
            .with_device_type("CPU")
            .with_num_threads(self.threads)
            .with_arbitrary_config("load_config", properties)
    }

    /// Engines take minutes to build, and are kept.
    fn tensorrt(self) -> ep::TensorRT {
        let tensorrt = ep::TensorRT::default()
            .with_device_id(self.device as i32)
            .with_bf16(self.precision == Precision::Bf16)
            .with_fp16(self.precision == Precision::F16);
        match cache_directory().map(|cache| cache.join("tensorrt")) {
            Some(engines) => tensorrt.with_engine_cache(true).with_engine_cache_path(engines.display()),
            None => tensorrt,
        }
    }
}

/// The driver that a provider computes by; whether there is a GPU, it says when a session is opened.
pub(super) fn ensure_driver(provider: ExecutionProvider) -> Result<(), RuntimeError> {
    const DRIVER: &str = if cfg!(windows) { "nvcuda.dll" } else { "libcuda.so.1" };
    match provider {
        ExecutionProvider::Cpu | ExecutionProvider::OpenVino => Ok(()),
        ExecutionProvider::Cuda | ExecutionProvider::TensorRt => {
            preload_dylib(DRIVER).map_err(|_| RuntimeError::NoDriver { provider, driver: DRIVER })
        }
    }
}
