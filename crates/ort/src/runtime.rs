//! ONNX Runtime: found, or installed, and loaded once for the whole process.

mod error;
mod execution;
mod install;
mod library;
mod package;
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
    session::Session,
};

pub(crate) use self::execution::Execution;
pub use self::{error::RuntimeError, install::Installable, search::LibrarySource};

use parapolicy_policy::InstallObserver;

use crate::ExecutionProvider;

/// The one runtime of this process: ONNX Runtime cannot be loaded twice, nor unloaded.
static LOADED: Mutex<Option<Runtime>> = Mutex::new(None);

/// ONNX Runtime, loaded. Cheap to clone.
///
/// # Example
/// ```no_run
/// # use parapolicy_ort::{ExecutionProvider, Runtime, RuntimeError};
/// # fn main() -> Result<(), RuntimeError> {
/// let runtime = Runtime::find_or_install(ExecutionProvider::Cpu, None, &())?;
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
    /// Loads the build of ONNX Runtime that has `provider` from the first of these places that has one:
    ///
    /// 1. `explicit`, a path that the user gave;
    /// 2. the environment variable `ORT_DYLIB_PATH`;
    /// 3. the copy that an earlier call installed;
    /// 4. for [`ExecutionProvider::Cpu`], which every build has, the system's library path;
    ///
    /// else installs it: `python3 -m pip download` fetches wheels of pinned versions (`onnxruntime`,
    /// `onnxruntime-openvino`, or `onnxruntime-gpu` and NVIDIA's), their SHA-256 are checked, and the shared libraries
    /// are unpacked into the user's cache directory (`PARAPOLICY_CACHE` overrides it), each provider's into a folder of
    /// its own. Several processes may do so at once; what an interrupted one left behind is swept up. `observer` hears
    /// of the progress.
    ///
    /// A library is looked at before it is loaded: one that everyone may replace, that is cut short, for another processor
    /// or not ONNX Runtime is refused; and of those that were installed, one whose SHA-256 is not that of what was
    /// unpacked.
    ///
    /// A process loads one library: later calls return the same runtime, or fail where it lacks their provider.
    ///
    /// # Errors
    /// No driver for the provider; a library that was asked for (1, 2) and is not there, is not ONNX Runtime, is too
    /// old or lacks the provider; an installation that fails; and a call that asks for another library than the one
    /// already loaded.
    pub fn find_or_install(
        provider: ExecutionProvider,
        explicit: Option<&Path>,
        observer: &dyn InstallObserver,
    ) -> Result<Self, RuntimeError> {
        if let Some(runtime) = Self::find(provider, explicit)? {
            return Ok(runtime);
        }
        let library = search::installer(provider)?.install(observer)?;
        // It is where it is looked for now.
        Self::find(provider, None)?.ok_or(RuntimeError::NoLibrary { library, origin: LibrarySource::Installed })
    }

    /// The same, but installs nothing: `None` where none of these places has a library.
    ///
    /// # Errors
    /// As for [`Runtime::find_or_install`].
    pub fn find(provider: ExecutionProvider, explicit: Option<&Path>) -> Result<Option<Self>, RuntimeError> {
        execution::ensure_driver(provider)?;
        // A panic while the lock was held cannot leave a partial runtime.
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        let runtime = match &*loaded {
            Some(runtime) => runtime.again(explicit)?,
            None => {
                let Some(runtime) = search::find(provider, explicit)? else { return Ok(None) };
                tracing::debug!(library = %runtime.library.display(), source = ?runtime.source, "ONNX Runtime loaded");
                loaded.insert(runtime).clone()
            }
        };
        drop(loaded);
        runtime.require(provider)?;
        Ok(Some(runtime))
    }

    /// Installs what `provider` needs, as [`Runtime::find_or_install`] does, and loads nothing; returns the library.
    ///
    /// # Errors
    /// An installation that fails, or a provider that needs none.
    pub fn install(provider: ExecutionProvider, observer: &dyn InstallObserver) -> Result<PathBuf, RuntimeError> {
        search::installer(provider)?.install(observer)
    }

    /// The version that is installed for the provider.
    pub(crate) fn installed_version(provider: ExecutionProvider) -> Option<&'static str> {
        search::installer(provider).ok()?.installed_version()
    }

    /// What can be installed on this machine.
    ///
    /// # Errors
    /// There is no cache directory.
    pub fn installable() -> Result<Vec<Installable>, RuntimeError> {
        let all = ExecutionProvider::ALL.iter().copied().map(search::installer);
        // Where there is no wheel there is nothing to install.
        let some = all.filter(|installer| !matches!(installer, Err(RuntimeError::Platform { .. })));
        some.map(|installer| Ok(installer?.describe())).collect()
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

    /// Whether the provider's own libraries can be loaded.
    pub(crate) fn try_out(&self, how: Execution) -> Result<(), RuntimeError> {
        let session = Session::builder(&self.environment).and_then(|builder| how.prepare(builder));
        session.map(drop).map_err(|error| RuntimeError::Provider {
            provider: how.provider,
            library: self.library.clone(),
            error,
        })
    }

    /// Whether this build has the provider.
    fn require(&self, provider: ExecutionProvider) -> Result<(), RuntimeError> {
        if execution::is_built_in(provider) {
            return Ok(());
        }
        Err(RuntimeError::NoProvider { library: self.library.clone(), origin: self.source, provider })
    }

    /// Loads a library: a path, which is looked at first, or a bare name for the system's linker.
    fn load(library: PathBuf, source: LibrarySource) -> Result<Self, RuntimeError> {
        if source != LibrarySource::System {
            let unfit = |unfit: library::Unfit| RuntimeError::Load {
                library: library.clone(),
                origin: source,
                reason: unfit.to_string(),
            };
            library::check_runtime(&library).map_err(unfit)?;
        }
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
