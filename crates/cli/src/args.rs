//! The command line.

mod adopt;
mod clock;
mod deadline;
mod demos;
mod modes;
mod names;
mod part;
mod place;
#[cfg(feature = "ros2")]
mod ros2;
mod rule;
mod runtime;
#[cfg(feature = "serve")]
mod serve;
mod study;
mod tune;
mod view;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PathBufValueParser, TypedValueParser as _};
use clap::{Args, Parser, Subcommand};
use parapolicy_policy::{Precision, Within};
use parapolicy_sampler::Solver;

pub use self::adopt::AdoptArguments;
pub use self::clock::{ClockName, LONGEST_LATENCY, LatencyName, LoopArguments};
pub use self::deadline::DeadlineName;
pub use self::demos::{
    Demos, DemosCheckArguments, DemosExportArguments, DemosFormat, DemosListArguments, DemosMergeArguments,
};
pub use self::modes::ModesArguments;
pub use self::part::{MergeArguments, PartArguments};
pub use self::place::PlaceArguments;
#[cfg(feature = "ros2")]
pub use self::ros2::Ros2Arguments;
pub use self::rule::Rule;
pub use self::runtime::RuntimeCommand;
#[cfg(feature = "serve")]
pub use self::serve::{NamedModel, ServeArguments};
pub use self::study::{LatencyStudyArguments, Study, StudyMergeArguments};
pub use self::tune::TuneArguments;
pub use self::view::ViewArguments;
use crate::auto_provider::ProviderArgument;
use crate::auto_sampler::SamplerName;
use crate::built_in;

/// Runs diffusion policies on robots, sampled in parallel over time.
///
/// Without a command it does what `run` does by default: it compares samplers in closed loop on PushT.
#[derive(Debug, Parser)]
#[command(name = "parapolicy", version, term_width = 100)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

impl Arguments {
    /// The command that was given, or `run`.
    pub fn command(self) -> Command {
        self.command.unwrap_or_else(|| Command::Run(RunArguments::parse_from(["run"])))
    }
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Compare samplers in closed loop: reward and latency on the same seeds.
    Run(RunArguments),
    /// Compare samplers plan by plan: rounds, latency, and how far they end from `sequential`.
    Bench(BenchArguments),
    /// Find out what a property of the loop costs.
    #[command(subcommand)]
    Study(Study),
    /// Put two reports of `run` side by side, episodes paired by their seeds.
    Compare(CompareArguments),
    /// Put the reports of a run's shards together, as if one machine had played them all.
    Merge(MergeArguments),
    /// Measure what batches cost on this machine, by how many threads; `auto` chooses by it.
    Calibrate(CalibrateArguments),
    /// Find out which sampler in how many steps to take on this machine: latency, distance of the plans, reward.
    Tune(TuneArguments),
    /// Draw action sequences for one observation, or samples of a denoiser that is no policy: images, say.
    Sample(SampleArguments),
    /// Find what a policy is torn between: draw many plans, and say how many ways are in them.
    Modes(ModesArguments),
    /// Replay a recorded trace open loop and measure where the simulator parts from it.
    Replay(ReplayArguments),
    /// Look after demonstrations that were recorded.
    #[command(subcommand)]
    Demos(Demos),
    /// Serve policies over a WebSocket, as clients of openpi speak it.
    #[cfg(feature = "serve")]
    Serve(ServeArguments),
    /// Run a policy as a ROS 2 node, without an installation of ROS.
    #[cfg(feature = "ros2")]
    Ros2(Ros2Arguments),
    /// Watch a policy at work, and drive in its place.
    View(ViewArguments),
    /// Make a policy's folder, or another denoiser's, of an ONNX graph of any origin, and say what to fill in.
    Adopt(AdoptArguments),
    /// Show a model: manifest, graph, fingerprint.
    Inspect(InspectArguments),
    /// Manage ONNX Runtime's libraries, which all providers but `native` need.
    #[command(subcommand)]
    Runtime(RuntimeCommand),
}

/// Which network, on what.
#[derive(Debug, Args)]
pub struct ModelArguments {
    /// Folder with `policy.json`, or `denoiser.json`, and the graph; without it that of PushT, or of the arm where `--environment arm` is given.
    /// Where there are no such folders, those inside the program are meant.
    #[arg(
        long, value_name = "FOLDER", default_value = "models/pusht", default_value_if("environment", "arm", "models/arm"),
        value_parser = PathBufValueParser::new().try_map(built_in::folder)
    )]
    pub model: PathBuf,
    #[command(flatten)]
    pub runtime: RuntimeArguments,
}

/// Where inference happens.
#[derive(Debug, Args)]
pub struct RuntimeArguments {
    /// What runs the graph: `native`, the engine of this program, the U-Nets and transformers of Diffusion Policy; `cpu`,
    /// ONNX Runtime, any graph; ONNX Runtime with `openvino`, `cuda` or `tensorrt`; `remote`, the servers of `--endpoint`; or
    /// `auto`, the fastest of those that are installed.
    /// Without it `native`, or `cpu` where `--ort-lib` is given or the model is a denoiser that is no policy.
    #[arg(long, value_name = "NAME")]
    pub provider: Option<ProviderArgument>,
    /// In which the network's products are computed: `f32`; `bf16`, which is faster where the processor has it; or, by
    /// `tensorrt`, `f16` [default: f32; `tune` tries what the processor has, and --tuned takes what it found]
    #[arg(long)]
    pub precision: Option<Precision>,
    /// ONNX Runtime's library; without it: `ORT_DYLIB_PATH`, a copy installed before, the system's, else one is
    /// installed.
    #[arg(long, value_name = "FILE")]
    pub ort_lib: Option<PathBuf>,
    /// Servers of the Open Inference Protocol (Triton, `KServe`) that run the network, `http://HOST:PORT/v2/models/NAME` each; they share the
    /// rows of every batch. With it the provider is `remote`.
    #[arg(long = "endpoint", value_name = "URL", value_delimiter = ',')]
    pub endpoints: Vec<String>,
    /// How long a batch may wait for the servers' answers; until then it is asked again where a connection fails.
    #[arg(long, value_name = "DURATION", default_value = "2s", value_parser = humantime::parse_duration, requires = "endpoints")]
    pub timeout: Duration,
    /// Threads of the network; 0 is as many as were fastest when the model was calibrated, else one a core.
    #[arg(long, default_value_t = 0)]
    pub threads: usize,
    /// Keep each of these threads but the calling one on a core of its own (`native`).
    #[arg(long)]
    pub pin: bool,
    /// Devices that share the rows of every batch, `0,1` say: GPUs of `cuda` and `tensorrt`. Others have device 0 alone.
    #[arg(long, value_name = "NUMBERS", value_delimiter = ',')]
    pub devices: Vec<u32>,
    /// The task, for policies that are told one in words: its name in `policy.json`; without it the only one.
    #[arg(long, value_name = "NAME")]
    pub task: Option<String>,
}

/// How action sequences are drawn.
#[derive(Debug, Args)]
pub struct SamplingArguments {
    /// How a step is taken
    #[arg(long, default_value = "ddpm", help = names::solvers("How a step is taken"))]
    pub solver: Solver,
    /// Denoising steps.
    #[arg(long, default_value_t = 100)]
    pub steps: usize,
    #[command(flatten)]
    pub window: WindowArguments,
}

/// How far the parallel samplers look ahead, and what they accept.
#[derive(Debug, Args)]
pub struct WindowArguments {
    /// Denoising steps in the air at once, for the samplers that have a window; without it 12 for `speculative`, 20 for the
    /// others, or a twentieth of the steps where that is more; `auto` finds its own.
    #[arg(long)]
    pub window: Option<usize>,
    /// What may be accepted, each sampler says in what measure: with `picard` a plan ends within that of
    /// `sequential`'s (normalised units, by its own estimate).
    #[arg(long, default_value_t = 0.1)]
    pub tolerance: f64,
    /// The tolerance in the unit of the actions, `0.5px` say, or a number alone where the policy declares no units.
    #[arg(long, value_name = "DISTANCE", conflicts_with = "tolerance")]
    pub within: Option<Within>,
}

/// What a plan may cost.
#[derive(Debug, Args)]
pub struct BudgetArguments {
    /// Time that a plan may take, `30ms` say: the best there is by then is the plan. Where the world does not wait also `loop`,
    /// the time until the running plan runs out, less what 95 % of the plans took beyond it (`loop:0.5`: half of them). `run`
    /// and `bench` give `sequential`, the reference, the time it needs.
    #[arg(long, value_name = "DURATION")]
    pub deadline: Option<DeadlineName>,
    /// Rounds that a plan may take, likewise.
    #[arg(long)]
    pub rounds: Option<usize>,
    /// Where the network fails in mid-plan (a server is lost, say), the best there is by then is the plan, too, in place of an
    /// error.
    #[arg(long)]
    pub keep_on_failure: bool,
}

/// `parapolicy run`.
#[derive(Debug, Parser)]
pub struct RunArguments {
    #[command(flatten)]
    pub model: ModelArguments,
    #[command(flatten)]
    pub sampling: SamplingArguments,
    /// Samplers to compare
    #[arg(
        long = "sampler", value_delimiter = ',', default_value = "sequential,picard",
        help = names::samplers("Samplers to compare, episode by episode in turn")
    )]
    pub samplers: Vec<SamplerName>,
    /// Draw plans as `tune` recommends for plans within this time on this machine, `20ms` say: its sampler, solver, steps and
    /// window, and, unless they are named, its threads and precision.
    #[arg(long, value_name = "TIME", conflicts_with_all = ["samplers", "solver", "steps", "window", "tolerance", "within"])]
    pub tuned: Option<String>,
    /// Run every sampler a second time with plans that are refined, in this many steps, to stay out of the
    /// scenario's keep-out discs.
    #[arg(long, value_name = "STEPS", conflicts_with = "environments")]
    pub refine: Option<usize>,
    #[command(flatten)]
    pub budget: BudgetArguments,
    /// Begin a plan with the guess and the noise of the plan before it, moved in time.
    #[arg(long)]
    pub warm_start: bool,
    /// Skip this share of the steps and begin a plan with the plan before it, moved in time and noised again;
    /// what is planned is not the policy's distribution any more.
    #[arg(long, value_name = "SHARE", conflicts_with = "warm_start")]
    pub reuse: Option<f64>,
    /// Log every plan as it stood after each round of its sampler, too. Where the world waits, one of them is drawn: rounds.svg.
    #[arg(long, conflicts_with = "environments")]
    pub log_rounds: bool,
    /// Show the log as it is written, too, by Foxglove's WebSocket protocol, at this address. Whoever reaches it can watch, so
    /// without an address it is one of this machine alone: 127.0.0.1:8765.
    #[arg(long, value_name = "ADDRESS:PORT", num_args = 0..=1, default_missing_value = "127.0.0.1:8765")]
    pub live: Option<SocketAddr>,
    #[command(flatten)]
    pub place: PlaceArguments,
    /// Episodes of each sampler.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    pub episodes: u64,
    /// Seed of the first episode; the others follow.
    #[arg(long, default_value_t = 100_000)]
    pub seed: u64,
    #[command(flatten)]
    pub part: PartArguments,
    /// Environments to play at once, their plans drawn together in shared batches. Beyond 1, samplers
    /// run one after the other, and throughput is reported in place of a plan's latency. A batch of
    /// one row is rounded otherwise than a larger one, so that actions and rewards may differ from those of K = 1 from the
    /// fifth digit on. Not with --refine.
    #[arg(
        long, value_name = "K", default_value_t = 1,
        conflicts_with_all = ["refine", "deadline", "rounds", "warm_start", "reuse"],
        value_parser = clap::value_parser!(u64).range(1..=1024)
    )]
    pub environments: u64,
    #[command(flatten)]
    pub realtime: LoopArguments,
    /// Folder for report.html, a page of all that was measured; report.json, episodes.csv, report.svg, episode.gif; and
    /// episodes.mcap: all that was observed, planned and sent, for rerun or Foxglove.
    #[arg(long, default_value = "report")]
    pub out: PathBuf,
    /// Write these of the files and no others, `report.json` say.
    #[arg(long, value_name = "FILES", value_delimiter = ',', value_parser = part::outputs())]
    pub only: Vec<String>,
    /// Go on with the run that was stopped or killed in this folder: episodes that were over are not played again.
    #[arg(long)]
    pub resume: bool,
    /// Print the report as JSON, and nothing else, on standard output.
    #[arg(long)]
    pub json: bool,
}

/// `parapolicy bench`.
#[derive(Debug, Args)]
pub struct BenchArguments {
    #[command(flatten)]
    pub model: ModelArguments,
    /// Samplers to compare with `sequential`; `auto` is the fastest on this machine.
    #[arg(long = "sampler", value_delimiter = ',', default_value = "paradigms,picard")]
    pub samplers: Vec<SamplerName>,
    /// Solvers, each with every number of steps.
    #[arg(long = "solver", value_delimiter = ',', default_value = "ddpm")]
    pub solvers: Vec<Solver>,
    /// Numbers of denoising steps.
    #[arg(long, value_delimiter = ',', default_value = "100")]
    pub steps: Vec<usize>,
    #[command(flatten)]
    pub window: WindowArguments,
    /// Draw plans as `tune` recommends for plans within this time, as in `run`.
    #[arg(long, value_name = "TIME", conflicts_with_all = ["samplers", "solvers", "steps", "window", "tolerance", "within"])]
    pub tuned: Option<String>,
    #[command(flatten)]
    pub budget: BudgetArguments,
    /// Plot to write (SVG): how far plans end from `sequential` against the rounds spent on them.
    #[arg(long, value_name = "FILE")]
    pub anytime: Option<PathBuf>,
    /// `.npz` with what to draw for, in place of an environment: of a policy `observation [n, n_obs_steps, observation]` in raw
    /// units; of another denoiser `label [n]` or `condition [n, …]`.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["observations", "drawn", "environment", "scenario"])]
    pub input: Option<PathBuf>,
    /// Observations to plan for, as the policy meets them in the environment; or samples of another denoiser, its labels in
    /// turn.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..))]
    pub observations: u64,
    /// Whether observations are drawn from the ranges in the manifest in place of being met in an environment: so they are,
    /// too, where no environment takes the policy.
    #[arg(long, conflicts_with_all = ["environment", "scenario"])]
    pub drawn: bool,
    #[command(flatten)]
    pub place: PlaceArguments,
    /// Seed of the first episode and of the noise.
    #[arg(long, default_value_t = 200_000)]
    pub seed: u64,
    /// Print JSON, and nothing else, on standard output.
    #[arg(long)]
    pub json: bool,
}

/// `parapolicy compare`.
#[derive(Debug, Args)]
pub struct CompareArguments {
    /// A `report.json` of `parapolicy run`.
    #[arg(value_name = "A")]
    pub first: PathBuf,
    /// Another, to be compared with it. Samplers of the same name are compared; or where each report has one, those two.
    #[arg(value_name = "B")]
    pub second: PathBuf,
    /// Page to write.
    #[arg(long, default_value = "compare.html")]
    pub out: PathBuf,
}

/// `parapolicy calibrate`.
#[derive(Debug, Args)]
pub struct CalibrateArguments {
    #[command(flatten)]
    pub model: ModelArguments,
    /// Keep a calibration even if the machine was busy meanwhile.
    #[arg(long)]
    pub force: bool,
    /// Print the calibration as JSON, and nothing else, on standard output.
    #[arg(long)]
    pub json: bool,
}

/// `parapolicy sample`.
#[derive(Debug, Args)]
pub struct SampleArguments {
    #[command(flatten)]
    pub model: ModelArguments,
    #[command(flatten)]
    pub sampling: SamplingArguments,
    /// Sampler to draw with; `auto` is the fastest on this machine [default: sequential up to 10 steps, unless a budget may cut a plan short; else picard]
    #[arg(long)]
    pub sampler: Option<SamplerName>,
    /// Draw plans as `tune` recommends for plans within this time, as in `run`.
    #[arg(long, value_name = "TIME", conflicts_with_all = ["sampler", "solver", "steps", "window", "tolerance", "within"])]
    pub tuned: Option<String>,
    #[command(flatten)]
    pub budget: BudgetArguments,
    /// Of a policy, `.npz` with `observation [n_obs_steps, observation]` in raw units, and optionally
    /// `initial_noise [horizon, action]` and `step_noise [steps, horizon, action]`. Of another denoiser, if anything is given,
    /// `.npz` with `label [K]` or `condition [K, …]`, `initial_noise [K, …]` and `step_noise [K, steps, …]`.
    #[arg(long, value_name = "FILE")]
    pub input: Option<PathBuf>,
    /// `.npz` to write: `actions [horizon, action]` in raw units, `sample` the same, normalised;
    /// `residual`, how far the plan moved in the last round, if it was cut short. With --count each has
    /// K rows, and the residual of a plan that was not cut short is 0. Of another denoiser `sample [K, …]` and its `label [K]`;
    /// or, of images, a `.png` with all of them.
    #[arg(long, value_name = "FILE")]
    pub output: PathBuf,
    /// Classes to draw, in turn, where the denoiser takes labels; without it all there are.
    #[arg(long = "label", value_name = "LABELS", value_delimiter = ',')]
    pub labels: Vec<u64>,
    /// Seed of the noise that the input does not give.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Draw K plans, or samples of another denoiser, in shared batches, from the noise of as many seeds.
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub count: Option<u64>,
}

/// `parapolicy replay`.
#[derive(Debug, Args)]
pub struct ReplayArguments {
    /// `.npz` with `state [N, 5]`, `action [N, 2]`, `episode_ends` and optionally `agent_velocity [N, 2]`.
    #[arg(long, value_name = "FILE")]
    pub trace: PathBuf,
    /// Start every control step from the trace: one-step errors instead of drift.
    #[arg(long)]
    pub resync: bool,
}

/// `parapolicy inspect`.
#[derive(Debug, Args)]
pub struct InspectArguments {
    /// Folder with `policy.json`, or `denoiser.json`, and the graph.
    #[arg(value_name = "FOLDER", value_parser = PathBufValueParser::new().try_map(built_in::folder))]
    pub model: PathBuf,
    #[command(flatten)]
    pub runtime: RuntimeArguments,
}
