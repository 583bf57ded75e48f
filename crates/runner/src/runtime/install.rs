//! Installs ONNX Runtime's shared library into the user's cache directory.

use std::{
    ffi::OsString,
    fs::{self, File, TryLockError},
    io,
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use zip::ZipArchive;

use super::{RuntimeError, pip, wheel::Wheel};
use crate::hash;

/// Prefix of the directories in which an installation is prepared.
const STAGING: &str = "staging-";

/// Hears how an installation goes, to show it to the user. `()` shows nothing.
pub trait InstallObserver {
    /// An installation enters a stage.
    fn stage(&self, stage: InstallStage);

    /// `bytes` of `total` are done in the stage [`Downloading`](InstallStage::Downloading).
    fn progress(&self, bytes: u64, total: u64);
}

impl InstallObserver for () {
    fn stage(&self, _: InstallStage) {}

    fn progress(&self, _: u64, _: u64) {}
}

/// The stages of an installation, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstallStage {
    /// Another process is installing: this one waits for it, and goes on if that fails.
    Waiting,
    /// pip downloads the wheel.
    Downloading,
    /// The wheel's checksum is computed.
    Verifying,
    /// The shared library is unpacked.
    Unpacking,
    /// The shared library is where it belongs.
    Done,
}

/// Everything an installation depends on.
#[derive(Clone, Debug)]
pub(super) struct Installer {
    /// Holds one version's library, the lock, and whatever is being prepared.
    directory: PathBuf,
    python: OsString,
    wheel: Wheel,
}

impl Installer {
    /// Installs below the directory `cache`, with the `python3` of the search path.
    pub fn for_this_machine(cache: &Path) -> Result<Self, RuntimeError> {
        let wheel = Wheel::for_this_machine()?;
        Ok(Self { directory: cache.join("onnxruntime").join(wheel.version), python: "python3".into(), wheel })
    }

    /// The library, if it is installed. It appears by a rename, so it is whole.
    pub fn installed(&self) -> Option<PathBuf> {
        let library = self.directory.join(self.wheel.library);
        library.is_file().then_some(library)
    }

    /// Installs the library, unless another process has done so by the time it is this one's turn.
    pub fn install(&self, observer: &dyn InstallObserver) -> Result<PathBuf, RuntimeError> {
        fs::create_dir_all(&self.directory).map_err(RuntimeError::file("created", &self.directory))?;
        // Released when it is dropped, and by the system when the process is killed.
        let _lock = self.lock(observer)?;
        if let Some(library) = self.installed() {
            return Ok(library);
        }
        self.sweep();
        let staging = tempfile::Builder::new()
            .prefix(STAGING)
            .tempdir_in(&self.directory)
            .map_err(RuntimeError::file("created", &self.directory))?;
        let library = self.install_from(&staging, observer)?;
        observer.stage(InstallStage::Done);
        Ok(library)
    }

    fn install_from(&self, staging: &TempDir, observer: &dyn InstallObserver) -> Result<PathBuf, RuntimeError> {
        observer.stage(InstallStage::Downloading);
        let wheel = pip::download(&self.wheel, &self.python, staging.path(), observer)?;
        observer.stage(InstallStage::Verifying);
        self.verify(&wheel)?;
        observer.stage(InstallStage::Unpacking);
        let unpacked = staging.path().join(self.wheel.library);
        self.unpack(&wheel, &unpacked)?;
        let library = self.directory.join(self.wheel.library);
        fs::rename(&unpacked, &library).map_err(RuntimeError::file("written", &library))?;
        Ok(library)
    }

    fn lock(&self, observer: &dyn InstallObserver) -> Result<File, RuntimeError> {
        let path = self.directory.join("install.lock");
        let file = File::create(&path).map_err(RuntimeError::file("written", &path))?;
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => observer.stage(InstallStage::Waiting),
            Err(TryLockError::Error(error)) => return Err(RuntimeError::file("locked", &path)(error)),
        }
        file.lock().map_err(RuntimeError::file("locked", &path))?;
        Ok(file)
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

    fn verify(&self, wheel: &Path) -> Result<(), RuntimeError> {
        let found = hash::sha256_of(wheel).map_err(RuntimeError::file("read", wheel))?;
        if found == self.wheel.sha256 {
            return Ok(());
        }
        Err(RuntimeError::Checksum { wheel: file_name(wheel), expected: self.wheel.sha256.clone(), found })
    }

    fn unpack(&self, wheel: &Path, library: &Path) -> Result<(), RuntimeError> {
        let member = self.wheel.member();
        let failed = |error| RuntimeError::Unpack { wheel: file_name(wheel), member: member.clone(), error };
        let archive = File::open(wheel).map_err(RuntimeError::file("read", wheel))?;
        let mut archive = ZipArchive::new(archive).map_err(failed)?;
        let mut packed = archive.by_name(&member).map_err(failed)?;
        let mut file = File::create(library).map_err(RuntimeError::file("written", library))?;
        io::copy(&mut packed, &mut file).map_err(RuntimeError::file("written", library))?;
        // Before the rename: a power cut must not leave a name without its bytes.
        file.sync_all().map_err(RuntimeError::file("written", library))
    }
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().display().to_string()
}

#[cfg(test)]
mod tests;
