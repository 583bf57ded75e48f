//! Arguments of `parapolicy ros2`.

use std::path::PathBuf;

use clap::Args;

use super::{BudgetArguments, ModelArguments, SamplingArguments};
use crate::auto_sampler::SamplerName;

/// `parapolicy ros2`.
#[derive(Debug, Args)]
pub struct Ros2Arguments {
    #[command(flatten)]
    pub model: ModelArguments,
    #[command(flatten)]
    pub sampling: SamplingArguments,
    /// Sampler to draw with; `auto` is the fastest on this machine for one plan [default: sequential up to 10 steps, unless a budget may cut a plan short; else picard]
    #[arg(long)]
    pub sampler: Option<SamplerName>,
    #[command(flatten)]
    pub budget: BudgetArguments,
    /// Which topics are which entries of the policy, where commands go, and what is safe (TOML).
    #[arg(long, value_name = "FILE")]
    pub map: PathBuf,
    /// Print which topics are which entries, and open nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Begin stopped: commands are sent from the first call of the service `reset` on.
    #[arg(long)]
    pub stopped: bool,
    /// Seed of the first episode; each `reset` begins one with the next.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
}
