//! `policy.json`: everything about a policy that its graph does not contain.

mod blank;
mod error;
mod missing;
mod relative;
mod task;
mod validate;

use std::{ops::Range, path::Path};

use parapolicy_sampler::SchedulerConfig;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

pub(crate) use self::blank::BLANK;
pub use self::error::ManifestError;
pub use self::relative::RelativeTo;
pub use self::task::{Task, TaskError};
pub(crate) use self::validate::{MAX_PLAN, Problem, check, scheduler_problem, validate_shape};
use crate::{Condition, ConditionKind, DENOISER_MANIFEST_FILE, Kind, Normalization, Signature};

/// The manifest's file name, in the policy's directory.
pub const MANIFEST_FILE: &str = "policy.json";

/// The newest version of the manifest's format; this crate reads every one from 1 on. Version 2 added the
/// normalisations
/// `mean_std` and `identity`, the encoder, and observations as a
/// part of the plan. Version 3 added the units of entries, version 4 tasks, version 5 the kinds of actions,
/// version 6 actions that are relative to an observation.
pub const SCHEMA_VERSION: u32 = 6;

/// What `policy.json` says: the shapes, units and scheduler of a diffusion policy, and the graph that denoises.
///
/// Entries are concatenated in the order in which they are listed; the observation the network sees is
/// `[n_obs_steps, observation_dim]`, its plan `[horizon, action_dim]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Manifest {
    /// Version of this format, [`SCHEMA_VERSION`] at most.
    pub schema_version: u32,
    /// Name of the policy, for reports.
    pub name: String,
    /// How many observations the network sees.
    pub n_obs_steps: usize,
    /// How many actions the network plans; the first belongs to the oldest observation.
    pub horizon: usize,
    /// How many actions of a plan are executed before the next is made.
    pub n_action_steps: usize,
    /// Entries of the observation.
    pub observations: Vec<Entry>,
    /// Entries of an action.
    pub actions: Vec<Entry>,
    /// What the policy can be told to do; empty where it is told nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<Task>,
    /// The noise schedule the network was trained with.
    pub scheduler: SchedulerConfig,
    /// The graph that encodes observations for the denoiser, where one does: images, say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub encoder: Option<EncoderGraph>,
    /// The graph.
    pub denoiser: DenoiserGraph,
}

/// A named part of an observation or of an action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// Name, unique in its list.
    pub name: String,
    /// Shape, flattened in row-major order.
    pub shape: Vec<usize>,
    /// The unit of its raw numbers: `px`, `rad`. None where nobody said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// What its numbers are, of an entry of an action: positions where nobody said.
    #[serde(default, skip_serializing_if = "is_position")]
    pub kind: Kind,
    /// What an entry of an action is relative to: the network predicts differences from the newest observation. None where its
    /// numbers are absolute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relative_to: Option<RelativeTo>,
    /// Statistics, a number per component; of what the network predicts, where that is relative.
    pub normalization: Normalization,
}

fn is_position(kind: &Kind) -> bool {
    *kind == Kind::Position
}

impl Entry {
    /// Number of components.
    // Shapes are validated not to overflow.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether there are no components; never so in a manifest that was loaded.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Where the graph lies, its checksum, and the names of its inputs and of its output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DenoiserGraph {
    /// File name, in the manifest's directory.
    pub file: String,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// Input: noisy plans, float32 `[batch, horizon, plan_dim]`.
    pub sample: String,
    /// Input: training timesteps, int64 or float32 `[batch]`.
    pub timestep: String,
    /// Input: normalised observations, float32 `[batch, n_obs_steps, told_dim]`; or, where there is an encoder,
    /// its features, `[batch, n_obs_steps, size]`; or either flat, `[batch, n_obs_steps · told_dim]`. Without
    /// this input, observations are inpainted: each step of a plan is an action followed by what is seen, and what was
    /// seen in the first `n_obs_steps` of them is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observation: Option<String>,
    /// Output: what the scheduler's `prediction_type` says, float32 `[batch, horizon, plan_dim]`.
    pub prediction: String,
}

/// The graph that encodes observations, run once for each: where it lies, its checksum, and the names of its input and
/// of its output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncoderGraph {
    /// File name, in the manifest's directory.
    pub file: String,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
    /// Input: normalised observations, float32 `[batch, n_obs_steps, told_dim]`.
    pub observation: String,
    /// Output: what the denoiser sees of them, float32 `[batch, n_obs_steps, size]`.
    pub features: String,
    /// Numbers that come of one observation.
    pub size: usize,
}

impl Manifest {
    /// Reads and validates `policy.json` in the directory `dir`.
    ///
    /// # Errors
    /// A file that cannot be read, is not JSON of this schema, or has a field that makes no sense.
    pub fn load(dir: &Path) -> Result<Self, ManifestError> {
        let path = dir.join(MANIFEST_FILE);
        if !path.exists() && dir.join(DENOISER_MANIFEST_FILE).exists() {
            return Err(ManifestError::NoPolicy { path: dir.join(DENOISER_MANIFEST_FILE) });
        }
        load(&path, Self::validate).map_err(|error| match error {
            ManifestError::Read { path, .. } if !path.exists() => {
                ManifestError::Missing { path, why: missing::why(dir) }
            }
            error => error,
        })
    }

    /// What a backend has to know of the denoiser: its sample is a plan, its condition an observation.
    pub fn signature(&self) -> Signature {
        let condition = |input: &String| Condition {
            field: "denoiser.observation",
            input: input.clone(),
            sizes: vec![self.n_obs_steps, self.seen_dim()],
            kind: ConditionKind::Numbers,
        };
        Signature {
            manifest: MANIFEST_FILE,
            sample: vec![self.horizon, self.plan_dim()],
            condition: self.denoiser.observation.as_ref().map(condition),
            graph: self.denoiser.clone(),
            scheduler: self.scheduler.clone(),
        }
    }

    /// Numbers in one observation.
    pub fn observation_dim(&self) -> usize {
        self.observations.iter().map(Entry::len).sum()
    }

    /// Numbers in one observation and in the task that is told beside it.
    pub fn told_dim(&self) -> usize {
        self.observation_dim() + self.task_dim()
    }

    /// Numbers that the denoiser sees of one observation: all of them, or as many as the encoder makes of them.
    pub fn seen_dim(&self) -> usize {
        self.encoder.as_ref().map_or_else(|| self.told_dim(), |encoder| encoder.size)
    }

    /// Numbers in one action.
    pub fn action_dim(&self) -> usize {
        self.actions.iter().map(Entry::len).sum()
    }

    /// The entries of an action, each with the numbers of an action that are its own.
    pub fn action_parts(&self) -> impl Iterator<Item = (&Entry, Range<usize>)> {
        self.actions.iter().scan(0, |first, entry| {
            let range = *first..*first + entry.len();
            *first = range.end;
            Some((entry, range))
        })
    }

    /// The normalisation of each number in an action, with its index there.
    pub(crate) fn action_components(&self) -> impl Iterator<Item = (&Normalization, usize)> {
        self.actions.iter().flat_map(|entry| (0..entry.len()).map(|index| (&entry.normalization, index)))
    }

    /// Whether observations are a part of the plan, and not an input of the denoiser.
    pub fn inpaints(&self) -> bool {
        self.denoiser.observation.is_none()
    }

    /// Numbers in one step of a plan: an action, followed by what is seen where that is a part of the plan.
    pub fn plan_dim(&self) -> usize {
        self.action_dim() + if self.inpaints() { self.seen_dim() } else { 0 }
    }

    /// Numbers in one plan: the dimension in which the sampler works.
    pub fn sample_dim(&self) -> usize {
        self.horizon * self.plan_dim()
    }

    /// The rows of a plan that are executed: from the action that belongs to the newest observation,
    /// `n_action_steps` of them.
    pub fn executed_steps(&self) -> Range<usize> {
        let start = self.n_obs_steps - 1;
        start..start + self.n_action_steps
    }
}

/// Reads and validates a manifest of any kind.
pub(crate) fn load<M: DeserializeOwned>(
    path: &Path,
    validate: impl FnOnce(&M) -> Result<(), Problem>,
) -> Result<M, ManifestError> {
    let path = path.to_path_buf();
    let text = read(&path)?;
    let fields = blank::blanks(&text);
    if !fields.is_empty() {
        return Err(ManifestError::Blank { path, fields });
    }
    let mut json = serde_json::Deserializer::from_str(&text);
    let manifest =
        serde_path_to_error::deserialize(&mut json).map_err(|error| ManifestError::from_json(&path, &error))?;
    json.end().map_err(|error| ManifestError::Json { path: path.clone(), error: error.to_string() })?;
    validate(&manifest).map_err(|(field, problem)| ManifestError::Field { path, field, problem })?;
    Ok(manifest)
}

fn read(path: &Path) -> Result<String, ManifestError> {
    parapolicy_files::read_text(path, validate::MAX_BYTES)
        .map_err(|error| ManifestError::Read { path: path.to_path_buf(), error })
}
