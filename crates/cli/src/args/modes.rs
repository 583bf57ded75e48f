//! Arguments of `parapolicy modes`.

use std::path::PathBuf;

use clap::Args;

use super::{ModelArguments, SamplingArguments};
use crate::auto_sampler::SamplerName;

/// `parapolicy modes`.
#[derive(Debug, Args)]
pub struct ModesArguments {
    #[command(flatten)]
    pub model: ModelArguments,
    #[command(flatten)]
    pub sampling: SamplingArguments,
    /// Sampler to draw with; `auto` is the fastest on this machine [default: sequential up to 10 steps, unless a budget may cut a plan short; else picard]
    #[arg(long)]
    pub sampler: Option<SamplerName>,
    /// `.npz` with `observation [n_obs_steps, observation]` in raw units, as `sample` takes it.
    #[arg(long, value_name = "FILE", required_unless_present = "episode", conflicts_with = "episode")]
    pub observations: Option<PathBuf>,
    /// Log of `run` (`episodes.mcap`) or of a robot: the observations of one of its episodes at which plans were drawn.
    #[arg(long, value_name = "LOG")]
    pub episode: Option<PathBuf>,
    /// Number of the episode in the log, from 0.
    #[arg(long, value_name = "NUMBER", default_value_t = 0, requires = "episode")]
    pub id: u64,
    /// Control step of the episode: the last observation up to it alone, at which a plan was drawn.
    #[arg(long, value_name = "STEP", requires = "episode")]
    pub at: Option<usize>,
    /// Demonstrations of PushT (`.npz`): what is shown in situations like this one, and what of it the policy has lost. With
    /// --observations or --at.
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
    /// Plans to draw for each observation [default: 256; 64 for a whole episode]
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u64).range(8..=1024))]
    pub plans: Option<u64>,
    /// Actions of a plan that are compared, from the first that is executed on [default: those that are executed]; more of
    /// them show forks that are still ahead.
    #[arg(long, value_name = "N")]
    pub actions: Option<usize>,
    /// How wide one way is: how far, about, plans of one mode are from its middle, in normalised actions. The default is
    /// 2 % of the range from -1 to 1; on PushT 10 px.
    #[arg(long, default_value_t = 0.04)]
    pub scale: f64,
    /// Seed of the noise and of the search.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Folder for modes.html, a page with a picture of each situation; modes.json and modes.svg.
    #[arg(long, default_value = "modes")]
    pub out: PathBuf,
    /// Print the report as JSON, and nothing else, on standard output.
    #[arg(long)]
    pub json: bool,
}
