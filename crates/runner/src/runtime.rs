//! ONNX Runtime: found, or installed, and loaded once for the whole process.

mod error;
mod install;
mod pip;
mod search;
mod wheel;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use ort::{
    environment::Environment,
    logging::{LogLevel, LoggerFunction},
};

pub use self::{
    error::RuntimeError,
    install::{InstallObserver, InstallStage},
    search::LibrarySource,
};

/// The one runtime of this process: ONNX Runtime cannot be loaded twice, nor unloaded.
static LOADED: Mutex<Option<Runtime>> = Mutex::new(None);

/// ONNX Runtime, loaded. Cheap to clone.
///
/// # Example
/// ```no_run
/// # use parapolicy_runner::{Runtime, RuntimeError};
/// # fn main() -> Result<(), RuntimeError> {
/// let runtime = Runtime::find_or_install(None, &())?;
/// println!("{}", runtime.library().display());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Runtime {
    environment: Environment,
    library: PathBuf,
    source: LibrarySource,
}

impl Runtime {
    /// Loads ONNX Runtime's shared library from the first of these places that has one:
    ///
    /// 1. `explicit`, a path that the user gave;
    /// 2. the environment variable `ORT_DYLIB_PATH`;
    /// 3. the copy that an earlier call installed;
    /// 4. the system's library path;
    ///
    /// else installs it: `python3 -m pip download` fetches the `onnxruntime` wheel of a pinned version, its SHA-256 is
    /// checked, and the shared library is unpacked into the user's cache directory (`PARAPOLICY_CACHE` overrides it).
    /// Several processes may do so at once; what an interrupted one left behind is swept up. `observer` hears of the
    /// progress.
    ///
    /// A process loads one library: later calls return the same runtime.
    ///
    /// # Errors
    /// A library that was asked for (1, 2) and is not there, is not ONNX Runtime or is too old; an installation that
    /// fails; and a call that asks for another library than the one already loaded.
    pub fn find_or_install(explicit: Option<&Path>, observer: &dyn InstallObserver) -> Result<Self, RuntimeError> {
        // A panic while it was held cannot have left half a runtime.
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = &*loaded {
            return runtime.again(explicit);
        }
        let runtime = search::find_or_install(explicit, observer)?;
        tracing::debug!(library = %runtime.library.display(), source = ?runtime.source, "ONNX Runtime loaded");
        Ok(loaded.insert(runtime).clone())
    }

    /// The library's file; of the system's library, the name by which the linker found it.
    pub fn library(&self) -> &Path {
        &self.library
    }

    /// Where the library was found.
    pub fn source(&self) -> LibrarySource {
        self.source
    }

    /// The version in the library's file name (`libonnxruntime.so.1.31.1`), where it has one.
    pub fn version(&self) -> Option<&str> {
        let name = self.library.file_name()?.to_str()?;
        let name = name.trim_end_matches(".dylib");
        let version = &name[name.find(|c: char| c.is_ascii_digit())?..];
        version.chars().all(|c| c.is_ascii_digit() || c == '.').then_some(version)
    }

    /// What the library says of its build.
    pub fn build_info(&self) -> &'static str {
        ort::info()
    }

    pub(crate) fn environment(&self) -> &Environment {
        &self.environment
    }

    fn again(&self, explicit: Option<&Path>) -> Result<Self, RuntimeError> {
        match explicit {
            Some(path) if search::resolve(path, LibrarySource::Explicit)? != self.library => {
                Err(RuntimeError::AlreadyLoaded { loaded: self.library.clone(), asked: path.to_path_buf() })
            }
            _ => Ok(self.clone()),
        }
    }

    /// Loads a library: a path, or a bare name for the system's linker.
    fn load(library: PathBuf, source: LibrarySource) -> Result<Self, RuntimeError> {
        let builder = ort::init_from(&library).map_err(|error| RuntimeError::load(library.clone(), source, &error))?;
        let environment = builder
            .with_name("parapolicy")
            .with_telemetry(false)
            .with_logger(logger())
            .build()
            .map_err(|error| RuntimeError::Start { library: library.clone(), error })?;
        environment.set_log_level(LogLevel::Warning);
        Ok(Self { environment, library, source })
    }
}

/// Sends ONNX Runtime's messages where ours go. They are details: what fails comes back as an error value too.
fn logger() -> LoggerFunction {
    Arc::new(|level, category, _, location, message| {
        tracing::debug!(target: "onnxruntime", ?level, category, location, "{message}");
    })
}
