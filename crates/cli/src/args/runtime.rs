//! Arguments of `parapolicy runtime`.

use std::path::PathBuf;

use clap::Subcommand;
use parapolicy_ort::backends;
use parapolicy_policy::{BackendName, InferenceError};

/// `parapolicy runtime`.
#[derive(Debug, Subcommand)]
pub enum RuntimeCommand {
    /// Show which providers' libraries can be installed here, and which are.
    List,
    /// Install a provider's libraries, as its first use would.
    Install {
        /// Provider: `cpu`, `openvino`, `cuda` or `tensorrt`.
        #[arg(value_parser = backend)]
        provider: BackendName,
    },
    /// Load the library that a provider would use, and show where it is; nothing is installed.
    Which {
        /// Provider.
        #[arg(default_value = "cpu", value_parser = backend)]
        provider: BackendName,
        /// ONNX Runtime's library, as other commands take it.
        #[arg(long, value_name = "FILE")]
        ort_lib: Option<PathBuf>,
    },
}

fn backend(name: &str) -> Result<BackendName, InferenceError> {
    backends().parse(name)
}
