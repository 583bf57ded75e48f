//! Arguments of `parapolicy adopt`.

use std::path::PathBuf;

use clap::Args;

/// `parapolicy adopt`.
#[derive(Debug, Args)]
pub struct AdoptArguments {
    /// Graph of a denoiser, in ONNX: noisy plans `[batch, horizon, action_dim]`, their timesteps `[batch]` and
    /// observations `[batch, n_obs_steps, observation_dim]` to a prediction in the plans' shape. Or one that is no policy: samples of
    /// another shape, `[batch, channels, height, width]` say, their timesteps, and a label `[batch]`, numbers or nothing.
    #[arg(value_name = "GRAPH")]
    pub graph: PathBuf,
    /// Folder to write, which must not be there yet: a copy of the graph, and a `policy.json` or `denoiser.json` whose blanks are to be filled
    /// in. Without it, the graph's name without `.onnx`, in the current folder.
    #[arg(value_name = "OUT")]
    pub out: Option<PathBuf>,
    /// The graph's name for the input with noisy plans, where it cannot be told from the others; so below.
    #[arg(long, value_name = "TENSOR")]
    pub sample: Option<String>,
    /// The graph's name for the input with timesteps.
    #[arg(long, value_name = "TENSOR")]
    pub timestep: Option<String>,
    /// The graph's name for the input with observations, or with another condition.
    #[arg(long, value_name = "TENSOR")]
    pub observation: Option<String>,
    /// The graph's name for the output with the prediction.
    #[arg(long, value_name = "TENSOR")]
    pub prediction: Option<String>,
}
