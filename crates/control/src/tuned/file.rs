//! Reading and keeping what was measured.

use std::path::{Path, PathBuf};
use std::{fs, io};

use parapolicy_policy::{Inference, Manifest};

use super::{Measured, SCHEMA_VERSION, Tuned, TunedError, TunedKey};

/// The longest file, bytes: a thousand times what is kept.
const LONGEST: u64 = 64 << 20;

impl Tuned {
    /// What was kept of the policy that `manifest` describes, run as `inference` says by the library that is installed for its
    /// provider.
    ///
    /// # Errors
    /// Nothing is kept, or it is damaged, or of another policy, provider or machine.
    pub fn load(manifest: &Manifest, inference: &Inference) -> Result<Self, TunedError> {
        let version = inference.provider.backend().installed_version();
        let version = version.ok_or(TunedError::NotInstalled(inference.provider))?;
        let key = TunedKey::new(manifest, inference, version);
        Self::load_from(&key.path()?, &key)
    }

    pub(super) fn load_from(path: &Path, key: &TunedKey) -> Result<Self, TunedError> {
        let text = parapolicy_files::read_text(path, LONGEST).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => TunedError::Missing { path: path.into(), provider: key.provider.clone() },
            _ => TunedError::File { path: path.into(), action: "read", error },
        })?;
        let damaged = |problem: String| TunedError::Damaged { path: path.into(), problem };
        let mut reader = serde_json::Deserializer::from_str(&text);
        let tuned: Self = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let field = error.path().to_string();
            if field == "." || field == "?" {
                damaged(format!("it is not what `parapolicy tune` wrote ({})", error.inner()))
            } else {
                damaged(format!("`{field}` cannot be read ({})", error.inner()))
            }
        })?;
        reader.end().map_err(|error| damaged(error.to_string()))?;
        if tuned.schema_version != SCHEMA_VERSION {
            return Err(damaged(format!("`schema_version` is {}, but must be {SCHEMA_VERSION}", tuned.schema_version)));
        }
        if let Some((field, found, expected)) = tuned.key.difference(key) {
            return Err(TunedError::Other { path: path.into(), field, found, expected });
        }
        match tuned.settings.iter().position(|measured| !measured.is_sound()) {
            Some(index) => {
                Err(damaged(format!("`settings[{index}]` is damaged (numbers must be finite, times positive)")))
            }
            None => Ok(tuned),
        }
    }

    /// Checks, before anything is measured, that a measurement with this key can be [kept](Self::store).
    ///
    /// # Errors
    /// No cache directory, or one that cannot be written to.
    pub fn check_store(key: &TunedKey) -> Result<(), TunedError> {
        let path = key.path()?;
        let made = fs::create_dir_all(path.parent().unwrap_or(Path::new(".")));
        let checked = made.and_then(|()| parapolicy_files::check(&path));
        checked.map_err(|error| TunedError::File { path, action: "written", error })
    }

    /// Keeps it in the user's cache directory (`PARAPOLICY_CACHE` overrides it), in place of an earlier one; returns the file.
    ///
    /// # Errors
    /// No cache directory, or a file that cannot be written.
    pub fn store(&self) -> Result<PathBuf, TunedError> {
        let path = self.key.path()?;
        let made = fs::create_dir_all(path.parent().unwrap_or(Path::new(".")));
        let written = made.and_then(|()| self.write(&path));
        written.map(|()| path.clone()).map_err(|error| TunedError::File { path, action: "written", error })
    }

    /// Writes it to a file: aside, then renamed.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        parapolicy_files::replace(path, |file| Ok(serde_json::to_writer_pretty(file, self)?))
    }
}

impl Measured {
    /// Whether its numbers can be ones.
    fn is_sound(&self) -> bool {
        let Self { latency_ms, drift, distance, reward, .. } = self;
        let times = [latency_ms.p50, latency_ms.p95, *drift];
        let rewards = reward.iter().all(|reward| {
            reward.mean.is_finite()
                && reward.success.is_finite()
                && reward.difference.is_none_or(|difference| difference.is_finite())
        });
        times.iter().all(|time| time.is_finite() && *time > 0.0) && distance.is_finite() && rewards
    }
}
