//! Validates what the JSON schema alone cannot: ranges, and fields against each other.

use std::collections::HashSet;

use parapolicy_sampler::ConfigError;

use super::{DenoiserGraph, EncoderGraph, Entry, Manifest, SCHEMA_VERSION, relative::validate_relative};
use crate::Kind;

/// A field, as a path from the manifest's root, and what is wrong with it.
pub(crate) type Problem = (String, String);

/// The network's tensors are indexed with 32 bits in places: this is beyond any policy, five images of 1920 × 1080 say,
/// and no product of two overflows.
const MAX_SIZE: usize = 1 << 25;

/// The most numbers in a plan: a sampler keeps several copies of a plan for every denoising step. A thousand steps of a
/// thousand joints, say, or of an image that is inpainted.
pub(crate) const MAX_PLAN: usize = 1 << 20;

/// The longest manifest, bytes: 10⁵ statistics of 20 digits are a tenth of it.
pub(super) const MAX_BYTES: u64 = 64 << 20;

impl Manifest {
    pub(super) fn validate(&self) -> Result<(), Problem> {
        self.validate_version()?;
        self.validate_steps()?;
        validate_entries("observations", &self.observations)?;
        validate_entries("actions", &self.actions)?;
        validate_kinds(&self.observations, &self.actions)?;
        validate_relative(&self.observations, &self.actions)?;
        self.scheduler.validate().map_err(scheduler_problem)?;
        self.encoder.as_ref().map_or(Ok(()), EncoderGraph::validate)?;
        self.denoiser.validate()?;
        self.validate_tasks()?;
        self.validate_products()
    }

    /// Sizes that are each small enough may ask for petabytes together.
    fn validate_products(&self) -> Result<(), Problem> {
        let Self { n_obs_steps, horizon, .. } = *self;
        let observed = [("observations", self.told_dim()), ("encoder.size", self.seen_dim())];
        for (field, dim) in observed {
            check(n_obs_steps.saturating_mul(dim) <= MAX_SIZE, "n_obs_steps", || {
                format!("is {n_obs_steps}: with the {dim} numbers of `{field}` it asks for more than {MAX_SIZE}")
            })?;
        }
        let dim = self.plan_dim();
        check(horizon.saturating_mul(dim) <= MAX_PLAN, "horizon", || {
            format!("is {horizon}: with the {dim} numbers of a step, a plan has more than {MAX_PLAN}")
        })
    }

    fn validate_version(&self) -> Result<(), Problem> {
        check((1..=SCHEMA_VERSION).contains(&self.schema_version), "schema_version", || {
            format!(
                "is {}, this program reads versions 1 to {SCHEMA_VERSION}: export the policy again",
                self.schema_version
            )
        })
    }

    fn validate_steps(&self) -> Result<(), Problem> {
        check_size("n_obs_steps", self.n_obs_steps)?;
        check_size("horizon", self.horizon)?;
        check_size("n_action_steps", self.n_action_steps)?;
        let needed = self.n_obs_steps + self.n_action_steps - 1;
        check(needed <= self.horizon, "n_action_steps", || {
            format!(
                "reaches beyond the plan: n_obs_steps + n_action_steps - 1 is {needed}, horizon is {}",
                self.horizon
            )
        })
    }
}

fn validate_entries(list: &str, entries: &[Entry]) -> Result<(), Problem> {
    check(!entries.is_empty(), list, || "is empty, at least one entry is needed".into())?;
    let mut names = HashSet::new();
    let mut total = 0;
    for (index, entry) in entries.iter().enumerate() {
        let field = format!("{list}[{index}]");
        let name = format!("{field}.name");
        check(!entry.name.is_empty(), &name, || "is empty".into())?;
        check(names.insert(&entry.name), &name, || format!("repeats \"{}\"", entry.name))?;
        total += validate_shape(&format!("{field}.shape"), &entry.shape)?;
        let is_unit =
            entry.unit.as_ref().is_none_or(|unit| unit.starts_with(|c: char| !c.is_ascii_digit() && c != '.'));
        check(is_unit, &format!("{field}.unit"), || {
            "is empty or begins like a number; leave it out where there is none".into()
        })?;
        check_size(list, total)?;
        entry
            .normalization
            .validate(entry.len())
            .map_err(|(statistic, what)| (format!("{field}.normalization.{statistic}"), what))?;
    }
    Ok(())
}

/// Kinds are of actions, and rotations have as many numbers as they need.
fn validate_kinds(observations: &[Entry], actions: &[Entry]) -> Result<(), Problem> {
    for (index, entry) in observations.iter().enumerate() {
        check(entry.kind == Kind::Position, &format!("observations[{index}].kind"), || {
            format!("is {}, but only entries of actions have a kind: leave it out", entry.kind)
        })?;
    }
    for (index, entry) in actions.iter().enumerate() {
        let len = entry.kind.size().unwrap_or(entry.len());
        check(entry.len() == len, &format!("actions[{index}].shape"), || {
            format!("is {:?}, but a {} has {len} numbers", entry.shape, entry.kind)
        })?;
    }
    Ok(())
}

/// The number of components of a shape.
pub(crate) fn validate_shape(field: &str, shape: &[usize]) -> Result<usize, Problem> {
    let len = shape.iter().try_fold(1_usize, |len, &size| len.checked_mul(size)).unwrap_or(usize::MAX);
    check(len > 0, field, || format!("is {shape:?}, every size must be at least 1"))?;
    check_size(field, len)?;
    Ok(len)
}

impl EncoderGraph {
    fn validate(&self) -> Result<(), Problem> {
        validate_file("encoder", &self.file, &self.sha256)?;
        check(!self.observation.is_empty(), "encoder.observation", || "is empty".into())?;
        check(!self.features.is_empty(), "encoder.features", || "is empty".into())?;
        check_size("encoder.size", self.size)
    }
}

impl DenoiserGraph {
    pub(crate) fn validate(&self) -> Result<(), Problem> {
        validate_file("denoiser", &self.file, &self.sha256)?;
        self.validate_names()
    }

    fn validate_names(&self) -> Result<(), Problem> {
        let inputs = [("sample", &self.sample), ("timestep", &self.timestep)];
        let observation = self.observation.as_ref().map(|name| ("observation", name));
        let mut names = HashSet::new();
        for (field, name) in inputs.into_iter().chain(observation) {
            let field = format!("denoiser.{field}");
            check(!name.is_empty(), &field, || "is empty".into())?;
            check(names.insert(name), &field, || format!("repeats \"{name}\", the inputs must differ"))?;
        }
        check(!self.prediction.is_empty(), "denoiser.prediction", || "is empty".into())
    }
}

/// Checks where the graph that the manifest calls `graph` lies, and its sum.
fn validate_file(graph: &str, file: &str, sha256: &str) -> Result<(), Problem> {
    check(is_file_name(file), &format!("{graph}.file"), || {
        format!("is \"{file}\", but must be the name of a file beside the manifest, without a path")
    })?;
    let is_sum = sha256.len() == 64 && sha256.bytes().all(|byte| byte.is_ascii_hexdigit());
    check(is_sum, &format!("{graph}.sha256"), || {
        format!("is \"{sha256}\", but must be a SHA-256 sum, 64 hexadecimal digits")
    })
}

pub(crate) fn scheduler_problem(error: ConfigError) -> Problem {
    let (field, what) = match error {
        ConfigError::OutOfRange { field, value, expected } => (field, format!("is {value}, but must be {expected}")),
        ConfigError::Unsupported { field, value, supported } => {
            (field, format!("is {value}, which is not supported; use {supported}"))
        }
        ConfigError::Missing { field, what } => (field, format!("is missing; write {what}")),
        other => return ("scheduler".into(), format!("is refused: {other}")),
    };
    (format!("scheduler.{field}"), what)
}

/// A single component of a path on any system: a policy that was downloaded must not reach outside its directory.
fn is_file_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains(['/', '\\', ':', '\0'])
}

fn check_size(field: &str, size: usize) -> Result<(), Problem> {
    check((1..=MAX_SIZE).contains(&size), field, || match size {
        0 => "is 0, must be at least 1".into(),
        _ => format!("asks for more than {MAX_SIZE} numbers"),
    })
}

pub(crate) fn check(holds: bool, field: &str, what: impl FnOnce() -> String) -> Result<(), Problem> {
    if holds { Ok(()) } else { Err((field.into(), what())) }
}
