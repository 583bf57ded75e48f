//! Where ONNX Runtime's library is looked for, and in which order.

use std::{
    env, fmt, fs,
    path::{Path, PathBuf},
};

use parapolicy_policy::cache_directory;

use super::{Runtime, RuntimeError, install::Installer};
use crate::ExecutionProvider;

/// Names by which the system's linker may know ONNX Runtime.
const SYSTEM_NAMES: &[&str] = if cfg!(target_os = "macos") {
    &["libonnxruntime.dylib", "libonnxruntime.1.dylib"]
} else if cfg!(windows) {
    // Windows ships an onnxruntime.dll of its own, which is too old: only a path will do.
    &[]
} else {
    &["libonnxruntime.so", "libonnxruntime.so.1"]
};

/// The variable in which the user may name the library.
const VARIABLE: &str = "ORT_DYLIB_PATH";

/// Where a library was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LibrarySource {
    /// A path that the user gave.
    Explicit,
    /// The environment variable `ORT_DYLIB_PATH`.
    Variable,
    /// The copy in the user's cache directory.
    Installed,
    /// The system's library path.
    System,
}

impl LibrarySource {
    /// In a word, for programs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Explicit => "explicit",
            Self::Variable => "variable",
            Self::Installed => "installed",
            Self::System => "system",
        }
    }

    /// What to do about a library of this source that cannot be used.
    pub(super) fn remedy(self) -> &'static str {
        match self {
            Self::Explicit => "name the shared library of ONNX Runtime 1.17 or later, or none",
            Self::Variable => "set ORT_DYLIB_PATH to the shared library of ONNX Runtime 1.17 or later, or unset it",
            Self::Installed => "delete the file, and it is installed again",
            Self::System => "set ORT_DYLIB_PATH to the shared library of ONNX Runtime 1.17 or later",
        }
    }

    /// What to do about a library of this source that lacks a provider.
    pub(super) fn other_build(self) -> &'static str {
        match self {
            Self::Explicit => "name a build that has it, or none",
            Self::Variable => "set ORT_DYLIB_PATH to a build that has it, or unset it",
            Self::Installed | Self::System => {
                "a process loads one library, so it must be the first provider that is used"
            }
        }
    }
}

impl fmt::Display for LibrarySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Explicit => "named explicitly",
            Self::Variable => VARIABLE,
            Self::Installed => "installed before",
            Self::System => "the system's",
        })
    }
}

/// See [`Runtime::find`].
pub(super) fn find(provider: ExecutionProvider, explicit: Option<&Path>) -> Result<Option<Runtime>, RuntimeError> {
    if let Some(path) = explicit {
        return load_file(path, LibrarySource::Explicit).map(Some);
    }
    if let Some(path) = env::var_os(VARIABLE).filter(|path| !path.is_empty()) {
        return load_file(Path::new(&path), LibrarySource::Variable).map(Some);
    }
    // A machine without a wheel may still have the system's library.
    if let Ok(installer) = installer(provider)
        && let Some(library) = installer.installed()
    {
        installer.verify()?;
        installer.load_companions()?;
        return Runtime::load(library, LibrarySource::Installed).map(Some);
    }
    // Which providers the system's has is known only when it is loaded, and then it is too late for another.
    Ok(if provider == ExecutionProvider::Cpu { load_system() } else { None })
}

/// What installs for the provider on this machine.
pub(super) fn installer(provider: ExecutionProvider) -> Result<Installer, RuntimeError> {
    let cache = cache_directory().ok_or(RuntimeError::NoCache)?;
    Installer::for_this_machine(&cache, provider)
}

fn load_file(path: &Path, source: LibrarySource) -> Result<Runtime, RuntimeError> {
    Runtime::load(resolve(path, source)?, source)
}

/// The file itself: the loader would look for a relative path in other places first.
pub(super) fn resolve(path: &Path, source: LibrarySource) -> Result<PathBuf, RuntimeError> {
    fs::canonicalize(path)
        .ok()
        .filter(|path| path.is_file())
        .ok_or_else(|| RuntimeError::NoLibrary { library: path.to_path_buf(), origin: source })
}

/// The system's library, unless there is none or it is too old: nobody asked for it, so it is no error.
fn load_system() -> Option<Runtime> {
    SYSTEM_NAMES.iter().find_map(|name| {
        Runtime::load(PathBuf::from(name), LibrarySource::System)
            .inspect_err(|error| tracing::debug!(%error, "the system's ONNX Runtime is not used"))
            .ok()
    })
}
