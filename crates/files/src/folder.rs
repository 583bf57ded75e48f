//! Folders: created whole, or filled with several files at once.

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::place::{Place, aside, parent};
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
    aside: TempDir,
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
        let places = self.names.iter().map(|name| match Place::of(&self.folder.join(name))? {
            Place::Renamed(path, permissions) => Ok((path, permissions)),
            Place::Through(path) => {
                Err(io::Error::new(io::ErrorKind::AlreadyExists, format!("{} is no regular file", path.display())))
            }
        });
        let places = places.collect::<io::Result<Vec<_>>>()?;
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
