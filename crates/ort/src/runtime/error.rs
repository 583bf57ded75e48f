//! Errors of finding, installing and loading ONNX Runtime.

use std::{
    error::Error as _,
    io,
    path::{Path, PathBuf},
};

use ort::LoadDynamicError;

use super::LibrarySource;
use crate::ExecutionProvider;

/// Why there is no ONNX Runtime, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RuntimeError {
    /// A library that was asked for is not there.
    #[error("{}: no such file; {}", library.display(), origin.remedy())]
    NoLibrary {
        /// The path.
        library: PathBuf,
        /// Who named it.
        origin: LibrarySource,
    },
    /// The file is not a shared library, not ONNX Runtime, or too old.
    #[error("{}: cannot be used as ONNX Runtime ({reason}); {}", library.display(), origin.remedy())]
    Load {
        /// The library.
        library: PathBuf,
        /// Where it was found.
        origin: LibrarySource,
        /// What is wrong with it.
        reason: String,
    },
    /// The library was loaded but does not start.
    #[error("{}: ONNX Runtime does not start: {error}", library.display())]
    Start {
        /// The library.
        library: PathBuf,
        /// What it says.
        error: ort::Error,
    },
    /// A process loads one library.
    #[error("{}: cannot be loaded, this process already uses {}", asked.display(), loaded.display())]
    AlreadyLoaded {
        /// The library in use.
        loaded: PathBuf,
        /// The library that was asked for.
        asked: PathBuf,
    },
    /// The library was built without the provider.
    #[error("{}: this build of ONNX Runtime has no {provider}; {}", library.display(), origin.other_build())]
    NoProvider {
        /// The library.
        library: PathBuf,
        /// Where it was found.
        origin: LibrarySource,
        /// The provider.
        provider: ExecutionProvider,
    },
    /// The provider computes on a device that this machine has no driver for.
    #[error(
        "{provider}: there is no driver of NVIDIA on this machine ({driver} cannot be loaded); use another provider"
    )]
    NoDriver {
        /// The provider.
        provider: ExecutionProvider,
        /// The driver's library.
        driver: &'static str,
    },
    /// A library that is installed for the provider cannot be loaded.
    #[error("{}: cannot be loaded for {provider} ({reason}); delete its folder, and it is installed again", library.display())]
    Companion {
        /// The provider.
        provider: ExecutionProvider,
        /// The library.
        library: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The library has the provider, and it cannot be used: one that it needs is not there.
    #[error("{}: {provider} cannot be used ({error}){}", library.display(), needs(*provider))]
    Provider {
        /// The provider.
        provider: ExecutionProvider,
        /// ONNX Runtime's library.
        library: PathBuf,
        /// What it says.
        error: ort::Error,
    },
    /// There is no wheel for this machine.
    #[error(
        "ONNX Runtime with {provider} cannot be installed on {platform} by this program: install version 1.17 or later \
         and set ORT_DYLIB_PATH to its shared library"
    )]
    Platform {
        /// The provider.
        provider: ExecutionProvider,
        /// Operating system and architecture.
        platform: String,
    },
    /// The observer gave the installation up.
    #[error("the installation was stopped before its end; nothing of it is left")]
    Cancelled,
    /// The user has no cache directory.
    #[error("no cache directory to install ONNX Runtime into: set PARAPOLICY_CACHE to a directory, or HOME")]
    NoCache,
    /// Python could not be started.
    #[error(
        "ONNX Runtime is not installed and {python} cannot be started to download it ({error}): install python3 and \
         python3-pip, or set ORT_DYLIB_PATH to ONNX Runtime's shared library"
    )]
    NoPython {
        /// The program.
        python: String,
        /// Why.
        error: io::Error,
    },
    /// Python has no pip.
    #[error(
        "ONNX Runtime is not installed and {python} has no pip to download it: install python3-pip, or set \
         ORT_DYLIB_PATH to ONNX Runtime's shared library"
    )]
    NoPip {
        /// The program.
        python: String,
    },
    /// The download failed.
    #[error(
        "pip cannot download {requirement} ({message}): check the network connection, or set ORT_DYLIB_PATH to ONNX \
         Runtime's shared library"
    )]
    Download {
        /// What was asked of pip.
        requirement: String,
        /// What pip says.
        message: String,
    },
    /// What was downloaded is not what was meant to be.
    #[error(
        "{wheel}: SHA-256 is {found}, but must be {expected}: the download is damaged or was tampered with; clear \
         pip's cache (python3 -m pip cache purge) and try again"
    )]
    Checksum {
        /// File name of the wheel.
        wheel: String,
        /// The pinned sum.
        expected: String,
        /// The sum of the file.
        found: String,
    },
    /// The wheel does not have the library.
    #[error("{wheel}: cannot unpack {member}: {error}")]
    Unpack {
        /// File name of the wheel.
        wheel: String,
        /// Path of the library in it.
        member: String,
        /// Why.
        error: zip::result::ZipError,
    },
    /// A file of the installation cannot be read or written.
    #[error("{}: cannot be {action} while installing ONNX Runtime: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// Why not.
        error: io::Error,
    },
}

/// What a provider needs beside ONNX Runtime's libraries.
fn needs(provider: ExecutionProvider) -> &'static str {
    match provider {
        ExecutionProvider::Cuda => {
            "; it needs CUDA 13 and cuDNN 9 on the library path, or `parapolicy runtime install cuda`"
        }
        ExecutionProvider::TensorRt => "; it needs TensorRT 10 on the library path, beside what cuda needs",
        ExecutionProvider::Cpu | ExecutionProvider::OpenVino => "",
    }
}

impl RuntimeError {
    pub(super) fn load(library: PathBuf, origin: LibrarySource, error: &LoadDynamicError) -> Self {
        let reason = match error {
            // The loader's own words are the cause's.
            LoadDynamicError::Dlopen { error, .. } => error.source().unwrap_or(error).to_string(),
            LoadDynamicError::MissingApi { .. } => "it does not export OrtGetApiBase".into(),
            LoadDynamicError::BadVersion { version_str, .. } => format!("it is version {version_str}"),
            LoadDynamicError::InvalidVersionString => "its version is not text".into(),
        };
        Self::Load { library, origin, reason }
    }

    /// For `map_err` on file operations.
    pub(super) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::File { path: path.to_path_buf(), action, error }
    }
}
