use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

/// A folder's files, written aside until all of them are complete.
pub struct Staging {
    aside: TempDir,
    folder: PathBuf,
    names: Vec<String>,
}

impl Staging {
    /// Prepares to fill `folder`, on the same file system.
    pub fn new(folder: &Path) -> Result<Self> {
        let parent = parent(folder);
        fs::create_dir_all(parent).with_context(|| format!("{}: could not be created", parent.display()))?;
        let aside = aside(parent).with_context(|| format!("{}: cannot be written to", parent.display()))?;
        Ok(Self { aside, folder: folder.to_owned(), names: Vec::new() })
    }

    /// Writes one file aside.
    pub fn write(&mut self, name: &str, content: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
        let fill = || {
            let mut file = BufWriter::new(File::create(self.aside.path().join(name))?);
            content(&mut file)?;
            file.into_inner().map_err(std::io::IntoInnerError::into_error)?.sync_all()?;
            Ok::<_, anyhow::Error>(())
        };
        fill().with_context(|| format!("{}: could not be written", self.folder.join(name).display()))?;
        self.names.push(name.to_owned());
        Ok(())
    }

    /// Moves every file to its place, replacing those of an earlier run, and tells their names.
    pub fn publish(self) -> Result<Vec<String>> {
        let folder = &self.folder;
        fs::create_dir_all(folder).with_context(|| format!("{}: could not be created", folder.display()))?;
        for name in &self.names {
            let place = folder.join(name);
            fs::rename(self.aside.path().join(name), &place)
                .with_context(|| format!("{}: could not be put in place", place.display()))?;
        }
        Ok(self.names)
    }
}

/// Writes a single file aside, then renames it.
pub fn write_file(path: &Path, content: impl FnOnce(&mut File) -> Result<()>) -> Result<()> {
    let write = || {
        let aside = aside(parent(path))?;
        let place = aside.path().join("file");
        let mut file = File::create(&place)?;
        content(&mut file)?;
        file.sync_all()?;
        fs::rename(&place, path)?;
        Ok::<_, anyhow::Error>(())
    };
    write().with_context(|| format!("{}: could not be written", path.display()))
}

/// A folder on the same file system, whose files have the permissions that any new file has.
fn aside(folder: &Path) -> std::io::Result<TempDir> {
    tempfile::Builder::new().prefix(".parapolicy-").tempdir_in(folder)
}

/// The folder that a path is in; a bare name is in the current one.
fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_appears_before_everything_is_written() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("report");
        let mut staging = Staging::new(&folder).unwrap();
        staging.write("a.txt", |file| Ok(file.write_all(b"a")?)).unwrap();
        let failed = staging.write("b.txt", |_| anyhow::bail!("no space left"));
        assert!(failed.unwrap_err().to_string().ends_with("b.txt: could not be written"));
        drop(staging);
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 0, "nothing is left behind");
    }

    #[test]
    fn publishing_replaces_an_earlier_run() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("report");
        for text in ["first", "second"] {
            let mut staging = Staging::new(&folder).unwrap();
            staging.write("a.txt", |file| Ok(file.write_all(text.as_bytes())?)).unwrap();
            staging.publish().unwrap();
        }
        assert_eq!(fs::read_to_string(folder.join("a.txt")).unwrap(), "second");
        assert_eq!(fs::read_dir(root.path()).unwrap().count(), 1);
    }
}
