//! The configuration of a map, as TOML has it.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use parapolicy_policy::{Entry, Layout, Manifest};
use serde::Deserialize;

use super::preset::Preset;
use super::{MapError, UnknownPreset};

/// What a file of a map may say.
///
/// ```toml
/// preset = "libero"                                # keys of a robot; without it, keys are the entries' names
///
/// [observations]                                   # the policy's entries, where the preset does not have them
/// agent = "observation/position"                   # an entry from a key
/// pose = [                                         # from several, one after the other
///     { key = "observation/joint_position", from = 0, to = 7 },
///     { key = "observation/gripper_position", from = 0, to = 1 },
/// ]
/// image = { key = "observation/image", layout = "hwc", scale = 0.00392156862745098 }
/// ```
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MapConfig {
    #[serde(default, deserialize_with = "preset")]
    preset: Option<Preset>,
    #[serde(default)]
    observations: BTreeMap<String, Given>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "a key, a table with `key` (from, to, layout, scale), or an array of such tables")]
enum Given {
    Key(String),
    One(GivenPart),
    Several(Vec<GivenPart>),
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GivenPart {
    key: String,
    from: Option<usize>,
    to: Option<usize>,
    layout: Option<Layout>,
    scale: Option<f64>,
}

/// Where a part of an entry comes from.
#[derive(Clone, Debug)]
pub(super) struct Source {
    pub key: String,
    /// The numbers that are taken, and how many there are, if that is known.
    pub range: Option<(Option<usize>, Range<usize>)>,
    /// How many numbers the key holds, where all are taken.
    pub length: Option<usize>,
    pub layout: Option<Layout>,
    pub scale: f64,
    /// Whether only bytes are scaled.
    pub scale_bytes: bool,
}

impl Source {
    /// All that a key holds.
    pub fn key(key: impl Into<String>) -> Self {
        Self { key: key.into(), range: None, length: None, layout: None, scale: 1.0, scale_bytes: false }
    }
}

fn preset<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Preset>, D::Error> {
    let name = String::deserialize(deserializer)?;
    name.parse().map(Some).map_err(|error: UnknownPreset| serde::de::Error::custom(error))
}

impl MapConfig {
    /// Bytes that a file may have.
    const MOST_BYTES: u64 = 1 << 20;

    /// A preset and nothing else.
    #[must_use]
    pub fn preset(preset: Preset) -> Self {
        Self { preset: Some(preset), ..Self::default() }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// A file that cannot be read, or is not such a configuration.
    pub fn load(path: &Path) -> Result<Self, MapError> {
        let text = parapolicy_files::read_text(path, Self::MOST_BYTES)
            .map_err(|error| MapError::Read { path: path.to_path_buf(), error })?;
        toml::from_str(&text).map_err(|error| MapError::Toml { path: path.to_path_buf(), error: error.to_string() })
    }

    /// Refuses entries that the policy does not have.
    pub(super) fn check_names(&self, manifest: &Manifest) -> Result<(), MapError> {
        let known = |name: &&String| manifest.observations.iter().any(|entry| entry.name == **name);
        let Some(entry) = self.observations.keys().find(|name| !known(name)) else { return Ok(()) };
        let names: Vec<&str> = manifest.observations.iter().map(|entry| entry.name.as_str()).collect();
        Err(MapError::UnknownEntry { entry: entry.clone(), known: names.join(", ") })
    }

    /// What an entry is put together from.
    pub(super) fn sources(&self, entry: &Entry) -> Result<Vec<Source>, MapError> {
        let given = match (self.observations.get(&entry.name), self.preset) {
            (Some(given), _) => given,
            (None, Some(preset)) => {
                let none = || MapError::NoKey { preset: preset.name(), entry: entry.name.clone() };
                return preset.sources(entry).ok_or_else(none);
            }
            (None, None) => return Ok(vec![Source::key(&entry.name)]),
        };
        match given {
            Given::Key(key) => Ok(vec![Source::key(key)]),
            Given::One(part) => Ok(vec![part.source(entry)?]),
            Given::Several(parts) => parts.iter().map(|part| part.source(entry)).collect(),
        }
    }
}

impl GivenPart {
    fn source(&self, entry: &Entry) -> Result<Source, MapError> {
        let range = match (self.from, self.to) {
            (None, None) => None,
            (from, Some(to)) => Some((None, from.unwrap_or(0)..to)),
            (Some(from), None) => {
                let problem = format!("from is {from}, but there is no to");
                return Err(MapError::Part { entry: entry.name.clone(), problem });
            }
        };
        let (key, layout) = (self.key.clone(), self.layout);
        Ok(Source { key, range, length: None, layout, scale: self.scale.unwrap_or(1.0), scale_bytes: false })
    }
}
