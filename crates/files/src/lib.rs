//! Files and folders written aside and renamed: whole, or not there; and files of strangers, read within bounds.
//!
//! Everything that Parapolicy writes for good goes through here. Content goes to a temporary folder beside its place, on the
//! same file system, and is renamed when it is complete and on the disk. Who reads the place meanwhile sees the old content,
//! who looks after a failure finds nothing half-written, and new files have the permissions that any new file has.
//!
//! A program that is killed leaves its temporary folder behind; the next one that writes to the same place removes it.
//!
//! What cannot be renamed over is not: devices and pipes are written into when all is there, and a file that is marked read-only is
//! refused. A link stays a link: the file that it leads to is replaced, or made. A file that is replaced keeps its
//! permissions.
//!
//! Everything that Parapolicy reads goes through here too: [`read`] takes regular files of a stated size at most, so that
//! neither a pipe nor a device nor a file of any size makes a program wait or run out of memory. [`read_text`] understands
//! the mark that some editors write before UTF-8, and [`printable`] writes out the control characters of a name that came
//! from a file.
//!
//! # Example
//!
//! ```
//! use std::io::Write as _;
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = folder.path().join("plan.json");
//! parapolicy_files::replace(&path, |file| file.write_all(b"{}"))?;
//! assert_eq!(std::fs::read(&path)?, b"{}");
//! let again = parapolicy_files::create(&path, |file| file.write_all(b"[]")); // nothing is replaced
//! assert_eq!(again.unwrap_err().kind(), std::io::ErrorKind::AlreadyExists);
//! # Ok::<(), std::io::Error>(())
//! ```

mod folder;
mod place;
mod printable;
mod read;

use std::fs::{self, File};
use std::io::{self, BufWriter, Seek as _, Write as _};
use std::path::Path;

pub use self::folder::{Staging, create_folder};
use self::place::{Place, aside};
pub use self::printable::{printable, printable_lines};
pub use self::read::{open, open_up_to, read, read_text, text};

/// Writes a file, in place of what is there.
///
/// # Errors
/// Whatever `fill` says; or the place cannot be written to. A regular file keeps its content then.
pub fn replace<E: From<io::Error>>(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> Result<(), E>,
) -> Result<(), E> {
    match Place::of(path)? {
        Place::Renamed(path, permissions) => {
            let aside = aside(&path)?;
            let whole = aside.path().join("file");
            write(File::create(&whole)?, fill)?;
            permissions.map_or(Ok(()), |permissions| fs::set_permissions(&whole, permissions))?;
            Ok(fs::rename(whole, path)?)
        }
        Place::Through(path) => {
            let mut device = File::options().write(true).open(path)?;
            // Whole first, in a file without a name: who fills it may step back, which a pipe does not take.
            let mut file = BufWriter::new(tempfile::tempfile()?);
            fill(&mut file)?;
            let mut whole = file.into_inner().map_err(io::IntoInnerError::into_error)?;
            whole.rewind()?;
            io::copy(&mut whole, &mut device)?;
            Ok(device.flush()?)
        }
    }
}

/// Checks, before much is done to fill it, that a file can be written in place of what is there. What is no regular file is
/// not opened.
///
/// # Errors
/// What [`replace`] would say of the place.
pub fn check(path: &Path) -> io::Result<()> {
    match Place::of(path)? {
        Place::Renamed(path, _) => aside(&path).map(drop),
        Place::Through(_) => Ok(()),
    }
}

/// Writes a file that must not be there yet.
///
/// # Errors
/// Whatever `fill` says; [`io::ErrorKind::AlreadyExists`] if something is there, before or after; or the place cannot be
/// written to.
pub fn create<E: From<io::Error>>(
    path: &Path,
    fill: impl FnOnce(&mut BufWriter<File>) -> Result<(), E>,
) -> Result<(), E> {
    if path.symlink_metadata().is_ok() {
        return Err(io::Error::from(io::ErrorKind::AlreadyExists).into());
    }
    let aside = aside(path)?;
    let whole = aside.path().join("file");
    write(File::create(&whole)?, fill)?;
    // Unlike a rename, it fails if something came to be there meanwhile.
    Ok(fs::hard_link(whole, path)?)
}

/// Fills a file, and sees it onto the disk.
fn write<E: From<io::Error>>(file: File, fill: impl FnOnce(&mut BufWriter<File>) -> Result<(), E>) -> Result<(), E> {
    let mut file = BufWriter::new(file);
    fill(&mut file)?;
    Ok(file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &'static str) -> impl FnOnce(&mut BufWriter<File>) -> io::Result<()> {
        move |file| file.write_all(text.as_bytes())
    }

    #[test]
    fn a_failure_leaves_what_was_there_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        replace(&path, text("old")).unwrap();
        let failed = replace(&path, |file| {
            file.write_all(b"ne")?;
            Err(io::Error::other("no space"))
        });
        assert_eq!(failed.unwrap_err().to_string(), "no space");
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        replace(&path, text("new")).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new");
    }

    #[test]
    fn nothing_is_created_over_what_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        create(&path, text("first")).unwrap();
        assert_eq!(create(&path, text("second")).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).unwrap(), "first");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_is_marked_read_only_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        replace(&path, text("kept")).unwrap();
        let mut permissions = fs::metadata(&path).unwrap().permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&path, permissions).unwrap();
        assert_eq!(replace(&path, text("lost")).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        assert_eq!(fs::read_to_string(&path).unwrap(), "kept");
    }

    #[cfg(unix)]
    #[test]
    fn links_are_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let (target, link) = (folder.path().join("target"), folder.path().join("link"));
        replace(&target, text("old")).unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        replace(&link, text("new")).unwrap();
        assert!(link.symlink_metadata().unwrap().is_symlink());
        assert_eq!(fs::read_to_string(&target).unwrap(), "new");
    }

    #[cfg(unix)]
    #[test]
    fn a_link_to_nothing_makes_what_it_names() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("target", &link).unwrap();
        replace(&link, text("new")).unwrap();
        assert!(link.symlink_metadata().unwrap().is_symlink());
        assert_eq!(fs::read_to_string(folder.path().join("target")).unwrap(), "new");
        let (one, other) = (folder.path().join("one"), folder.path().join("other"));
        std::os::unix::fs::symlink(&one, &other).unwrap();
        std::os::unix::fs::symlink(&other, &one).unwrap();
        replace(&one, text("lost")).unwrap_err();
    }

    /// A pipe has no name of its own, if it is reached as `/dev/stdout` is.
    #[cfg(unix)]
    #[test]
    fn pipes_are_written_through() {
        let folder = tempfile::tempdir().unwrap();
        let (pipe, link) = (folder.path().join("pipe"), folder.path().join("link"));
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        std::os::unix::fs::symlink(&pipe, &link).unwrap();
        for path in [&pipe, &link] {
            let reader = std::thread::spawn({
                let pipe = pipe.clone();
                move || fs::read_to_string(pipe).unwrap()
            });
            let filled = replace(path, |file| {
                file.write_all(b"Through")?;
                file.rewind()?;
                file.write_all(b"t")
            });
            filled.unwrap();
            assert_eq!(reader.join().unwrap(), "through");
        }
        assert!(!fs::metadata(&pipe).unwrap().is_file(), "the pipe is still there");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_is_replaced_keeps_its_permissions() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        replace(&path, text("old")).unwrap();
        for mode in [0o600, 0o664] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            replace(&path, text("new")).unwrap();
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode);
        }
    }

    #[cfg(unix)]
    #[test]
    fn new_files_have_the_permissions_of_any_new_file() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let mode = |name: &str| fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
        File::create(folder.path().join("any")).unwrap();
        replace(&folder.path().join("replaced"), text("")).unwrap();
        create(&folder.path().join("created"), text("")).unwrap();
        assert_eq!([mode("replaced"), mode("created")], [mode("any"); 2]);
    }
}
