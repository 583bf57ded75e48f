//! A graph's file, read once: the bytes that were hashed are the bytes that are opened.

use std::path::{Path, PathBuf};

use parapolicy_onnx::Bytes;

use super::GraphError;
use crate::hash;

/// The largest graph, bytes: no message of Protocol Buffers has more than 2 GiB.
pub(crate) const LARGEST_GRAPH: u64 = 1 << 31;

/// A graph's file, read whole. What a backend opens is what was compared with the manifest's sum, whatever becomes of the
/// file meanwhile.
#[derive(Clone, Debug)]
pub struct GraphFile {
    path: PathBuf,
    bytes: Bytes,
    sha256: String,
}

impl GraphFile {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// A file that cannot be read, is no regular file, or is larger than 2 GiB.
    pub fn read(path: impl Into<PathBuf>) -> Result<Self, GraphError> {
        let path = path.into();
        match parapolicy_files::read(&path, LARGEST_GRAPH) {
            Ok(bytes) => Ok(Self { sha256: hash::sha256(&bytes), bytes: bytes.into(), path }),
            Err(error) => Err(GraphError::Read { path, error }),
        }
    }

    /// Reads the file at `path`, whose SHA-256 must be `expected`.
    ///
    /// # Errors
    /// As for [`GraphFile::read`], or another sum.
    pub fn verified(path: impl Into<PathBuf>, expected: &str) -> Result<Self, GraphError> {
        let Self { path, bytes, sha256 } = Self::read(path)?;
        if !sha256.eq_ignore_ascii_case(expected) {
            return Err(GraphError::Checksum { path, expected: expected.into(), found: sha256 });
        }
        Ok(Self { path, bytes, sha256 })
    }

    /// Where it was read from, for messages.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its content. A clone shares it.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// SHA-256 of the content, in lower-case hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_hashed_is_what_is_opened() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("denoiser.onnx");
        std::fs::write(&path, "one").unwrap();
        let file = GraphFile::verified(&path, &hash::sha256("one").to_uppercase()).unwrap();
        std::fs::write(&path, "another").unwrap();
        assert_eq!((&file.bytes()[..], file.sha256()), (&b"one"[..], hash::sha256("one").as_str()));
        let error = GraphFile::verified(&path, file.sha256()).unwrap_err();
        assert!(matches!(error, GraphError::Checksum { .. }), "{error}");
    }
}
