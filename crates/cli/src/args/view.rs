//! Arguments of `parapolicy view`.

use std::path::PathBuf;

use clap::Args;
use parapolicy_control::controller::Continuity;
use parapolicy_sampler::Strategy;

use super::{ClockName, ModelArguments, SamplingArguments};

/// `parapolicy view`.
#[derive(Debug, Args)]
pub struct ViewArguments {
    #[command(flatten)]
    pub model: ModelArguments,
    #[command(flatten)]
    pub sampling: SamplingArguments,
    /// Sampler to begin with.
    #[arg(long, default_value = "picard")]
    pub sampler: Strategy,
    /// What episodes can be like (TOML); the first is played first.
    #[arg(
        long = "scenario",
        value_name = "SCENARIOS",
        value_delimiter = ',',
        default_value = "sims/nominal.toml,sims/shoved.toml,sims/perturbed.toml,sims/keep_out.toml"
    )]
    pub scenarios: Vec<PathBuf>,
    /// Seed of the first episode.
    #[arg(long, default_value_t = 100_000)]
    pub seed: u64,
    /// `lockstep`: the world waits for every plan. `real`: it does not.
    #[arg(long, default_value_t = ClockName::Lockstep, conflicts_with = "screenshot")]
    pub clock: ClockName,
    /// As in `run`, with `--clock real`.
    #[arg(long)]
    pub continuity: Option<Continuity>,
    /// Show the episodes of a log (MCAP) that `parapolicy run` wrote; with its `--log-rounds`, rounds too.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["clock", "continuity", "scenarios", "sampler", "solver", "steps", "window", "seed"])]
    pub replay: Option<PathBuf>,
    /// Folder for the demonstrations that are recorded.
    #[arg(long, value_name = "FOLDER", default_value = "demos")]
    pub demos: PathBuf,
    /// Draw a picture (PNG) without a window, and exit.
    #[arg(long, value_name = "FILE")]
    pub screenshot: Option<PathBuf>,
    /// Control step before which the picture is taken.
    #[arg(long, default_value_t = 0, requires = "screenshot")]
    pub step: usize,
}
