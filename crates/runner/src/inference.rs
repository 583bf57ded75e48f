//! Where inference happens, said before anything is loaded.

use std::{fmt, iter, num::NonZero, path::PathBuf, str::FromStr, thread::available_parallelism};

use parapolicy_engine::Engine;

use crate::{InstallObserver, Precision, Provider, Runtime, RuntimeError, provider::Backend, runtime::Execution};

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

/// What threads of ONNX Runtime's own kernels do while there is nothing to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Idle {
    /// Look for work again and again: they are there at once when there is some, and in the way of others until then.
    #[default]
    Spin,
    /// Sleep until they are woken.
    Sleep,
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
    /// What they do in between, where the provider is [`Cpu`](ProviderName::Cpu); others have ways of their own.
    pub idle: Idle,
    /// Devices that share the rows of every batch, each with all of the network, as the window of a plan is spread over
    /// GPUs by Shih et al. 2023 (arXiv 2305.16317): GPUs by their numbers. The processor is device 0, the only one of other
    /// providers. Without any, device 0 alone; named twice, it works on two parts at once.
    pub devices: Vec<u32>,
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
    /// There is no such device.
    #[error("devices: the provider {provider} has no device {device}: the processor is its only one, number 0")]
    Device {
        /// The provider.
        provider: ProviderName,
        /// Its number.
        device: u32,
    },
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
            Self::TensorRt => &[Precision::F32, Precision::Bf16, Precision::F16],
            Self::Native | Self::OpenVino => &[Precision::F32, Precision::Bf16],
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
        let lacks = precision.kernel().is_none_or(|kernel| !kernel.is_available());
        if self == Self::OpenVino && lacks { Err(InferenceError::Processor(precision)) } else { Ok(()) }
    }

    /// Whether it computes on the processor, which is device 0 then.
    fn check_devices(self, devices: &[u32]) -> Result<(), InferenceError> {
        let many = matches!(self, Self::Cuda | Self::TensorRt);
        match devices.iter().find(|device| !many && **device > 0) {
            Some(&device) => Err(InferenceError::Device { provider: self, device }),
            None => Ok(()),
        }
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

impl fmt::Display for Idle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Spin => "spin",
            Self::Sleep => "sleep",
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

    /// Ways of running the same that a calibration compares: 1, 2, 4 threads and so on up to one a core, those of ONNX
    /// Runtime's own kernels spinning or asleep in between. Where threads are named, or do nothing, this one alone.
    ///
    /// ```
    /// use parapolicy_runner::Inference;
    ///
    /// let named = Inference { threads: 3, ..Inference::default() };
    /// assert_eq!(named.candidates(), [named.clone()]);
    /// assert!(Inference::default().candidates().iter().any(|way| way.threads == 1));
    /// ```
    pub fn candidates(&self) -> Vec<Self> {
        let most = match self.provider {
            _ if self.threads > 0 => return vec![self.clone()],
            ProviderName::Cuda | ProviderName::TensorRt => return vec![self.clone()],
            ProviderName::Native => self.threads().min(Engine::THREADS),
            ProviderName::Cpu | ProviderName::OpenVino => self.threads(),
        };
        let fewer = iter::successors(Some(1), |threads| Some(2 * threads)).take_while(|threads| *threads < most);
        let way = |(threads, idle)| Self { threads, idle, ..self.clone() };
        let spinning = fewer.chain([most]).map(|threads| (threads, Idle::Spin));
        let both = |(threads, _)| [(threads, Idle::Spin), (threads, Idle::Sleep)];
        match self.provider {
            // The calling thread waits for nobody.
            ProviderName::Cpu => spinning.flat_map(both).filter(|way| *way != (1, Idle::Sleep)).map(way).collect(),
            _ => spinning.map(way).collect(),
        }
    }

    /// Makes the provider ready. ONNX Runtime is looked for, or installed, where it is needed; `observer` hears of that.
    ///
    /// # Errors
    /// ONNX Runtime cannot be had, or is named and not needed; or the provider does not compute in the precision or on the
    /// devices, or does not pin its threads.
    pub fn open(&self, observer: &dyn InstallObserver) -> Result<Provider, InferenceError> {
        let Self { provider, precision, pinned, idle, ref library, .. } = *self;
        let threads = self.threads();
        let lacking = InferenceError::Precision { provider, precision };
        if !provider.precisions().contains(&precision) {
            return Err(lacking);
        }
        if pinned && provider != ProviderName::Native {
            return Err(InferenceError::Pinning(provider));
        }
        provider.check_devices(&self.devices)?;
        let devices = if self.devices.is_empty() { vec![0] } else { self.devices.clone() };
        let backend = if provider == ProviderName::Native {
            if library.is_some() {
                return Err(InferenceError::UnusedLibrary { provider });
            }
            Backend::Native(precision.kernel().ok_or(lacking)?)
        } else {
            provider.check_processor(precision)?;
            let runtime = Runtime::find_or_install(provider, library.as_deref(), observer)?;
            for &device in &devices {
                runtime.try_out(Execution { provider, precision, threads, idle, device })?;
            }
            Backend::OnnxRuntime(runtime)
        };
        Ok(Provider { name: provider, precision, threads, pinned, idle, devices, backend })
    }
}

fn known(provider: ProviderName) -> String {
    names(provider.precisions())
}

fn names(names: &[impl fmt::Display]) -> String {
    names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
