//! What can be wrong with a graph.

use std::{io, path::PathBuf};

use parapolicy_engine::EngineError;

use crate::ProviderName;

/// What is wrong with a graph: the file, what, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GraphError {
    /// The file cannot be read.
    #[error("{}: cannot be read ({error}); policy.json names it", path.display())]
    Read {
        /// The graph.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The file is not the one the manifest was written for.
    #[error(
        "{}: SHA-256 is {found}, but policy.json says {expected}: fetch or export all files again",
        path.display()
    )]
    Checksum {
        /// The graph.
        path: PathBuf,
        /// The sum in the manifest.
        expected: String,
        /// The sum of the file.
        found: String,
    },
    /// ONNX Runtime does not take the file.
    #[error("{}: ONNX Runtime cannot open it as a graph ({error}); export it again", path.display())]
    Open {
        /// The graph.
        path: PathBuf,
        /// What it says.
        error: ort::Error,
    },
    /// ONNX Runtime's provider does not take the file, or not all of it.
    #[error("{}: {provider} cannot run the whole of it ({error}); cpu runs any graph", path.display())]
    Provider {
        /// The graph.
        path: PathBuf,
        /// Which.
        provider: ProviderName,
        /// What ONNX Runtime says.
        error: ort::Error,
    },
    /// The engine does not take the file.
    #[error("{}: {error}", path.display())]
    Native {
        /// The graph.
        path: PathBuf,
        /// What it says.
        error: EngineError,
    },
    /// The engine does not run networks without an observation.
    #[error(
        "{}: sees no observation, which is inpainted into the plan; the engine does not run such networks: use the provider cpu",
        path.display()
    )]
    Inpainting {
        /// The graph.
        path: PathBuf,
    },
    /// The graph's inputs or output are not what the manifest says.
    #[error("{}: {problem}", path.display())]
    Mismatch {
        /// The graph.
        path: PathBuf,
        /// Which input or output, and what is wrong with it.
        problem: String,
    },
}
