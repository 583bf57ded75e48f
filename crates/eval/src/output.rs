//! Files that are written for a run; other crates can add their own.
//!
//! `examples/outside_output.rs` is an output in one file, with its line on the list.

use std::io::Write;

use parapolicy_control::BoxError;

use crate::{Recordings, Report, Scenario};

/// A finished run: everything that outputs can write.
pub struct Run<'a> {
    /// What was measured.
    pub report: &'a Report,
    /// Episodes to be shown.
    pub recordings: &'a Recordings,
    /// What was played, and what draws it.
    pub scenario: &'a dyn Scenario,
}

/// A file that is written of a run.
pub trait ReportOutput {
    /// The file's name.
    fn file_name(&self) -> &'static str;

    /// Whether there is anything to write of this run.
    fn applies(&self, _run: &Run<'_>) -> bool {
        true
    }

    /// Writes it.
    ///
    /// # Errors
    /// The file cannot be written.
    fn write(&self, run: &Run<'_>, file: &mut dyn Write) -> Result<(), BoxError>;
}

/// `report.json`.
#[derive(Clone, Copy, Debug, Default)]
pub struct JsonOutput;

impl ReportOutput for JsonOutput {
    fn file_name(&self) -> &'static str {
        "report.json"
    }

    fn write(&self, run: &Run<'_>, file: &mut dyn Write) -> Result<(), BoxError> {
        Ok(serde_json::to_writer_pretty(file, run.report)?)
    }
}
