//! Downloads a wheel with the user's own pip, which knows the user's proxies, mirrors and certificates.
//!
//! Python is isolated (`-I`) and works in a folder of its own that is empty: `python -m pip` would run a `pip.py` of the
//! folder that the program was started in, or of `PYTHONPATH`.

use std::{
    ffi::OsStr,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    thread,
    time::Duration,
};

use super::{InstallObserver, RuntimeError, wheel::Wheel};

/// Between two looks at how far the download is.
const POLL: Duration = Duration::from_millis(50);

/// Downloads `wheel` into the directory `staging`, which is empty and nobody else's, and returns its path.
pub(super) fn download(
    wheel: &Wheel,
    python: &OsStr,
    staging: &Path,
    observer: &dyn InstallObserver,
) -> Result<PathBuf, RuntimeError> {
    let log = staging.join("pip.log");
    let child = start(wheel, python, staging, &log)?;
    let status = watch(child, staging, wheel.size, observer).map_err(RuntimeError::file("waited for", &log))?;
    let Some(status) = status else { return Err(RuntimeError::Cancelled) };
    if !status.success() {
        return Err(failure(wheel, python, &log));
    }
    find_wheel(staging).ok_or_else(|| RuntimeError::Download {
        requirement: wheel.requirement(),
        message: "it says that all went well, but left no wheel".into(),
    })
}

/// Asks for one file, whichever Python it is that runs pip.
fn start(wheel: &Wheel, python: &OsStr, staging: &Path, log: &Path) -> Result<Child, RuntimeError> {
    let log = File::create(log).map_err(RuntimeError::file("written", log))?;
    let empty = staging.join("empty");
    fs::create_dir(&empty).map_err(RuntimeError::file("created", &empty))?;
    Command::new(python)
        .current_dir(&empty)
        .args(["-I", "-m", "pip", "download", "--no-deps", "--only-binary=:all:"])
        .args(["--implementation", "cp", "--python-version", "3.13", "--abi", "cp313"])
        .args(["--platform", wheel.platform])
        .args(["--no-input", "--disable-pip-version-check", "--progress-bar", "off", "--dest"])
        .arg(staging)
        .arg(wheel.requirement())
        // pip's temporary files go here, where progress can be observed, and where they are removed after a kill.
        .env("TMPDIR", staging)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .map_err(|error| RuntimeError::NoPython { python: python.display().to_string(), error })
}

/// Waits for the child; `None` if it was ended because the observer asked for it.
fn watch(
    mut child: Child,
    staging: &Path,
    size: u64,
    observer: &dyn InstallObserver,
) -> std::io::Result<Option<ExitStatus>> {
    let mut bytes = 0;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        if observer.cancels() {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        // pip's log counts too, and files that pip moves are gone for a moment.
        bytes = size_of_files(staging).clamp(bytes, size);
        observer.progress(bytes, size);
        thread::sleep(POLL);
    }
}

/// Bytes in the files of a directory and of those below it. Files come and go meanwhile: what cannot be read is not
/// counted.
fn size_of_files(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => size_of_files(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

fn find_wheel(staging: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(staging).ok()?;
    entries.flatten().map(|entry| entry.path()).find(|path| path.extension() == Some(OsStr::new("whl")))
}

/// Why pip failed, from what it wrote.
fn failure(wheel: &Wheel, python: &OsStr, log: &Path) -> RuntimeError {
    let log = fs::read(log).unwrap_or_default();
    let log = String::from_utf8_lossy(&log);
    if log.contains("No module named pip") {
        return RuntimeError::NoPip { python: python.display().to_string() };
    }
    // The first error is the cause, the rest are consequences and warnings.
    let error = log.lines().find_map(|line| line.trim().strip_prefix("ERROR: "));
    let message = error.or_else(|| log.lines().last()).unwrap_or("it says nothing of why");
    RuntimeError::Download { requirement: wheel.requirement(), message: message.trim().into() }
}
