//! Arguments of runs that are divided among machines, and put together again.

use std::ops::Range;
use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;
use parapolicy_eval::{Seeds, Shard, ShardReport};

use crate::failure::{Failure, InputError as _};

/// Which part of the episodes is played here.
#[derive(Debug, Args)]
pub struct PartArguments {
    /// Play the K-th of N parts of the episodes, `3/16` say; `merge` puts the reports together. `/16` where a scheduler says which:
    /// K is `SLURM_ARRAY_TASK_ID`, or `JOB_COMPLETION_INDEX` + 1.
    #[arg(long, value_name = "K/N")]
    pub shard: Option<Shard>,
}

impl PartArguments {
    /// The part of all `seeds` that is played here.
    pub fn of(&self, seeds: Range<u64>) -> Result<Range<u64>, Failure> {
        self.shard.map_or(Ok(seeds.clone()), |shard| shard.of(seeds)).input()
    }

    /// For the report.
    pub fn report(&self, seeds: Range<u64>) -> Option<ShardReport> {
        let whole = Seeds { first: seeds.start, last: seeds.end.saturating_sub(1) };
        self.shard.map(|shard| ShardReport { shard, whole })
    }
}

/// `parapolicy merge`.
#[derive(Debug, Args)]
pub struct MergeArguments {
    /// Reports of parts of one run, each `report.json`; their seeds must be disjoint.
    #[arg(value_name = "REPORT", required = true)]
    pub reports: Vec<PathBuf>,
    /// Folder for the report of them all.
    #[arg(long, default_value = "merged")]
    pub out: PathBuf,
    /// Write these of the files and no others, `report.json` say.
    #[arg(long, value_name = "FILES", value_delimiter = ',', value_parser = outputs())]
    pub only: Vec<String>,
    /// Print the report as JSON, and nothing else, on standard output.
    #[arg(long)]
    pub json: bool,
}

/// Reads names of a run's files.
pub fn outputs() -> PossibleValuesParser {
    parapolicy_report::names().into()
}
