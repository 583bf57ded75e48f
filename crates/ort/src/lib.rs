//! ONNX Runtime as a backend: it runs any graph, on processors and GPUs.
//!
//! [`backends`] is the list of everything that runs graphs: the engine of this project and the [`ExecutionProvider`]s here.
//! [`Runtime`] finds the shared library of ONNX Runtime, or installs it, and loads it once for the whole process.
//!
//! # Example
//!
//! ```no_run
//! use parapolicy_ort::{CPU, inference};
//! use parapolicy_policy::{Inference, Network};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let provider = Inference { provider: CPU, ..inference() }.open(&())?; // installs ONNX Runtime if it is not there
//! let network = Network::load("models/pusht".as_ref(), &provider)?;
//! assert_eq!(network.provider().name(), CPU);
//! # Ok(())
//! # }
//! ```

mod backend;
mod execution_provider;
mod graph;
mod runtime;

use std::path::PathBuf;

use parapolicy_policy::{BackendName, Backends, Inference};

pub use execution_provider::{CPU, CUDA, ExecutionProvider, OPENVINO, TENSORRT};
pub use runtime::{Installable, LibrarySource, Runtime, RuntimeError};

/// All backends that there are here: `native`, `cpu`, `openvino`, `cuda`, `tensorrt`.
///
/// ```
/// let names: Vec<_> = parapolicy_ort::backends().iter().map(|backend| backend.to_string()).collect();
/// assert_eq!(names, ["native", "cpu", "openvino", "cuda", "tensorrt"]);
/// ```
pub fn backends() -> Backends {
    ExecutionProvider::ALL.iter().fold(Backends::default(), |list, provider| {
        // Five different names: none is refused.
        list.clone().with(provider).unwrap_or(list)
    })
}

/// The default, with encoders run by ONNX Runtime on the processor.
pub fn inference() -> Inference {
    Inference { encoder: Some(CPU), ..Inference::default() }
}

/// The backend that is meant if nobody names one: ONNX Runtime where its `library` is named, else the engine.
pub fn implied(library: Option<&PathBuf>) -> BackendName {
    if library.is_some() { CPU } else { BackendName::default() }
}
