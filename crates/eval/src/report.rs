mod comparison;
mod difference;
mod file;
mod plans;
mod realtime;
mod refinement;
mod run;
mod sampler;

use serde::{Deserialize, Serialize};

use crate::{Deviation, Roofline};

pub use self::comparison::{Comparison, Differing, Pair};
pub use self::difference::{Difference, paired_rewards};
pub use self::file::ReportError;
pub use self::plans::{CutShort, Throughput};
pub use self::realtime::RealtimeReport;
pub use self::refinement::RefinementReport;
pub use self::run::SamplerRun;
pub use self::sampler::{EpisodeReport, SamplerReport};

/// Version of the report's form; a field that changes its meaning raises it.
pub const SCHEMA_VERSION: u32 = 3;

/// What a run measured: the form of `report.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The command line that made it.
    pub command: Vec<String>,
    /// Where it was measured.
    pub machine: Machine,
    /// How far the network's batches are from what that can do at most, by its calibration.
    pub roofline: Roofline,
    /// How far the network computes from f32, with this solver and number of steps; none in f32.
    pub deviation: Option<Deviation>,
    /// What was sampled from.
    pub model: Model,
    /// Name of the environment.
    #[serde(default = "pusht")]
    pub environment: String,
    /// Name of the scenario.
    pub scenario: String,
    /// Name of the solver.
    pub solver: String,
    /// Denoising steps of a plan.
    pub steps: usize,
    /// Environments played at once. Beyond 1, plans are drawn together: no plan then has a latency of its own, and
    /// [`Throughput`] says what they cost.
    pub environments: usize,
    /// How the loop ran, where the world did not wait for the policy.
    pub in_time: Option<RealtimeReport>,
    /// One entry a sampler, on the same seeds.
    pub samplers: Vec<SamplerReport>,
}

/// A machine, as far as it explains latencies.
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

/// The environment of reports that do not name one: there was no other.
fn pusht() -> String {
    "pusht".into()
}
