//! Installs ONNX Runtime's shared libraries into the user's cache directory.

use std::{
    error::Error as _,
    ffi::OsString,
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use ort::util::preload_dylib;
use parapolicy_policy::{InstallObserver, InstallStage, sha256_of};
use tempfile::TempDir;
use zip::ZipArchive;

use super::{
    LibrarySource, RuntimeError,
    library::{Unfit, check_rights},
    package::Package,
    pip,
    wheel::Wheel,
};
use crate::ExecutionProvider;

/// Prefix of the directories in which an installation is prepared.
const STAGING: &str = "staging-";

/// Lists the sums of the libraries that were unpacked, as `sha256sum` does.
const SUMS: &str = "SHA256SUMS";

/// The longest list of sums, bytes.
const LONGEST_SUMS: u64 = 1 << 16;

/// Between two looks at whether another process has finished.
const PATIENCE: Duration = Duration::from_millis(50);

/// What can be installed for a provider, and whether it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Installable {
    /// The provider.
    pub provider: ExecutionProvider,
    /// The wheels, as pip is asked for them: `onnxruntime==1.31.1`.
    pub wheels: Vec<String>,
    /// Their size in bytes.
    pub size: u64,
    /// ONNX Runtime's library, if it is installed.
    pub library: Option<PathBuf>,
}

/// Everything an installation depends on.
#[derive(Clone, Debug)]
pub(super) struct Installer {
    /// Holds one package's libraries, the lock, and whatever is being prepared.
    directory: PathBuf,
    python: OsString,
    package: Package,
}

impl Installer {
    /// Installs what `provider` needs below the directory `cache`, with the `python3` of the search path.
    pub fn for_this_machine(cache: &Path, provider: ExecutionProvider) -> Result<Self, RuntimeError> {
        let package = Package::of(provider)?;
        Ok(Self { directory: cache.join("onnxruntime").join(package.folder), python: "python3".into(), package })
    }

    /// ONNX Runtime's library, if the package is installed. It appears last and by a rename, so all is there and whole.
    pub fn installed(&self) -> Option<PathBuf> {
        let library = self.directory.join(self.package.library());
        (library.is_file() && self.directory.join(SUMS).is_file()).then_some(library)
    }

    /// Checks that every library is the one that was unpacked from a wheel of the pinned sum, and that nobody else can
    /// replace it before it is loaded.
    pub fn verify(&self) -> Result<(), RuntimeError> {
        let sums = self.directory.join(SUMS);
        let listed = parapolicy_files::read_text(&sums, LONGEST_SUMS).map_err(RuntimeError::file("read", &sums))?;
        for name in self.package.wheels.iter().flat_map(|wheel| wheel.libraries) {
            let library = self.directory.join(name);
            let expected = listed.lines().find_map(|line| line.strip_suffix(name)?.strip_suffix("  "));
            verify_library(&library, expected.unwrap_or("another file")).map_err(|unfit| RuntimeError::Load {
                library,
                origin: LibrarySource::Installed,
                reason: unfit.to_string(),
            })?;
        }
        Ok(())
    }

    /// ONNX Runtime's version, if the package is installed.
    pub fn installed_version(&self) -> Option<&'static str> {
        self.installed()?;
        Some(self.package.wheels.last()?.version)
    }

    /// Loads what ONNX Runtime's provider would not find by itself: the libraries of other wheels.
    pub fn load_companions(&self) -> Result<(), RuntimeError> {
        let others = self.package.wheels.split_last().map_or(&[][..], |(_, others)| others);
        for library in others.iter().flat_map(|wheel| wheel.libraries) {
            let (provider, library) = (self.package.provider, self.directory.join(library));
            if let Err(error) = preload_dylib(&library) {
                // The loader's own words are the cause's.
                let reason = error.source().map_or_else(|| error.to_string(), ToString::to_string);
                return Err(RuntimeError::Companion { provider, library, reason });
            }
        }
        Ok(())
    }

    /// The package, in words.
    pub fn describe(&self) -> Installable {
        let Package { provider, wheels, .. } = &self.package;
        Installable {
            provider: *provider,
            wheels: wheels.iter().map(Wheel::requirement).collect(),
            size: wheels.iter().map(|wheel| wheel.size).sum(),
            library: self.installed(),
        }
    }

    /// Installs the package, unless another process has done so by the time it is this one's turn.
    pub fn install(&self, observer: &dyn InstallObserver) -> Result<PathBuf, RuntimeError> {
        fs::create_dir_all(&self.directory).map_err(RuntimeError::file("created", &self.directory))?;
        // Released when it is dropped, and by the system when the process is killed.
        let _lock = self.lock(observer)?;
        self.sweep();
        if let Some(library) = self.installed() {
            return Ok(library);
        }
        let staging = tempfile::Builder::new()
            .prefix(STAGING)
            .tempdir_in(&self.directory)
            .map_err(RuntimeError::file("created", &self.directory))?;
        for wheel in &self.package.wheels {
            self.unpack_to(staging.path(), wheel, observer)?;
        }
        self.list_sums(staging.path())?;
        let library = self.publish(staging.path())?;
        observer.stage(InstallStage::Done);
        Ok(library)
    }

    /// Downloads a wheel and unpacks its libraries into the staging directory.
    fn unpack_to(&self, staging: &Path, wheel: &Wheel, observer: &dyn InstallObserver) -> Result<(), RuntimeError> {
        let failed = |action| RuntimeError::file(action, staging);
        let downloads = TempDir::new_in(staging).map_err(failed("written"))?;
        observer.stage(InstallStage::Downloading);
        let file = pip::download(wheel, &self.python, downloads.path(), observer)?;
        observer.stage(InstallStage::Verifying);
        verify(wheel, &file)?;
        observer.stage(InstallStage::Unpacking);
        wheel.libraries.iter().try_for_each(|library| unpack(wheel, &file, staging, library))
    }

    /// Lists what was unpacked.
    fn list_sums(&self, staging: &Path) -> Result<(), RuntimeError> {
        let mut sums = String::new();
        for name in self.package.wheels.iter().flat_map(|wheel| wheel.libraries) {
            let library = staging.join(name);
            let sum = sha256_of(&library).map_err(RuntimeError::file("read", &library))?;
            sums.push_str(&format!("{sum}  {name}\n"));
        }
        let list = staging.join(SUMS);
        fs::write(&list, sums).map_err(RuntimeError::file("written", &list))
    }

    /// Moves the libraries to where they belong, ONNX Runtime's own last.
    fn publish(&self, staging: &Path) -> Result<PathBuf, RuntimeError> {
        let libraries = self.package.wheels.iter().flat_map(|wheel| wheel.libraries.iter().rev());
        for library in [SUMS].iter().chain(libraries) {
            let place = self.directory.join(library);
            fs::rename(staging.join(library), &place).map_err(RuntimeError::file("written", &place))?;
        }
        Ok(self.directory.join(self.package.library()))
    }

    fn lock(&self, observer: &dyn InstallObserver) -> Result<File, RuntimeError> {
        let path = self.directory.join("install.lock");
        let file = File::create(&path).map_err(RuntimeError::file("written", &path))?;
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => observer.stage(InstallStage::Waiting),
            Err(TryLockError::Error(error)) => return Err(RuntimeError::file("locked", &path)(error)),
        }
        while !observer.cancels() {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) => thread::sleep(PATIENCE),
                Err(TryLockError::Error(error)) => return Err(RuntimeError::file("locked", &path)(error)),
            }
        }
        Err(RuntimeError::Cancelled)
    }

    /// Removes what killed installations left behind; the lock is held, so nobody is using it. What cannot be removed
    /// costs space and nothing else.
    fn sweep(&self) {
        let entries = fs::read_dir(&self.directory).into_iter().flatten().flatten();
        for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(STAGING)) {
            if let Err(error) = fs::remove_dir_all(entry.path()) {
                tracing::debug!(path = %entry.path().display(), %error, "not removed");
            }
        }
    }
}

fn verify_library(library: &Path, expected: &str) -> Result<(), Unfit> {
    check_rights(library)?;
    let found = sha256_of(library)?;
    if found == expected { Ok(()) } else { Err(Unfit::Sum { found, expected: expected.into() }) }
}

fn verify(wheel: &Wheel, file: &Path) -> Result<(), RuntimeError> {
    let found = sha256_of(file).map_err(RuntimeError::file("read", file))?;
    if found == wheel.sha256 {
        return Ok(());
    }
    Err(RuntimeError::Checksum { wheel: file_name(file), expected: wheel.sha256.clone(), found })
}

fn unpack(wheel: &Wheel, file: &Path, folder: &Path, library: &str) -> Result<(), RuntimeError> {
    let (member, place) = (wheel.member(library), folder.join(library));
    let failed = |error| RuntimeError::Unpack { wheel: file_name(file), member: member.clone(), error };
    let archive = File::open(file).map_err(RuntimeError::file("read", file))?;
    let mut archive = ZipArchive::new(archive).map_err(failed)?;
    let mut packed = archive.by_name(&member).map_err(failed)?;
    let mut unpacked = File::create(&place).map_err(RuntimeError::file("written", &place))?;
    io::copy(&mut packed, &mut unpacked).map_err(RuntimeError::file("written", &place))?;
    // Before the rename: a power cut must not leave a name without its bytes.
    unpacked.sync_all().map_err(RuntimeError::file("written", &place))
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().display().to_string()
}

#[cfg(test)]
mod tests;
