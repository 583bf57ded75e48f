//! What can be wrong with `policy.json`.

use std::{
    io,
    path::{Path, PathBuf},
};

/// What is wrong with a manifest: the file, the field and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// The file cannot be read.
    #[error("{}: cannot be read ({error}); a policy is a directory with policy.json and its graph", path.display())]
    Read {
        /// The manifest.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// There is no such file.
    #[error("{}: is not there; {why}. A policy is a directory with policy.json and its graph", path.display())]
    Missing {
        /// The manifest that was looked for.
        path: PathBuf,
        /// What was found in its place, and what to do.
        why: String,
    },
    /// The directory holds a denoiser that is no policy.
    #[error(
        "{}: describes a denoiser that is no policy: it sees no observations and plans no actions, so that nothing can be \
         controlled with it; draw from it with `parapolicy sample`, compare samplers with `parapolicy bench`",
        path.display()
    )]
    NoPolicy {
        /// Its manifest.
        path: PathBuf,
    },
    /// The file is not JSON, or not of this schema, and no field is to blame.
    #[error("{}: is not a manifest: {error}", path.display())]
    Json {
        /// The manifest.
        path: PathBuf,
        /// What the JSON reader says.
        error: String,
    },
    /// What `adopt` left open has not been filled in.
    #[error(
        "{}: still to be filled in: {}",
        path.display(),
        fields.iter().map(|field| format!("`{field}`")).collect::<Vec<_>>().join(", ")
    )]
    Blank {
        /// The manifest.
        path: PathBuf,
        /// Where, as paths from the root.
        fields: Vec<String>,
    },
    /// A field is of the wrong type, unknown, or of a value that makes no sense.
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
    /// What the JSON reader says, with the field where it stopped, if it was in one.
    pub(super) fn from_json(path: &Path, error: &serde_path_to_error::Error<serde_json::Error>) -> Self {
        let (path, field) = (path.to_path_buf(), error.path().to_string());
        match field.as_str() {
            "." | "?" => Self::Json { path, error: error.inner().to_string() },
            _ => Self::Field { path, field, problem: format!("cannot be read: {}", error.inner()) },
        }
    }
}
