//! What is wrong with a map, or with an observation.

use std::path::PathBuf;

use crate::wire::WireError;

/// A map that does not fit its policy.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MapError {
    /// The file cannot be read.
    #[error("{}: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// The file is not what it must be.
    #[error("{}: {error}", path.display())]
    Toml {
        /// The file.
        path: PathBuf,
        /// Where and why.
        error: String,
    },
    /// There is no preset of this name.
    #[error(transparent)]
    Preset(#[from] super::UnknownPreset),
    /// The policy has no such entry.
    #[error("observations.{entry}: the policy has no such entry; it has {known}")]
    UnknownEntry {
        /// The entry.
        entry: String,
        /// Those that there are.
        known: String,
    },
    /// The preset has nothing for an entry of the policy.
    #[error(
        "the preset {preset} has no key for the policy's entry `{entry}`; write under [observations] of the map: \
         \"{entry}\" = \"KEY\""
    )]
    NoKey {
        /// The preset.
        preset: &'static str,
        /// The entry.
        entry: String,
    },
    /// The parts of an entry are too long or too short.
    #[error("observations.{entry}: its keys give {found} numbers, but the entry has {expected}")]
    Length {
        /// The entry.
        entry: String,
        /// Numbers of the parts.
        found: usize,
        /// Numbers of the entry.
        expected: usize,
    },
    /// A field of a part is wrong.
    #[error("observations.{entry}: {problem}")]
    Part {
        /// The entry.
        entry: String,
        /// What is wrong.
        problem: String,
    },
}

/// An observation that is not what the policy asks for.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The message cannot be read.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// A key is missing.
    #[error("`{0}` is missing")]
    Missing(String),
    /// A key comes twice.
    #[error("`{0}` comes twice")]
    Twice(String),
    /// A value is of another kind.
    #[error("`{key}` is {found}, but must be an array of numbers")]
    Kind {
        /// The key.
        key: String,
        /// What is there.
        found: &'static str,
    },
    /// An array has another shape.
    #[error("`{key}` has shape {found:?}, but must have {expected:?}, or {n_obs_steps} of them one after the other")]
    Shape {
        /// The key.
        key: String,
        /// Its shape.
        found: Vec<usize>,
        /// What it must be.
        expected: Vec<usize>,
        /// Observations that the policy sees.
        n_obs_steps: usize,
    },
    /// Some keys hold one observation, others several.
    #[error("`{key}` holds another number of observations than the keys before it; all hold 1, or all {n_obs_steps}")]
    Steps {
        /// The key.
        key: String,
        /// Observations that the policy sees.
        n_obs_steps: usize,
    },
}
