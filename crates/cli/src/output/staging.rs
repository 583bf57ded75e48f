//! Writes files to a temporary place first, then moves them; errors name the path.

use std::fs::File;
use std::io::BufWriter;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// A folder's files, written aside until all of them are complete.
pub struct Staging {
    files: parapolicy_files::Staging,
    folder: PathBuf,
}

impl Staging {
    /// Prepares to fill `folder`, on the same file system, with files of these names at most; whether they can be put there is
    /// checked now.
    pub fn new(folder: &Path, names: &[&str]) -> Result<Self> {
        let files = parapolicy_files::Staging::new(folder)
            .with_context(|| format!("{}: could not be created", folder.display()))?;
        files.check(names).with_context(|| format!("{}: could not be written to", folder.display()))?;
        Ok(Self { files, folder: folder.to_owned() })
    }

    /// Writes one file aside.
    pub fn write(&mut self, name: &str, content: impl FnOnce(&mut BufWriter<File>) -> Result<()>) -> Result<()> {
        let place = self.folder.join(name);
        self.files.write(name, content).with_context(|| format!("{}: could not be written", place.display()))
    }

    /// Moves every file to its place, replacing those of an earlier run, and tells their names.
    pub fn publish(self) -> Result<Vec<String>> {
        self.files.publish().with_context(|| format!("{}: could not be put in place", self.folder.display()))
    }
}

/// Checks, before anything is measured, that a file can be written.
pub fn check_file(path: &Path) -> Result<()> {
    parapolicy_files::check(path).with_context(|| format!("{}: could not be written", path.display()))
}

/// Writes a single file aside, then renames it.
pub fn write_file(path: &Path, content: impl FnOnce(&mut BufWriter<File>) -> Result<()>) -> Result<()> {
    parapolicy_files::replace(path, content).with_context(|| format!("{}: could not be written", path.display()))
}
