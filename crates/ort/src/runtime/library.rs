//! Looks at a shared library before it is loaded: to load one is to run it.
//!
//! A library is refused that others may replace, that is cut short (touching what is missing would kill the process), that
//! is for another processor, or that is not ONNX Runtime: its table of names must have `OrtGetApiBase`. Files of the
//! format ELF are read as its description has it (<https://refspecs.linuxfoundation.org/elf/gabi4+/contents.html>); of
//! other systems' formats, the loader says what is wrong.
//!
//! What was looked at is what is loaded, because nobody but its owner can put another file in its place: neither the file
//! nor the folder that it is in may be written to by everyone.

mod elf;

use std::{fs, io, path::Path};

/// The largest library that is looked at, bytes.
const LARGEST: u64 = 2 << 30;

/// Why a library is not loaded.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unfit {
    #[error("{0}")]
    Read(#[from] io::Error),
    #[error("everyone may write to it: take that right away from others")]
    Writable,
    #[error("everyone may write to the folder that it is in: take that right away from others, or move it")]
    FolderWritable,
    #[error("its SHA-256 is {found}, but {expected} was installed")]
    Sum { found: String, expected: String },
    #[error("it is no shared library")]
    NoLibrary,
    #[error("it is cut short: it has {len} bytes, but must have {needed}")]
    Truncated { len: u64, needed: u64 },
    #[error("it is for another processor")]
    Processor,
    #[error("it does not export OrtGetApiBase")]
    Foreign,
}

/// Checks ONNX Runtime's library before it is loaded.
pub(super) fn check_runtime(path: &Path) -> Result<(), Unfit> {
    check_rights(path)?;
    let bytes = parapolicy_files::read(path, LARGEST)?;
    if cfg!(target_os = "linux") { elf::check(&bytes, b"OrtGetApiBase") } else { Ok(()) }
}

/// Refuses a library that everyone may replace.
pub(super) fn check_rights(path: &Path) -> Result<(), Unfit> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path: &Path| fs::metadata(path).map(|found| found.permissions().mode());
        if mode(path)? & 0o002 != 0 {
            return Err(Unfit::Writable);
        }
        // In a folder with the sticky bit, as /tmp is, a file can be replaced by its owner alone.
        let folder = path.parent().map_or(Ok(0), mode)?;
        if folder & 0o002 != 0 && folder & 0o1000 == 0 {
            return Err(Unfit::FolderWritable);
        }
    }
    #[cfg(not(unix))]
    fs::metadata(path)?;
    Ok(())
}
