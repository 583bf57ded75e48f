//! Reports of runs (`report.json`).

mod comparison;
mod difference;
pub(crate) mod file;
mod merge;
mod plans;
mod realtime;
mod refinement;
mod run;
mod sampler;
mod shard;
mod tally;

use serde::{Deserialize, Serialize};

use crate::{Deviation, Roofline};

pub use self::comparison::{Comparison, Differing, Pair};
pub use self::difference::{Difference, Verdict, paired_rewards};
pub use self::file::ReportError;
pub use self::merge::{MergeError, Part, Sums, merge};
pub use self::plans::{CutShort, Throughput};
pub use self::realtime::RealtimeReport;
pub use self::refinement::RefinementReport;
pub use self::run::SamplerRun;
pub use self::sampler::{EpisodeReport, SamplerReport};
pub use self::shard::{Seeds, Shard, ShardError, ShardReport};
pub use self::tally::Tally;

/// Version of the report's format; raised when a field changes its meaning.
pub const SCHEMA_VERSION: u32 = 3;

/// Everything that a run measured, in the format of `report.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The command line that made it.
    pub command: Vec<String>,
    /// When it was made, and by which program; none in older reports, and in merged ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<Made>,
    /// Where it was measured.
    pub machine: Machine,
    /// How far the network's batches are from the machine's limits, by its calibration.
    pub roofline: Roofline,
    /// How far the network computes from f32, with this solver and number of steps; none in f32.
    pub deviation: Option<Deviation>,
    /// What was sampled from.
    pub model: Model,
    /// Name of the environment.
    #[serde(default = "pusht")]
    pub environment: String,
    /// From one control step to the next, milliseconds; none in older reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub period_ms: Option<f64>,
    /// Name of the scenario.
    pub scenario: String,
    /// Name of the solver.
    pub solver: String,
    /// Denoising steps of a plan.
    pub steps: usize,
    /// Environments played at once. Beyond 1, plans are sampled in shared batches: a single plan has no latency then,
    /// and [`Throughput`] has the cost.
    pub environments: usize,
    /// Settings of the realtime loop, where there was one.
    pub in_time: Option<RealtimeReport>,
    /// Set where the run was stopped before its end: it has the episodes that were over by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interrupted: Option<Interrupted>,
    /// Which part of a run it is, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shard: Option<ShardReport>,
    /// What it was merged from, and where each was measured; empty for a run of one piece.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    /// Seeds between those of the parts that none of them has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<Seeds>,
    /// One entry per sampler, on the same seeds.
    pub samplers: Vec<SamplerReport>,
}

/// How much of a run there would have been, had it not been stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interrupted {
    /// Episodes that were asked for, of all samplers together.
    pub episodes_asked: u64,
    /// Episodes that were over.
    pub episodes: u64,
}

/// When a report was made, and by which program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// The day, in UTC: `2026-11-30`.
    pub date: String,
    /// The program's version.
    pub version: String,
    /// The commit that it was built from, with a `+` behind it if there were changes; none where it was built without git.
    pub commit: Option<String>,
}

/// The properties of a machine that explain latencies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// Processor's name.
    pub cpu: String,
    /// Logical cores.
    pub cores: usize,
    /// Threads that the network was given.
    pub threads: usize,
    /// Operating system and version.
    pub os: String,
    /// Inference runtime and version.
    pub runtime: String,
    /// In which the network's products are computed: `f32`, `bf16` or `f16`; none in older reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<String>,
}

/// A model and the fingerprint of its graph.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Model {
    /// Name in the manifest.
    pub name: String,
    /// SHA-256 of the graph, in hexadecimal.
    pub sha256: String,
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len().max(1) as f64;
    values.sum::<f64>() / count
}

/// The environment of older reports, which do not name one.
fn pusht() -> String {
    "pusht".into()
}
