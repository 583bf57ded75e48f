//! Arguments of `parapolicy tune`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use parapolicy_sampler::{Solver, Strategy};

use super::{ModelArguments, PlaceArguments};

/// `parapolicy tune`.
#[derive(Debug, Args)]
pub struct TuneArguments {
    #[command(flatten)]
    pub model: ModelArguments,
    /// Solvers to try [default: ddpm,ddim,dpmsolver++; of flow matching euler,midpoint]
    #[arg(long = "solver", value_delimiter = ',')]
    pub solvers: Vec<Solver>,
    /// Numbers of denoising steps to try with each of them [default: 5,10,20; of ddpm all of the scheduler's]
    #[arg(long, value_delimiter = ',')]
    pub steps: Vec<usize>,
    /// Samplers to try with each of those.
    #[arg(long = "sampler", value_delimiter = ',', default_value = "sequential,picard")]
    pub samplers: Vec<Strategy>,
    /// Windows to try, with samplers that have one [default: the sampler's own]
    #[arg(long = "window", value_delimiter = ',')]
    pub windows: Vec<usize>,
    /// What may be accepted, for samplers that have a tolerance.
    #[arg(long, default_value_t = 0.1)]
    pub tolerance: f64,
    /// Steps of the reference, which all are compared with: `sequential` by the manifest's own scheduler [default: all that it
    /// has; of flow matching 100]
    #[arg(long, value_name = "STEPS")]
    pub reference_steps: Option<usize>,
    /// Times for a plan, for each of which a setting is recommended.
    #[arg(
        long, value_name = "TIMES", value_delimiter = ',', value_parser = humantime::parse_duration,
        default_value = "2ms,5ms,20ms"
    )]
    pub within: Vec<Duration>,
    /// Energy distance from the reference's plans (normalised units) up to which plans count as not worse, where no episodes
    /// are played.
    #[arg(long, value_name = "DISTANCE", default_value_t = 0.01)]
    pub distance_margin: f64,
    /// Reward below the reference's up to which a setting counts as not worse.
    #[arg(long, value_name = "REWARD", default_value_t = 0.03)]
    pub reward_margin: f64,
    /// Observations to plan for, as the policy meets them in the environment.
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub observations: u64,
    /// Plans for each observation, by each candidate.
    #[arg(long, value_name = "K", default_value_t = 8, value_parser = clap::value_parser!(u64).range(2..=1000))]
    pub plans: u64,
    /// `.npz` with `observation [n, n_obs_steps, observation]` in raw units to plan for, in place of an environment.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["observations", "drawn", "environment", "scenario", "episodes"])]
    pub input: Option<PathBuf>,
    /// Whether observations are drawn from the ranges in the manifest in place of being met in an environment; no episodes are
    /// played then. So it is, too, where no environment takes the policy.
    #[arg(long, conflicts_with_all = ["environment", "scenario", "episodes"])]
    pub drawn: bool,
    #[command(flatten)]
    pub place: PlaceArguments,
    /// Episodes of each candidate that is not outdone by far; 0: none, and distances alone decide.
    #[arg(long, default_value_t = 20)]
    pub episodes: u64,
    /// Seed of the first episode, of the observations and of the noise.
    #[arg(long, default_value_t = 300_000)]
    pub seed: u64,
    /// Keep what was measured for --tuned even if the machine was busy.
    #[arg(long)]
    pub force: bool,
    /// Folder for tune.html, a page of all that was measured; tuned.json and tune.svg.
    #[arg(long, default_value = "tune")]
    pub out: PathBuf,
    /// Print what was measured as JSON, and nothing else, on standard output.
    #[arg(long)]
    pub json: bool,
}
