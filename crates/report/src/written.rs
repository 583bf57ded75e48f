//! A run's files, written aside until all of them are whole.

use std::io;
use std::path::{Path, PathBuf};

use parapolicy_eval::{ReportOutput, Run};
use parapolicy_files::Staging;
use thiserror::Error;

use crate::outputs;

/// Why a run's files were not written.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum OutputError {
    /// There is no such file.
    #[error("only: a run leaves no `{name}`; use {known}")]
    Unknown {
        /// The name.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// A file cannot be written.
    #[error("{}: could not be written", path.display())]
    Write {
        /// The file, or the folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// The files of a run that is still to be played.
pub struct Outputs {
    files: Staging,
    chosen: Vec<&'static dyn ReportOutput>,
    folder: PathBuf,
}

impl Outputs {
    /// Prepares to write the outputs named in `only`, all where it is empty, into `folder`. Whether they can be put there is
    /// checked now. The log, which is written as a run goes, is none of them.
    ///
    /// # Errors
    /// [`OutputError`], with the name or the path.
    pub fn prepare(folder: &Path, only: &[String]) -> Result<Self, OutputError> {
        let failed = |source| OutputError::Write { path: folder.into(), source };
        let chosen = chosen(only)?;
        let files = Staging::new(folder).map_err(failed)?;
        let names: Vec<_> = chosen.iter().map(|output| output.file_name()).collect();
        files.check(&names).map_err(failed)?;
        Ok(Self { files, chosen, folder: folder.to_owned() })
    }

    /// Writes what there is to write of a run, and puts it in place of an earlier run's. Returns the files' names.
    ///
    /// # Errors
    /// [`OutputError::Write`]; the files of an earlier run are left as they are then.
    pub fn write(mut self, run: &Run<'_>) -> Result<Vec<String>, OutputError> {
        let failed = |path: PathBuf| move |source| OutputError::Write { path, source };
        for output in self.chosen.iter().filter(|output| output.applies(run)) {
            let name = output.file_name();
            let written = self.files.write(name, |file| output.write(run, file).map_err(io::Error::other));
            written.map_err(failed(self.folder.join(name)))?;
        }
        self.files.publish().map_err(failed(self.folder))
    }
}

/// The outputs of these names; all, where there are none.
fn chosen(only: &[String]) -> Result<Vec<&'static dyn ReportOutput>, OutputError> {
    let all = outputs();
    let is_one = |name: &str| name == LOG || all.iter().any(|output| output.file_name() == name);
    if let Some(name) = only.iter().find(|name| !is_one(name)) {
        return Err(OutputError::Unknown { name: name.clone(), known: names().join(", ") });
    }
    let is_asked = |output: &&dyn ReportOutput| only.is_empty() || only.iter().any(|name| name == output.file_name());
    Ok(all.into_iter().filter(is_asked).collect())
}

/// The log's name.
pub const LOG: &str = "episodes.mcap";

/// The names of all files that a run can leave.
#[must_use]
pub fn names() -> Vec<&'static str> {
    outputs().into_iter().map(ReportOutput::file_name).chain([LOG]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_run_leaves_is_refused_by_name() {
        let names = |only: &[&str]| -> Result<Vec<&str>, String> {
            let only: Vec<String> = only.iter().map(ToString::to_string).collect();
            let chosen = chosen(&only).map_err(|error| error.to_string())?;
            Ok(chosen.iter().map(|output| output.file_name()).collect())
        };
        assert_eq!(names(&["report.json"]).unwrap(), ["report.json"]);
        assert_eq!(names(&[LOG]).unwrap(), [""; 0]);
        assert_eq!(names(&[]).unwrap().len(), outputs().len());
        assert!(
            names(&["report.xml"]).unwrap_err().starts_with("only: a run leaves no `report.xml`; use report.html, ")
        );
    }
}
