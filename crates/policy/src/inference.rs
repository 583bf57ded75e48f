//! Describes where inference happens, before anything is loaded.

use std::{fmt, num::NonZero, path::PathBuf, thread::available_parallelism, time::Duration};

use parapolicy_sampler::BoxError;

use crate::{BackendError, BackendName, InstallObserver, Precision, Provider};

/// What idle threads of ONNX Runtime's own kernels do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Idle {
    /// Poll for work: they start at once, but occupy their cores while idle.
    #[default]
    Spin,
    /// Sleep until they are woken.
    Sleep,
}

/// Servers that run the network, for a backend that asks some.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// Their addresses, as the backend takes them. They share the rows of every batch.
    pub urls: Vec<String>,
    /// How long a batch may go without an answer.
    pub timeout: Duration,
}

impl Default for Endpoints {
    /// None, and two seconds.
    fn default() -> Self {
        Self { urls: Vec::new(), timeout: Duration::from_secs(2) }
    }
}

/// Where inference happens, and what for: which backend runs the network, in which precision, on which threads and devices;
/// and the task that the network is told.
///
/// # Example
/// ```
/// use parapolicy_policy::{Inference, Network};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let provider = Inference { threads: 1, ..Inference::default() }.open(&())?;
/// # let models = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/pusht");
/// let network = Network::load(models.as_ref(), &provider)?;
/// assert_eq!((provider.name().to_string(), provider.threads()), ("native".into(), 1));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Inference {
    /// What runs the network: the engine of this project, unless another backend is named.
    pub provider: BackendName,
    /// What encodes observations where the engine would, and refuses the graph; without it, such policies are refused. The
    /// engine encodes where it is the `provider`, or `provider` runs no encoders.
    pub encoder: Option<BackendName>,
    /// Precision of the network's products.
    pub precision: Precision,
    /// Threads that work on each batch; 0 means one per core.
    pub threads: usize,
    /// Whether each thread except the calling one is pinned to a core of its own.
    pub pinned: bool,
    /// What idle threads do, where the provider has this setting.
    pub idle: Idle,
    /// Devices that share the rows of every batch, each with all of the network, as the window of a plan is spread over
    /// GPUs by Shih et al. 2023 (arXiv 2305.16317): GPUs by their numbers. The processor is device 0, the only one of
    /// other providers. Without any, device 0 alone; named twice, it works on two parts at once.
    pub devices: Vec<u32>,
    /// The provider's shared library, where it has one; without it, the provider finds its own.
    pub library: Option<PathBuf>,
    /// The servers to ask, where the provider asks some.
    pub endpoints: Endpoints,
    /// The name of the task, for policies that are told one ([`Manifest::tasks`](crate::Manifest)); without it the only one.
    pub task: Option<String>,
}

/// Why inference cannot happen there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InferenceError {
    /// What the provider needs cannot be had: the provider's own error.
    #[error(transparent)]
    Unavailable(BoxError),
    /// A library was named that the provider does not use.
    #[error("ort-lib: the provider {provider} has no use for ONNX Runtime; leave it out, or name the provider cpu")]
    UnusedLibrary {
        /// The provider.
        provider: BackendName,
    },
    /// Servers were named that the provider does not ask.
    #[error("endpoint: the provider {provider} runs the network itself; leave it out, or name the provider remote")]
    UnusedEndpoint {
        /// The provider.
        provider: BackendName,
    },
    /// No server was named, and the provider asks one.
    #[error("endpoint: the provider {provider} asks a server; name it, http://HOST:PORT/v2/models/NAME")]
    NoEndpoint {
        /// The provider.
        provider: BackendName,
    },
    /// No time to wait for servers in.
    #[error("timeout is 0, but must be more")]
    NoTime,
    /// The processor does not compute in it.
    #[error("precision: this processor does not compute in {0}; use f32")]
    Processor(Precision),
    /// The provider does not compute in it.
    #[error("precision: the provider {provider} does not compute in {precision}; use {}", known(*provider))]
    Precision {
        /// The provider.
        provider: BackendName,
        /// The precision.
        precision: Precision,
    },
    /// More threads than any machine that this runs on has cores.
    #[error("threads is {0}, but must be at most {MOST_THREADS}; 0: one per core")]
    Threads(usize),
    /// The provider does not pin its threads.
    #[error("pin: the provider {0} does not pin its threads; leave it out, or name the provider native")]
    Pinning(BackendName),
    /// There is no such device.
    #[error("devices: the provider {provider} has no device {device}: the processor is its only one, number 0")]
    Device {
        /// The provider.
        provider: BackendName,
        /// Its number.
        device: u32,
    },
    /// There is no provider of this name.
    #[error("provider: `{name}` is not known; use {known}")]
    UnknownProvider {
        /// The name.
        name: String,
        /// Those that there are.
        known: String,
    },
}

impl fmt::Display for Idle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Spin => "spin",
            Self::Sleep => "sleep",
        })
    }
}

/// Most threads that can be asked for; starting more would use up what the system has.
const MOST_THREADS: usize = 1024;

impl Inference {
    /// Threads that work on each batch: one per core where none are named.
    pub fn threads(&self) -> usize {
        if self.threads > 0 { self.threads } else { available_parallelism().map_or(1, NonZero::get) }
    }

    /// Variants of this that a calibration compares: 1, 2, 4 threads and so on up to one per core, and other settings
    /// of the provider. Where threads are named, or have no effect, only this one.
    ///
    /// ```
    /// use parapolicy_policy::Inference;
    ///
    /// let named = Inference { threads: 3, ..Inference::default() };
    /// assert_eq!(named.candidates(), [named.clone()]);
    /// assert!(Inference::default().candidates().iter().any(|way| way.threads == 1));
    /// ```
    pub fn candidates(&self) -> Vec<Self> {
        if self.threads > 0 { vec![self.clone()] } else { self.provider.backend().candidates(self) }
    }

    /// The same with 1, 2, 4 threads and so on, up to `most`.
    #[must_use]
    pub fn by_threads(&self, most: usize) -> Vec<Self> {
        let fewer = std::iter::successors(Some(1), |threads| Some(2 * threads)).take_while(|threads| *threads < most);
        fewer.chain([most]).map(|threads| Self { threads, ..self.clone() }).collect()
    }

    /// Opens the provider. Libraries that it needs are searched for, or installed; `observer` receives the progress.
    ///
    /// # Errors
    /// What the provider needs cannot be had, or is named and not needed; or the provider does not compute in the
    /// precision or on the devices, or does not pin its threads.
    pub fn open(&self, observer: &dyn InstallObserver) -> Result<Provider, InferenceError> {
        let &Self { provider, precision, pinned, .. } = self;
        let backend = provider.backend();
        if self.threads > MOST_THREADS {
            return Err(InferenceError::Threads(self.threads));
        }
        if !backend.precisions().contains(&precision) {
            return Err(InferenceError::Precision { provider, precision });
        }
        if pinned && !backend.pins_threads() {
            return Err(InferenceError::Pinning(provider));
        }
        if let Some(&device) = self.devices.iter().find(|device| !backend.has_device(**device)) {
            return Err(InferenceError::Device { provider, device });
        }
        if self.library.is_some() && !backend.takes_library() {
            return Err(InferenceError::UnusedLibrary { provider });
        }
        match (backend.takes_endpoints(), self.endpoints.urls.is_empty()) {
            (false, false) => return Err(InferenceError::UnusedEndpoint { provider }),
            (true, true) => return Err(InferenceError::NoEndpoint { provider }),
            _ if self.endpoints.timeout.is_zero() => return Err(InferenceError::NoTime),
            _ => {}
        }
        let devices = if self.devices.is_empty() { vec![0] } else { self.devices.clone() };
        let settled = Self { threads: self.threads(), devices, ..self.clone() };
        match backend.open(&settled, observer) {
            Ok(backend) => Ok(Provider::new(settled, backend)),
            Err(BackendError::Processor) => Err(InferenceError::Processor(precision)),
            Err(BackendError::Unavailable(error)) => Err(InferenceError::Unavailable(error)),
        }
    }
}

fn known(provider: BackendName) -> String {
    let precisions = provider.backend().precisions();
    precisions.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
