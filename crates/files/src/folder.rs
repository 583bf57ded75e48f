//! Folders: created whole, or filled with several files at once.

use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use crate::place::{Aside, Place, aside, parent};
use crate::write;

/// Creates a folder that must not be there yet, with all that `fill` puts into the folder that it is given.
///
/// # Errors
/// Whatever `fill` says; [`io::ErrorKind::AlreadyExists`] if something is there; or the place cannot be written to.
pub fn create_folder<E: From<io::Error>>(path: &Path, fill: impl FnOnce(&Path) -> Result<(), E>) -> Result<(), E> {
    if path.symlink_metadata().is_ok() {
        return Err(io::Error::from(io::ErrorKind::AlreadyExists).into());
    }
    make_parent(path)?;
    let aside = aside(path)?;
    // A folder in it, which has the permissions that any new one has.
    let whole = aside.path().join("folder");
    fs::create_dir(&whole)?;
    fill(&whole)?;
    fs::rename(whole, path).map_err(|error| match error.kind() {
        // Another one was faster.
        io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::NotADirectory => io::ErrorKind::AlreadyExists.into(),
        _ => error,
    })?;
    Ok(())
}

/// Makes the folder that a path is in. A file in its place is no folder that is there already.
fn make_parent(path: &Path) -> io::Result<()> {
    fs::create_dir_all(parent(path)).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => io::ErrorKind::NotADirectory.into(),
        _ => error,
    })
}

/// Files of one folder, written aside until all of them are complete; then they replace those of an earlier time.
///
/// ```
/// use std::io::Write as _;
///
/// # let root = tempfile::tempdir()?;
/// # let folder = root.path().join("report");
/// let mut staging = parapolicy_files::Staging::new(&folder)?;
/// staging.write("a.txt", |file| file.write_all(b"a"))?;
/// assert!(!folder.exists());
/// assert_eq!(staging.publish()?, ["a.txt"]);
/// # Ok::<(), std::io::Error>(())
/// ```
pub struct Staging {
    aside: Aside,
    folder: PathBuf,
    names: Vec<String>,
}

impl Staging {
    /// Prepares to fill `folder`, which need not be there.
    ///
    /// # Errors
    /// The place cannot be written to.
    pub fn new(folder: &Path) -> io::Result<Self> {
        make_parent(folder)?;
        Ok(Self { aside: aside(folder)?, folder: folder.to_owned(), names: Vec::new() })
    }

    /// Checks, before much is done to fill them, that files of these names will have a place.
    ///
    /// # Errors
    /// What [`publish`](Self::publish) would say: the place cannot be written to, or holds what cannot be renamed over.
    pub fn check(&self, names: &[&str]) -> io::Result<()> {
        if self.folder.symlink_metadata().is_err() {
            // It will be made where the files are kept meanwhile.
            return Ok(());
        }
        drop(aside(&self.folder.join("file"))?);
        names.iter().try_for_each(|name| self.place(name).map(drop))
    }

    /// Where a file belongs, and the permissions of the one that it replaces.
    fn place(&self, name: &str) -> io::Result<(PathBuf, Option<Permissions>)> {
        let (path, kind) = (self.folder.join(name), io::ErrorKind::AlreadyExists);
        match Place::of(&path).map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))? {
            Place::Renamed(path, permissions) => Ok((path, permissions)),
            Place::Through(path) => Err(io::Error::new(kind, format!("{} is no regular file", path.display()))),
        }
    }

    /// Writes a file aside.
    ///
    /// # Errors
    /// Whatever `fill` says; or there is no room.
    pub fn write<E: From<io::Error>>(
        &mut self,
        name: &str,
        fill: impl FnOnce(&mut BufWriter<File>) -> Result<(), E>,
    ) -> Result<(), E> {
        write(File::create(self.aside.path().join(name))?, fill)?;
        self.names.push(name.to_owned());
        Ok(())
    }

    /// Moves every file to its place, and tells their names.
    ///
    /// # Errors
    /// A place that cannot be written to, or that holds what cannot be renamed over; it is checked for all files first.
    pub fn publish(self) -> io::Result<Vec<String>> {
        fs::create_dir_all(&self.folder)?;
        let places = self.names.iter().map(|name| self.place(name)).collect::<io::Result<Vec<_>>>()?;
        for (name, (place, permissions)) in self.names.iter().zip(places) {
            let whole = self.aside.path().join(name);
            permissions.map_or(Ok(()), |permissions| fs::set_permissions(&whole, permissions))?;
            fs::rename(whole, place)?;
        }
        Ok(self.names)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn nothing_appears_before_everything_is_written() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("report");
        let mut staging = Staging::new(&folder).unwrap();
        staging.write("a.txt", |file| file.write_all(b"a")).unwrap();
        staging.write("b.txt", |_| Err(io::Error::other("no space left"))).unwrap_err();
        drop(staging);
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0, "nothing is left behind");
    }

    #[test]
    fn a_place_that_cannot_be_written_to_is_told_of_before_anything_is_written() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("report");
        fs::write(&folder, "a file").unwrap();
        Staging::new(&folder).unwrap().check(&["a.txt"]).unwrap_err();
        fs::remove_file(&folder).unwrap();
        Staging::new(&folder).unwrap().check(&["a.txt"]).unwrap();
        fs::create_dir_all(folder.join("a.txt")).unwrap();
        let told = Staging::new(&folder).unwrap().check(&["a.txt"]).unwrap_err().to_string();
        assert!(told.contains("a.txt"), "{told}");
    }

    /// A killed program leaves its temporary folder; it is told from that of a program that lives by the lock.
    #[test]
    fn what_killed_programs_left_is_swept_and_nothing_else() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("report");
        let left = root.path().join(".parapolicy-left");
        fs::create_dir(&left).unwrap();
        fs::write(left.join("a.txt"), "half").unwrap();
        fs::create_dir(root.path().join("mine")).unwrap();
        let alive = Staging::new(&folder).unwrap();
        assert!(!left.exists());
        let other = Staging::new(&folder).unwrap();
        let count = || fs::read_dir(root.path()).unwrap().count();
        assert_eq!(count(), 3, "two that live, and one that is not ours");
        drop((alive, other));
        assert_eq!(count(), 1);
    }

    #[test]
    fn publishing_replaces_an_earlier_run() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("report");
        for text in ["first", "second"] {
            let mut staging = Staging::new(&folder).unwrap();
            staging.write("a.txt", |file| file.write_all(text.as_bytes())).unwrap();
            staging.publish().unwrap();
        }
        assert_eq!(fs::read_to_string(folder.join("a.txt")).unwrap(), "second");
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_folder_is_there_whole_or_not() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("deep/policy");
        let failed = create_folder(&folder, |whole| {
            fs::write(whole.join("a"), "a")?;
            Err(io::Error::other("no space left"))
        });
        failed.unwrap_err();
        assert!(!folder.exists());
        create_folder(&folder, |whole| fs::write(whole.join("a"), "a")).unwrap();
        assert_eq!(fs::read_to_string(folder.join("a")).unwrap(), "a");
        let again = create_folder(&folder, |_| Ok::<_, io::Error>(()));
        assert_eq!(again.unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_dir(folder.parent().unwrap()).unwrap().count(), 1);
    }
}
