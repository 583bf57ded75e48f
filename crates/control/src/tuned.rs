//! What `parapolicy tune` measured: how to sample a policy on this machine, and which of the settings is the fastest that
//! is not worse than the reference.
//!
//! ```text
//! Tuned ──recommend(within)──▶ Recommendation      the fastest setting that may be taken, and the nearest in that time
//!       ──take(within)───────▶ Setting             the same, or why there is none
//! ```
//!
//! A setting may be taken unless it is shown to be [`Verdict::Worse`] than the reference beyond the stated margin: by
//! reward where episodes were played, else by the distance of its plans' distribution. Its 95th percentile of latency has
//! to be within the time that is asked for.

mod cpu;
mod error;
mod estimate;
mod file;
mod key;
mod recommendation;
mod setting;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use self::cpu::Cpu;
pub use self::error::TunedError;
pub use self::estimate::{Estimate, Interval, Verdict};
pub use self::key::TunedKey;
pub use self::recommendation::Recommendation;
pub use self::setting::{Earned, LatencySpan, Measured, Setting, Wanted};

/// Version of the file's format.
pub const SCHEMA_VERSION: u32 = 1;

/// `tuned.json`: what was measured, where, and for which policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tuned {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// What it is valid for.
    pub key: TunedKey,
    /// The policy's name in its manifest.
    pub model: String,
    /// The operating system.
    pub os: String,
    /// When it was measured (RFC 3339).
    pub measured_at: String,
    /// The command line that made it.
    pub command: Vec<String>,
    /// On what.
    pub conditions: Conditions,
    /// What counts as worse.
    pub margins: Margins,
    /// Whether something else ran meanwhile.
    pub load: Load,
    /// The settings that were measured, the reference first.
    pub settings: Vec<Measured>,
    /// Candidates that could not be measured, and why.
    pub left_out: Vec<LeftOut>,
}

/// What settings were measured on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conditions {
    /// Where the observations come from: `met in pusht`, `drawn`, or a file.
    pub observed: String,
    /// Observations that were planned for.
    pub observations: usize,
    /// Plans for each of them, by each setting.
    pub plans: usize,
    /// Seed of the first episode.
    pub seed: u64,
    /// Episodes of each setting that were asked for; 0 where none were played.
    pub episodes: u64,
    /// The environment they were played in.
    pub environment: Option<String>,
    /// Its scenario.
    pub scenario: Option<String>,
}

/// How much worse than the reference still counts as not worse.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Margins {
    /// Of the energy distance (normalised units).
    pub distance: f64,
    /// Of the mean reward.
    pub reward: f64,
}

/// Signs of other load on the machine.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// The median time of a batch of one row before everything else and after it, in milliseconds.
    pub row_ms: [f64; 2],
    /// Whether times are not to be believed: a row took 30 % longer at one end than at the other, or most settings did in
    /// one half of their plans.
    pub busy: bool,
}

/// A candidate that was not measured.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeftOut {
    /// The candidate.
    pub setting: Setting,
    /// Why.
    pub why: String,
}

impl Tuned {
    /// The setting that all others are compared with.
    #[must_use]
    pub fn reference(&self) -> Option<&Measured> {
        self.settings.first()
    }

    /// Whether the setting is shown to be worse than the reference: by reward where episodes were played, else by distance.
    /// `None` for a setting that was left out of the episodes.
    #[must_use]
    pub fn verdict(&self, measured: &Measured) -> Option<Verdict> {
        let played = self.settings.iter().any(|setting| setting.reward.is_some());
        let is_reference = self.reference().is_some_and(|reference| reference.setting == measured.setting);
        match (&measured.reward, is_reference) {
            (_, true) => Some(Verdict::Like),
            (Some(reward), _) => Some(reward.difference?.not_below(-self.margins.reward)),
            (None, _) if played => None,
            (None, _) => Some(measured.distance.not_above(self.margins.distance)),
        }
    }

    /// The fastest setting that may be taken for plans within a time, among those that are `wanted`; where none is within it,
    /// the fastest of all. `None` where no setting is wanted.
    #[must_use]
    pub fn recommend(&self, within: Duration, wanted: &Wanted) -> Option<Recommendation<'_>> {
        Recommendation::of(self, within, wanted)
    }

    /// The setting that is recommended for plans within a time, among those that are `wanted`.
    ///
    /// # Errors
    /// [`TunedError::NotMeasured`] if none of them was measured, [`TunedError::Slower`] if none is within the time.
    pub fn take(&self, within: Duration, wanted: &Wanted) -> Result<&Setting, TunedError> {
        let not_measured = || TunedError::NotMeasured {
            wanted: wanted.to_string(),
            threads: self.of(|s| s.threads.to_string()),
            precisions: self.of(|s| s.precision.clone()),
        };
        let recommendation = self.recommend(within, wanted).ok_or_else(not_measured)?;
        let Measured { setting, latency_ms, .. } = recommendation.best;
        if !recommendation.fits {
            return Err(TunedError::Slower { within, fastest: setting.to_string(), p95_ms: latency_ms.p95 });
        }
        Ok(setting)
    }

    /// The values of a property that were measured, each once.
    fn of(&self, property: impl Fn(&Setting) -> String) -> String {
        let mut values: Vec<String> = Vec::new();
        for value in self.settings.iter().map(|measured| property(&measured.setting)) {
            if !values.contains(&value) {
                values.push(value);
            }
        }
        values.join(", ")
    }
}

#[cfg(test)]
mod tests;
