//! ONNX Runtime as a backend: it runs any graph, on processors and GPUs.
//!
//! [`backends`] is the list of everything that runs graphs: the engine of this project and the [`ExecutionProvider`]s here.
//! [`Runtime`] finds the shared library of ONNX Runtime, or installs it, and loads it once for the whole process.
//!
//! # Example
//!
//! ```no_run
//! use parapolicy_ort::{CPU, backends};
//! use parapolicy_policy::{Inference, Network};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let provider = Inference { provider: CPU, ..backends().inference() }.open(&())?; // installs ONNX Runtime if it is not there
//! let network = Network::load("models/pusht".as_ref(), &provider)?;
//! assert_eq!(network.provider().name(), CPU);
//! # Ok(())
//! # }
//! ```

mod backend;
mod execution_provider;
mod graph;
mod runtime;

use parapolicy_policy::Backends;

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
