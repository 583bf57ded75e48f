//! Calibrations as files: one for each key, in the user's cache directory.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{Calibration, CalibrationError, CalibrationKey, file::File};
use parapolicy_policy::{Inference, Manifest, Network, cache_directory};

/// The longest calibration, bytes: a thousand times what is stored.
const LONGEST_FILE: u64 = 64 << 20;

impl Calibration {
    /// The calibration of this policy on this machine that was stored last; `None` if there is none.
    ///
    /// # Errors
    /// A file that cannot be read, is damaged, or belongs to another policy or machine.
    pub fn load(policy: &Network) -> Result<Option<Self>, CalibrationError> {
        let key = CalibrationKey::of(policy);
        Self::load_from(&key.path()?, &key)
    }

    /// The calibration that was stored last of the policy `manifest` describes, run as `inference` says by the library that
    /// is installed for its provider; `None` if there is none. Nothing is loaded.
    ///
    /// # Errors
    /// As for [`Calibration::load`].
    pub fn load_for(manifest: &Manifest, inference: &Inference) -> Result<Option<Self>, CalibrationError> {
        let Some(version) = inference.provider.backend().installed_version() else { return Ok(None) };
        let key = CalibrationKey::new(manifest, inference, version);
        Self::load_from(&key.path()?, &key)
    }

    /// The fastest of the [candidates](Inference::candidates) of `inference` for a batch of [`ROWS`](Self::ROWS), with its
    /// calibration; `None` if one of them was not calibrated.
    ///
    /// # Errors
    /// As for [`Calibration::load`].
    pub fn fastest_for(
        manifest: &Manifest,
        inference: &Inference,
    ) -> Result<Option<(Inference, Self)>, CalibrationError> {
        let mut fastest: Option<(Inference, Self)> = None;
        for candidate in inference.candidates() {
            let Some(calibration) = Self::load_for(manifest, &candidate)? else { return Ok(None) };
            if fastest.as_ref().is_none_or(|(_, known)| calibration.compared() < known.compared()) {
                fastest = Some((candidate, calibration));
            }
        }
        Ok(fastest)
    }

    fn load_from(path: &Path, key: &CalibrationKey) -> Result<Option<Self>, CalibrationError> {
        let text = match parapolicy_files::read_text(path, LONGEST_FILE) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(CalibrationError::file("read", path)(error)),
        };
        let json = |error: &dyn ToString| CalibrationError::Json { path: path.into(), error: error.to_string() };
        let field = |(field, problem)| CalibrationError::Field { path: path.into(), field, problem };
        let mut reader = serde_json::Deserializer::from_str(&text);
        let file: File =
            serde_path_to_error::deserialize(&mut reader).map_err(|error| match error.path().to_string() {
                path if path == "." || path == "?" => json(error.inner()),
                path => field((path, format!("cannot be read ({})", error.inner()))),
            })?;
        reader.end().map_err(|error| json(&error))?;
        file.check(key).map_err(field)?;
        file.calibration().map(Some).map_err(field)
    }

    /// Checks, before anything is measured, that a calibration of this policy can be [stored](Self::store).
    ///
    /// # Errors
    /// No cache directory, or one that cannot be written to.
    pub fn check_store(policy: &Network) -> Result<(), CalibrationError> {
        let path = CalibrationKey::of(policy).path()?;
        let made = fs::create_dir_all(path.parent().unwrap_or(Path::new(".")));
        made.and_then(|()| parapolicy_files::check(&path)).map_err(CalibrationError::file("written", &path))
    }

    /// Stores it in the user's cache directory (`PARAPOLICY_CACHE` overrides it), in place of an earlier one; returns
    /// the file.
    ///
    /// # Errors
    /// No cache directory, or a file that cannot be written.
    pub fn store(&self) -> Result<PathBuf, CalibrationError> {
        let path = self.key.path()?;
        self.store_at(&path).map_err(CalibrationError::file("written", &path))?;
        Ok(path)
    }

    fn store_at(&self, path: &Path) -> io::Result<()> {
        fs::create_dir_all(path.parent().unwrap_or(Path::new(".")))?;
        parapolicy_files::replace(path, |file| Ok(serde_json::to_writer(file, self)?))
    }
}

impl CalibrationKey {
    fn path(&self) -> Result<PathBuf, CalibrationError> {
        Ok(cache_directory().ok_or(CalibrationError::NoCache)?.join("calibration").join(self.file_name()))
    }
}

impl CalibrationError {
    /// For `map_err` on file operations.
    fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |error| Self::File { path: path.to_path_buf(), action, error }
    }
}

#[cfg(test)]
mod tests;
