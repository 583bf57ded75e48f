//! Where a file is to be written, and how.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// Where a file is to be written, and how.
pub(crate) enum Place {
    /// A regular file, or none yet: a new one is renamed over it.
    Renamed(PathBuf),
    /// A device or a pipe: a rename would replace it.
    Through(PathBuf),
}

impl Place {
    /// The place that a path leads to, links followed.
    pub fn of(path: &Path) -> io::Result<Self> {
        let is_link = path.symlink_metadata().is_ok_and(|found| found.is_symlink());
        let path = if is_link { fs::canonicalize(path)? } else { path.to_path_buf() };
        let Ok(found) = path.metadata() else { return Ok(Self::Renamed(path)) };
        if found.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        if !found.is_file() {
            return Ok(Self::Through(path));
        }
        if found.permissions().readonly() {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is marked read-only"));
        }
        Ok(Self::Renamed(path))
    }
}

/// A temporary folder beside a path, whose files have the permissions that any new file has.
pub(crate) fn aside(path: &Path) -> io::Result<TempDir> {
    tempfile::Builder::new().prefix(".parapolicy-").tempdir_in(parent(path))
}

/// The folder that a path is in; a bare name is in the current one.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}
