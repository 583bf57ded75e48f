//! The file format of calibrations.

use parapolicy_sampler::{Profile, Strategy, WindowConfig};
use serde::{Deserialize, Serialize, Serializer};

use super::{BatchTime, Calibration, CalibrationKey, Correction, Observations, Profiled, Roofline, Sampling, cost};

/// Version of the file format.
const SCHEMA_VERSION: u32 = 6;

/// The file, as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    schema_version: u32,
    key: CalibrationKey,
    batches: Vec<BatchTime>,
    row_again_ms: f64,
    roofline: Roofline,
    profiles: Vec<FileProfiles>,
}

/// The candidates for one way of sampling.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileProfiles {
    sampling: Sampling,
    observations: Observations,
    correction: Correction,
    candidates: Vec<FileProfile>,
}

/// A candidate.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileProfile {
    #[serde(with = "by_name")]
    strategy: Strategy,
    window: Option<usize>,
    tolerance: Option<f64>,
    own_ms: f64,
    deviation: f64,
    plans: Vec<Vec<usize>>,
}

/// A field, as a path from the file's root, and what is wrong with it.
type Problem = (String, String);

impl Serialize for Calibration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let profiles = self.profiles.iter().map(|profiled| FileProfiles {
            sampling: profiled.sampling,
            observations: profiled.observations,
            correction: profiled.correction,
            candidates: profiled.candidates.iter().map(FileProfile::from).collect(),
        });
        let file = File {
            schema_version: SCHEMA_VERSION,
            key: self.key.clone(),
            batches: self.batches.clone(),
            row_again_ms: self.row_again_ms,
            roofline: self.roofline.clone(),
            profiles: profiles.collect(),
        };
        file.serialize(serializer)
    }
}

impl From<&Profile> for FileProfile {
    fn from(profile: &Profile) -> Self {
        let &Profile { strategy, own_ms, deviation, ref plans } = profile;
        Self {
            strategy,
            window: strategy.window(),
            tolerance: strategy.tolerance(),
            own_ms,
            deviation,
            plans: plans.clone(),
        }
    }
}

impl File {
    /// Checks that it has this format and belongs to this policy and machine.
    pub fn check(&self, key: &CalibrationKey) -> Result<(), Problem> {
        let CalibrationKey {
            parapolicy,
            model_sha256,
            provider,
            precision,
            runtime,
            cpu,
            cores,
            threads,
            pinned,
            idle,
            devices,
        } = &self.key;
        let [found, expected] = [devices, &key.devices].map(|devices| format!("{devices:?}"));
        let fields: [(&str, &dyn ToString, &dyn ToString); 12] = [
            ("schema_version", &self.schema_version, &SCHEMA_VERSION),
            ("key.parapolicy", parapolicy, &key.parapolicy),
            ("key.model_sha256", model_sha256, &key.model_sha256),
            ("key.provider", provider, &key.provider),
            ("key.precision", precision, &key.precision),
            ("key.runtime", runtime, &key.runtime),
            ("key.cpu", cpu, &key.cpu),
            ("key.cores", cores, &key.cores),
            ("key.threads", threads, &key.threads),
            ("key.pinned", pinned, &key.pinned),
            ("key.idle", idle, &key.idle),
            ("key.devices", &found, &expected),
        ];
        for (field, found, expected) in fields.map(|(field, a, b)| (field, a.to_string(), b.to_string())) {
            if found != expected {
                return Err((field.into(), format!("is {found}, but must be {expected}")));
            }
        }
        Ok(())
    }

    pub fn calibration(self) -> Result<Calibration, Problem> {
        let cost = cost(&self.batches).map_err(|error| ("batches".into(), format!("are damaged ({error})")))?;
        if !(self.row_again_ms.is_finite() && self.row_again_ms > 0.0) {
            return Err(("row_again_ms".into(), "is damaged (it must be finite and positive)".into()));
        }
        if let Some(place) = self.roofline.damaged() {
            return Err((format!("roofline.{place}"), "is damaged (numbers must be finite and positive)".into()));
        }
        let mut profiles = Vec::new();
        for (index, FileProfiles { sampling, observations, correction, candidates }) in
            self.profiles.into_iter().enumerate()
        {
            if correction.is_damaged() {
                return Err((
                    format!("profiles[{index}].correction"),
                    "is damaged (it must be of plans, and finite)".into(),
                ));
            }
            let candidates: Vec<_> = candidates.into_iter().map(FileProfile::profile).collect();
            for (candidate, profile) in candidates.iter().enumerate() {
                let damaged = |what: String| (format!("profiles[{index}].candidates[{candidate}]"), what);
                profile.expected(&cost).map_err(|error| damaged(format!("is damaged ({error})")))?;
                profile.strategy.settings().validate().map_err(|error| damaged(format!("is damaged ({error})")))?;
            }
            profiles.push(Profiled { sampling, observations, correction, candidates });
        }
        let Self { key, batches, row_again_ms, roofline, .. } = self;
        Ok(Calibration { key, batches, row_again_ms, cost, roofline, profiles })
    }
}

impl FileProfile {
    fn profile(self) -> Profile {
        let Self { strategy, window, tolerance, own_ms, deviation, plans } = self;
        let (window, tolerance) = (window.unwrap_or(1), tolerance.unwrap_or_default());
        let strategy = strategy.with_window(WindowConfig { window, tolerance });
        Profile { strategy, own_ms, deviation, plans }
    }
}

/// Values that are written and read as their names.
pub(super) mod by_name {
    use std::{fmt::Display, str::FromStr};

    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub fn serialize<S: Serializer>(value: &impl Display, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(value)
    }

    pub fn deserialize<'de, T: FromStr<Err: Display>, D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}
