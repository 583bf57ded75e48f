//! `denoiser.json`: everything about a denoiser that is no policy that its graph does not contain.

use std::path::Path;

use parapolicy_sampler::SchedulerConfig;
use serde::{Deserialize, Serialize};

use crate::{DenoiserGraph, ManifestError, manifest};

/// The manifest's file name, in the denoiser's directory.
pub const DENOISER_MANIFEST_FILE: &str = "denoiser.json";

/// The newest version of the format.
const DENOISER_SCHEMA_VERSION: u32 = 1;

/// The most classes: whole numbers up to here are exact in float32.
const MAX_CLASSES: usize = 1 << 24;

/// What `denoiser.json` says: what a sample is, what it is drawn for, the scheduler, and the graph.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct DenoiserManifest {
    /// Version of this format, 1.
    pub schema_version: u32,
    /// Name of the denoiser, for reports.
    pub name: String,
    /// What a sample is.
    pub sample: SampleConfig,
    /// What a sample is drawn for; without it, for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<ConditionConfig>,
    /// The noise schedule the network was trained with.
    pub scheduler: SchedulerConfig,
    /// The graph. It names no observation: what the graph sees is named by `condition`.
    pub denoiser: DenoiserGraph,
}

/// What a sample is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SampleConfig {
    /// Sizes of the graph's sample after the batch: `[channels, height, width]` of an image.
    pub shape: Vec<usize>,
    /// The least and the largest value of the training data, in the network's own unit: black and white of an image.
    pub range: [f32; 2],
}

/// The graph's input beside samples and timesteps: one of `classes` and `shape` says what it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConditionConfig {
    /// Its name in the graph.
    pub input: String,
    /// A label, int64 `[batch]`, from 0 to one less than this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<usize>,
    /// Numbers, float32, with these sizes after the batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shape: Option<Vec<usize>>,
}

impl DenoiserManifest {
    /// Reads and validates `denoiser.json` in the directory `dir`.
    ///
    /// # Errors
    /// A file that cannot be read, is not JSON of this schema, or has a field that makes no sense.
    pub fn load(dir: &Path) -> Result<Self, ManifestError> {
        manifest::load(&dir.join(DENOISER_MANIFEST_FILE), Self::validate)
    }

    /// Whether the directory `dir` holds such a manifest, and none of a policy.
    pub fn is_in(dir: &Path) -> bool {
        dir.join(DENOISER_MANIFEST_FILE).exists() && !dir.join(manifest::MANIFEST_FILE).exists()
    }

    fn validate(&self) -> Result<(), manifest::Problem> {
        let Self { schema_version, sample, condition, scheduler, denoiser, .. } = self;
        manifest::check(*schema_version == DENOISER_SCHEMA_VERSION, "schema_version", || {
            format!(
                "is {schema_version}, this program reads version {DENOISER_SCHEMA_VERSION}: describe the denoiser again"
            )
        })?;
        sample.validate()?;
        condition.as_ref().map_or(Ok(()), ConditionConfig::validate)?;
        scheduler.validate().map_err(manifest::scheduler_problem)?;
        manifest::check(denoiser.observation.is_none(), "denoiser.observation", || {
            "is a policy's; name what this graph sees in `condition.input`".into()
        })?;
        denoiser.validate()?;
        let taken = [&denoiser.sample, &denoiser.timestep];
        let is_free = condition.as_ref().is_none_or(|condition| !taken.contains(&&condition.input));
        manifest::check(is_free, "condition.input", || "names an input that `denoiser` names, too".into())
    }
}

impl SampleConfig {
    fn validate(&self) -> Result<(), manifest::Problem> {
        manifest::check(!self.shape.is_empty(), "sample.shape", || "is empty, at least one size is needed".into())?;
        let len = manifest::validate_shape("sample.shape", &self.shape)?;
        manifest::check(len <= manifest::MAX_PLAN, "sample.shape", || {
            format!("asks for {len} numbers, more than {}", manifest::MAX_PLAN)
        })?;
        let [low, high] = self.range;
        manifest::check(low.is_finite() && high.is_finite() && low < high, "sample.range", || {
            format!("is [{low}, {high}], but must be two finite numbers, the least first")
        })
    }
}

impl ConditionConfig {
    fn validate(&self) -> Result<(), manifest::Problem> {
        manifest::check(!self.input.is_empty(), "condition.input", || "is empty".into())?;
        match (self.classes, &self.shape) {
            (Some(classes), None) => manifest::check((1..=MAX_CLASSES).contains(&classes), "condition.classes", || {
                format!("is {classes}, must be 1 to {MAX_CLASSES}")
            }),
            (None, Some(shape)) => {
                manifest::check(!shape.is_empty(), "condition.shape", || {
                    "is empty, at least one size is needed; of labels, give `classes`".into()
                })?;
                manifest::validate_shape("condition.shape", shape).map(|_| ())
            }
            _ => manifest::check(false, "condition", || {
                "must have one of `classes`, of labels, and `shape`, of numbers".into()
            }),
        }
    }
}
