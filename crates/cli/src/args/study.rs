//! Arguments of `parapolicy study`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use parapolicy_control::controller::Replan;
use parapolicy_control::playback::Late;
use parapolicy_eval::EnvironmentName;

use super::{ModelArguments, PartArguments, Rule, SamplingArguments};
use crate::auto_sampler::SamplerName;
use crate::environments;

/// What can be studied.
#[derive(Debug, Subcommand)]
#[expect(clippy::large_enum_variant, reason = "there is one, from the command line")]
pub enum Study {
    /// What latency costs: reward against stated latencies, against the replanning interval, and at the latencies that
    /// samplers have on this machine, all on the virtual clock.
    Latency(LatencyStudyArguments),
    /// Put the parts of a study together, as if one machine had played them all.
    Merge(StudyMergeArguments),
}

/// `parapolicy study merge`.
#[derive(Debug, Args)]
pub struct StudyMergeArguments {
    /// Parts of one study, each `study.json`; their seeds must be disjoint.
    #[arg(value_name = "STUDY", required = true)]
    pub studies: Vec<PathBuf>,
    /// Folder for the study of them all.
    #[arg(long, default_value = "merged")]
    pub out: PathBuf,
    /// Print the study as JSON, and nothing else, on standard output.
    #[arg(long)]
    pub json: bool,
}

/// `parapolicy study latency`.
#[derive(Debug, Args)]
pub struct LatencyStudyArguments {
    #[command(flatten)]
    pub model: ModelArguments,
    #[command(flatten)]
    pub sampling: SamplingArguments,
    /// Samplers to play at the latencies that they have on this machine; the last of them draws the plans of all other
    /// rows.
    #[arg(long = "sampler", value_delimiter = ',', default_value = "sequential,picard")]
    pub samplers: Vec<SamplerName>,
    /// Where the policy is played
    #[arg(long, value_name = "NAME", value_parser = environments::parse, help = environments::argument_help())]
    pub environment: Option<EnvironmentName>,
    /// What the episodes are like (TOML), one study each [default: of `pusht`, sims/nominal.toml,sims/shoved.toml]
    #[arg(long = "scenario", value_delimiter = ',')]
    pub scenarios: Vec<PathBuf>,
    /// Latencies to state, at the interval --replan; the first is what the others are compared with.
    #[arg(
        long, value_name = "TIMES", value_delimiter = ',', value_parser = humantime::parse_duration,
        default_value = "0ms,100ms,200ms,400ms,600ms,800ms,1s"
    )]
    pub latencies: Vec<Duration>,
    /// Replanning intervals in control steps, at the latency --latency; the first is what the others are compared with.
    #[arg(long, value_name = "STEPS", value_delimiter = ',', default_value = "8,4,2,1",
        value_parser = clap::value_parser!(u16).range(1..))]
    pub intervals: Vec<u16>,
    /// Latency at which intervals are compared.
    #[arg(long, value_name = "TIME", default_value = "100ms", value_parser = humantime::parse_duration)]
    pub latency: Duration,
    /// When a plan is asked for where latencies are compared, as in `run` [default: the policy's `n_action_steps`]
    #[arg(long, value_name = "STEPS")]
    pub replan: Option<Replan>,
    /// How a plan follows the one before, each against the stated latencies: as `--continuity` of `run` says (`independent`,
    /// `exponential`), or independent plans combined as its `--blend` says (`ensemble:0.01`, `queue:0.7`). The first holds for
    /// all other rows.
    #[arg(long, value_name = "RULES", value_delimiter = ',', default_value = "independent")]
    pub rules: Vec<Rule>,
    /// As in `run`.
    #[arg(long, default_value = "finish")]
    pub late: Late,
    /// Episodes of each row, on the same seeds.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..))]
    pub episodes: u64,
    /// Seed of the first episode; the others follow.
    #[arg(long, default_value_t = 100_000)]
    pub seed: u64,
    #[command(flatten)]
    pub part: PartArguments,
    /// Folder for study.html, a page of all that was measured; study.json and study.svg.
    #[arg(long, default_value = "study")]
    pub out: PathBuf,
    /// Go on with the study that was stopped in this folder.
    #[arg(long)]
    pub resume: bool,
    /// Print the study as JSON, and nothing else, on standard output.
    #[arg(long)]
    pub json: bool,
}
