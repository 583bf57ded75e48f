//! What a study of latency found: reward against what plans take, against the replanning interval, and of samplers.

mod merge;

use std::path::Path;

use serde::{Deserialize, Serialize};

pub use self::merge::merge;
use crate::report::file::read;
use crate::{Deviation, Interrupted, Machine, Model, Part, ReportError, SamplerReport, Seeds, ShardReport};

/// Version of the format of `study.json`.
pub const SCHEMA_VERSION: u32 = 1;

/// `study.json`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Study {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The command line that made it.
    pub command: Vec<String>,
    /// Where it was measured.
    pub machine: Machine,
    /// How far the network computes from f32; none in f32.
    pub deviation: Option<Deviation>,
    /// The policy.
    pub model: Model,
    /// Its solver.
    pub solver: String,
    /// The solver's steps.
    pub steps: usize,
    /// What is commanded when a plan is used up.
    pub late: String,
    /// Set where the study was stopped before its end: rows have the episodes that were over by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interrupted: Option<Interrupted>,
    /// Which part of which study it is, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<ShardReport>,
    /// What it was merged from; empty for a study of one piece.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    /// Seeds that a merged study lacks in a row at least.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Seeds>,
    /// What was compared.
    pub groups: Vec<Group>,
}

/// Rows that differ in one thing, on the same seeds of one scenario. `reward_difference` is to the first of them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Group {
    /// In what.
    pub varied: Varied,
    /// The scenario's name.
    pub scenario: String,
    /// How a plan follows the one before it.
    pub rule: String,
    /// The rows.
    pub rows: Vec<Row>,
}

/// In what rows differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Varied {
    /// The latency that is stated.
    Latency,
    /// The replanning interval.
    Replan,
    /// The sampler, and its latency with it, as measured.
    Sampler,
}

/// One condition.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    /// As stated, in milliseconds; none if it is measured.
    pub latency_ms: Option<f64>,
    /// When a plan is asked for: after so many control steps, say.
    pub replan: String,
    /// What the episodes were.
    pub result: SamplerReport,
}

impl Study {
    /// Reads a `study.json`, and validates every field before use.
    ///
    /// # Errors
    /// [`ReportError`]: a file that cannot be read, or that is no study of this version.
    pub fn load(path: &Path) -> Result<Self, ReportError> {
        read(path, SCHEMA_VERSION, Self::check)
    }

    /// The first field that makes no sense, and why.
    fn check(&self) -> Result<(), (String, String)> {
        if self.groups.is_empty() {
            return Err(("groups".into(), "is empty".into()));
        }
        for (index, group) in self.groups.iter().enumerate() {
            if group.rows.is_empty() {
                return Err((format!("groups[{index}].rows"), "is empty".into()));
            }
            for (row, Row { result, .. }) in group.rows.iter().enumerate() {
                result.check(&format!("groups[{index}].rows[{row}].result"))?;
            }
        }
        Ok(())
    }

    /// What the episodes of every row were, group by group.
    fn results(&self) -> impl Iterator<Item = &SamplerReport> {
        self.groups.iter().flat_map(|group| &group.rows).map(|row| &row.result)
    }
}
