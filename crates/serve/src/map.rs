//! From the keys of a client's observation to the entries of a policy.
//!
//! Each entry of the policy is put together from one or several *parts*, and each part is (a range of) what a key holds. A
//! [`KeyMap`] is made of a preset and of a TOML file, and checked against the policy before anything is served.

mod config;
mod error;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]
mod mutants;
mod part;
mod preset;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]
mod tests;

use std::fmt;

use parapolicy_policy::{Entry, Manifest};

pub use self::config::MapConfig;
pub use self::error::{KeyError, MapError};
use self::part::Part;
pub use self::preset::{Preset, UnknownPreset};
use crate::wire::{self, Options, Value};

/// Which keys of an observation are which entries of a policy.
#[derive(Clone, Debug)]
pub struct KeyMap {
    /// In the order of the policy's observation.
    parts: Vec<Part>,
    n_obs_steps: usize,
    observation_dim: usize,
}

impl KeyMap {
    /// The map for the policy that `manifest` describes: what `config` says of an entry; else what its preset has for it; else,
    /// without a preset, the entry's own name.
    ///
    /// # Errors
    /// [`MapError`] with the entry that no key is known for, or with the field of the configuration that is wrong.
    pub fn new(manifest: &Manifest, config: &MapConfig) -> Result<Self, MapError> {
        config.check_names(manifest)?;
        let (mut parts, mut first) = (Vec::new(), 0);
        for entry in &manifest.observations {
            parts.extend(parts_of(entry, config, first)?);
            first += entry.len();
        }
        Ok(Self { parts, n_obs_steps: manifest.n_obs_steps, observation_dim: first })
    }

    /// The keys that a client must send.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &str> {
        let mut keys: Vec<&str> = self.parts.iter().map(|part| part.key.as_str()).collect();
        keys.sort_unstable();
        keys.dedup();
        keys.into_iter()
    }

    /// Reads a request: writes the observations that it holds to `rows`, `[1 or n_obs_steps, observation_dim]`, and returns the
    /// options. Keys that the policy does not ask for are passed over.
    pub(crate) fn read<'a>(&self, message: &'a [u8], rows: &mut Vec<f64>) -> Result<Options<'a>, KeyError> {
        rows.clear();
        let (mut found, mut steps) = (vec![false; self.parts.len()], None);
        let options = wire::read(message, &mut |key, value| self.take(key, &value, rows, &mut found, &mut steps))?;
        match found.iter().position(|found| !found) {
            Some(missing) => Err(KeyError::Missing(self.parts[missing].key.clone())),
            None => Ok(options),
        }
    }

    fn take(
        &self,
        key: &str,
        value: &Value<'_>,
        rows: &mut Vec<f64>,
        found: &mut [bool],
        steps: &mut Option<usize>,
    ) -> Result<(), KeyError> {
        for (part, found) in self.parts.iter().zip(found).filter(|(part, _)| part.key == key) {
            if std::mem::replace(found, true) {
                return Err(KeyError::Twice(key.to_owned()));
            }
            let own = part.steps(value, self.n_obs_steps)?;
            if *steps.get_or_insert(own) != own {
                return Err(KeyError::Steps { key: key.to_owned(), n_obs_steps: self.n_obs_steps });
            }
            rows.resize(own * self.observation_dim, 0.0);
            part.write(value, own, self.observation_dim, rows);
        }
        Ok(())
    }
}

/// What is printed before anything is served.
impl fmt::Display for KeyMap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, part) in self.parts.iter().enumerate() {
            if number > 0 {
                writeln!(f)?;
            }
            write!(f, "{part}")?;
        }
        Ok(())
    }
}

fn parts_of(entry: &Entry, config: &MapConfig, first: usize) -> Result<Vec<Part>, MapError> {
    let sources = config.sources(entry)?;
    let mut parts = Vec::with_capacity(sources.len());
    let whole = sources.len() == 1;
    let mut at = first;
    for source in sources {
        let part = Part::new(entry, source, at, whole)?;
        at += part.len();
        parts.push(part);
    }
    if at - first == entry.len() {
        return Ok(parts);
    }
    Err(MapError::Length { entry: entry.name.clone(), found: at - first, expected: entry.len() })
}
