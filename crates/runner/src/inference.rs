//! Where inference happens, said before anything is loaded.

use std::{fmt, num::NonZero, path::PathBuf, str::FromStr, thread::available_parallelism};

use parapolicy_engine::kernel::Kernel;
pub use parapolicy_engine::{Precision, UnknownPrecision};

use crate::{InstallObserver, Provider, Runtime, RuntimeError, provider::Backend, runtime::Execution};

/// What can run a policy's graph, by name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProviderName {
    /// The engine of this project ([`parapolicy_engine`]): the conditional 1-D U-Nets and transformers of Diffusion Policy.
    /// ONNX Runtime is neither needed nor looked for.
    #[default]
    Native,
    /// ONNX Runtime on the processor: any graph.
    Cpu,
    /// ONNX Runtime with OpenVINO, on the processor.
    OpenVino,
    /// ONNX Runtime with CUDA, on a GPU of NVIDIA.
    Cuda,
    /// ONNX Runtime with `TensorRT`, on a GPU of NVIDIA.
    TensorRt,
}

/// Where inference happens: what runs the network, how exactly, and on how much of the machine.
///
/// # Example
/// ```
/// use parapolicy_runner::{Inference, Policy};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let provider = Inference { threads: 1, ..Inference::default() }.open(&())?;
/// # let models = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/pusht");
/// let policy = Policy::load(models.as_ref(), &provider)?;
/// assert_eq!((provider.name().to_string(), provider.threads()), ("native".into(), 1));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inference {
    /// What runs the network.
    pub provider: ProviderName,
    /// In which its products are computed.
    pub precision: Precision,
    /// Threads that work on each batch; 0 is one a core.
    pub threads: usize,
    /// Whether each of them but the calling one keeps to a core of its own.
    pub pinned: bool,
    /// ONNX Runtime's library; without it, as [`Runtime::find_or_install`] finds it.
    pub library: Option<PathBuf>,
}

/// Why inference cannot happen there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InferenceError {
    /// ONNX Runtime cannot be had.
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    /// A library that nobody would use.
    #[error("ort-lib: the provider {provider} has no use for ONNX Runtime; leave it out, or name the provider cpu")]
    UnusedLibrary {
        /// The provider.
        provider: ProviderName,
    },
    /// The processor does not compute in it.
    #[error("precision: this processor does not compute in {0}; use f32")]
    Processor(Precision),
    /// The provider does not compute in it.
    #[error("precision: the provider {provider} does not compute in {precision}; use {}", known(*provider))]
    Precision {
        /// The provider.
        provider: ProviderName,
        /// The precision.
        precision: Precision,
    },
    /// Its threads are ONNX Runtime's.
    #[error("pin: the provider {0} does not pin its threads; leave it out, or name the provider native")]
    Pinning(ProviderName),
    /// There is no provider of this name.
    #[error("provider: `{0}` is not known; use {names}", names = names(&ProviderName::ALL))]
    UnknownProvider(String),
}

impl ProviderName {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Native, Self::Cpu, Self::OpenVino, Self::Cuda, Self::TensorRt];

    /// What it computes in, the default first.
    pub fn precisions(self) -> &'static [Precision] {
        match self {
            Self::Native | Self::OpenVino | Self::TensorRt => &[Precision::F32, Precision::Bf16],
            Self::Cpu | Self::Cuda => &[Precision::F32],
        }
    }

    /// The version that runs without an installation: the engine's, or that of the library that was installed.
    pub fn installed_version(self) -> Option<&'static str> {
        match self {
            Self::Native => Some(env!("CARGO_PKG_VERSION")),
            _ => Runtime::installed_version(self),
        }
    }

    /// OpenVINO would compute in f32 where the processor lacks bf16, and not say so.
    fn check_processor(self, precision: Precision) -> Result<(), InferenceError> {
        let lacks = precision == Precision::Bf16 && !Kernel::fastest(precision).is_available();
        if self == Self::OpenVino && lacks { Err(InferenceError::Processor(precision)) } else { Ok(()) }
    }

    /// The one that is meant if nobody names it: ONNX Runtime where its `library` is named, else the engine.
    pub fn implied(library: Option<&PathBuf>) -> Self {
        if library.is_some() { Self::Cpu } else { Self::default() }
    }
}

impl fmt::Display for ProviderName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Native => "native",
            Self::Cpu => "cpu",
            Self::OpenVino => "openvino",
            Self::Cuda => "cuda",
            Self::TensorRt => "tensorrt",
        })
    }
}

impl FromStr for ProviderName {
    type Err = InferenceError;

    fn from_str(name: &str) -> Result<Self, InferenceError> {
        let known = Self::ALL.into_iter().find(|provider| provider.to_string() == name);
        known.ok_or_else(|| InferenceError::UnknownProvider(name.into()))
    }
}

impl Inference {
    /// Threads that work on each batch: one a core where none are named.
    pub fn threads(&self) -> usize {
        if self.threads > 0 { self.threads } else { available_parallelism().map_or(1, NonZero::get) }
    }

    /// Makes the provider ready. ONNX Runtime is looked for, or installed, where it is needed; `observer` hears of that.
    ///
    /// # Errors
    /// ONNX Runtime cannot be had, or is named and not needed; or the provider does not compute in the precision, or pin
    /// its threads.
    pub fn open(&self, observer: &dyn InstallObserver) -> Result<Provider, InferenceError> {
        let Self { provider, precision, pinned, ref library, .. } = *self;
        let threads = self.threads();
        if !provider.precisions().contains(&precision) {
            return Err(InferenceError::Precision { provider, precision });
        }
        if pinned && provider != ProviderName::Native {
            return Err(InferenceError::Pinning(provider));
        }
        let backend = if provider == ProviderName::Native {
            if library.is_some() {
                return Err(InferenceError::UnusedLibrary { provider });
            }
            Backend::Native
        } else {
            provider.check_processor(precision)?;
            let runtime = Runtime::find_or_install(provider, library.as_deref(), observer)?;
            runtime.try_out(Execution { provider, precision, threads })?;
            Backend::OnnxRuntime(runtime)
        };
        Ok(Provider { name: provider, precision, threads, pinned, backend })
    }
}

fn known(provider: ProviderName) -> String {
    names(provider.precisions())
}

fn names(names: &[impl fmt::Display]) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
