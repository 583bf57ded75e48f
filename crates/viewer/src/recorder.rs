//! Demonstrations as they are driven.

use std::path::PathBuf;

use parapolicy_pusht::{Demonstration, DemonstrationStep, SaveError};

/// Keeps what a person drives, and writes every stretch of it to a file of its own when it ends.
#[derive(Debug)]
pub struct Recorder {
    folder: PathBuf,
    on: bool,
    steps: Vec<DemonstrationStep>,
    saved: Option<PathBuf>,
}

impl Recorder {
    /// Writes to `folder`, once it is switched on.
    pub fn new(folder: PathBuf) -> Self {
        Self { folder, on: false, steps: Vec::new(), saved: None }
    }

    /// Whether it is on.
    pub fn is_on(&self) -> bool {
        self.on
    }

    /// Steps of the stretch that is being driven.
    pub fn steps(&self) -> usize {
        self.steps.len()
    }

    /// The last file written.
    pub fn saved(&self) -> Option<&PathBuf> {
        self.saved.as_ref()
    }

    /// Records from now on, or not any more; a stretch that was being driven with this seed ends.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn switch(&mut self, on: bool, seed: u64) -> Result<(), SaveError> {
        self.on = on;
        self.end(seed)
    }

    /// Takes a step that a person drove.
    pub fn push(&mut self, step: DemonstrationStep) {
        if self.on {
            self.steps.push(step);
        }
    }

    /// Ends the stretch that was being driven, and writes it.
    ///
    /// # Errors
    /// If it cannot be written; it is lost then, and the next one is written if that is possible.
    pub fn end(&mut self, seed: u64) -> Result<(), SaveError> {
        if self.steps.is_empty() {
            return Ok(());
        }
        let demonstration = Demonstration { seed: seed.try_into().ok(), steps: std::mem::take(&mut self.steps) };
        self.saved = Some(demonstration.save_in(&self.folder)?);
        Ok(())
    }
}
