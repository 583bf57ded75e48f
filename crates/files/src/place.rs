//! Where a file is to be written, and how.

use std::fs::{self, File, Metadata, Permissions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// As many links as Linux itself follows on the way to a file.
const MOST_LINKS: usize = 40;

/// Beginning of the names of temporary folders.
const PREFIX: &str = ".parapolicy-";

/// Where a file is to be written, and how.
pub(crate) enum Place {
    /// A regular file, or none yet: a new one is renamed over it, with the permissions of the old one if there is one.
    Renamed(PathBuf, Option<Permissions>),
    /// A device or a pipe: a rename would replace it.
    Through(PathBuf),
}

impl Place {
    /// The place that a path leads to, links followed. A link to nothing leads to the file that it names, which is made.
    pub fn of(path: &Path) -> io::Result<Self> {
        match path.metadata() {
            Ok(found) => Self::there(path, &found),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::Renamed(end_of_links(path)?, None)),
            Err(error) => Err(error),
        }
    }

    fn there(path: &Path, found: &Metadata) -> io::Result<Self> {
        if found.is_dir() {
            return Err(io::ErrorKind::IsADirectory.into());
        }
        // `/dev/stdout` is a link, too, and may lead to a pipe, which has no path of its own.
        if !found.is_file() {
            return Ok(Self::Through(path.to_path_buf()));
        }
        if found.permissions().readonly() {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is marked read-only"));
        }
        let is_link = path.symlink_metadata().is_ok_and(|found| found.is_symlink());
        let path = if is_link { fs::canonicalize(path)? } else { path.to_path_buf() };
        Ok(Self::Renamed(path, Some(found.permissions())))
    }
}

/// Where the links that begin at a path end.
fn end_of_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_path_buf();
    for _ in 0..MOST_LINKS {
        match fs::read_link(&path) {
            // A relative one begins where the link is.
            Ok(target) => path = parent(&path).join(target),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many links lead to each other"))
}

/// A temporary folder, removed when this is dropped. While its program lives it is locked, so that others can tell it from
/// one that a killed program left behind.
pub(crate) struct Aside {
    folder: TempDir,
    /// The folder itself, open; where folders cannot be locked, nothing is locked and nothing is swept.
    _lock: Option<File>,
}

impl Aside {
    pub fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// A temporary folder beside a path, whose files have the permissions that any new file has. Those that killed programs left
/// there are removed.
pub(crate) fn aside(path: &Path) -> io::Result<Aside> {
    let parent = parent(path);
    sweep(parent);
    loop {
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent)?;
        let lock = File::open(folder.path()).ok();
        let taken = lock.as_ref().is_some_and(|lock| matches!(lock.try_lock(), Err(TryLockError::WouldBlock)));
        // Another program may have swept it before it was locked.
        if !taken && folder.path().is_dir() {
            return Ok(Aside { folder, _lock: lock });
        }
    }
}

/// Removes temporary folders whose programs are gone. What cannot be removed costs space and nothing else.
fn sweep(parent: &Path) {
    let entries = fs::read_dir(parent).into_iter().flatten().flatten();
    for entry in entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX)) {
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let Some(folder) = is_folder.then(|| File::open(entry.path()).ok()).flatten() else { continue };
        if folder.try_lock().is_ok() {
            let _kept = fs::remove_dir_all(entry.path());
        }
    }
}

/// The folder that a path is in; a bare name is in the current one.
pub(crate) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}
