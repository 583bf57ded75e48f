//! What can be wrong with `policy.json`.

use std::{
    fmt::Display,
    io,
    path::{Path, PathBuf},
};

/// What is wrong with a manifest: the file, the field and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The file cannot be read.
    #[error("{}: cannot be read ({source}); a policy is a directory with policy.json and its graph", path.display())]
    Read {
        /// The manifest.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not JSON, or a field is missing, unknown, of the wrong type or of a value that makes no sense.
    #[error("{}: `{field}` {problem}", path.display())]
    Field {
        /// The manifest.
        path: PathBuf,
        /// The field, as a path from the root.
        field: String,
        /// What is wrong with it.
        problem: String,
    },
}

impl ManifestError {
    pub(super) fn field(path: &Path, field: impl Display, problem: impl Display) -> Self {
        Self::Field { path: path.to_path_buf(), field: field.to_string(), problem: problem.to_string() }
    }

    /// What the JSON reader says, with the field where it stopped.
    pub(super) fn from_json(path: &Path, error: &serde_path_to_error::Error<serde_json::Error>) -> Self {
        Self::field(path, error.path(), format_args!("cannot be read: {}", error.inner()))
    }
}
