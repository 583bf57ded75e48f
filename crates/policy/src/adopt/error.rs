//! What keeps a graph from being adopted.

use std::{io, path::PathBuf};

use parapolicy_engine::EngineError;

use super::roles::Role;

/// Why a graph is not adopted: the file, and what is wrong with it.
#[derive(Debug, thiserror::Error)]
#[error("{}: {fault}", path.display())]
pub struct AdoptError {
    pub(super) path: PathBuf,
    pub(super) fault: Fault,
}

impl AdoptError {
    /// Whether the graph or the arguments are at fault, not the disk.
    pub fn is_of_input(&self) -> bool {
        !matches!(self.fault, Fault::Write(_))
    }
}

/// What is wrong with it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    #[error("cannot be read ({0})")]
    Read(#[from] io::Error),
    #[error(transparent)]
    Graph(#[from] EngineError),
    #[error("constant `{constant}` keeps its numbers in another file: export the graph with all its weights in one")]
    Elsewhere { constant: String },
    /// The user names a tensor that the graph does not have.
    #[error("has no {} `{name}`, which --{role} names; its {}s are {others}", role.side(), role.side())]
    Unknown { role: Role, name: String, others: String },
    /// The user names a tensor that cannot be it.
    #[error("{} {tensor} cannot be the {role}, which is {}", role.side(), role.form())]
    Unfit { role: Role, tensor: String },
    #[error("no {} can be the {role}, which is {}; its {}s are {others}: export it so", role.side(), role.form(), role.side())]
    Missing { role: Role, others: String },
    #[error(
        "no output has the shape of an input that could be the sample, which is {}; its inputs are {inputs}, its outputs \
         {outputs}: export it so",
        Role::Sample.form()
    )]
    NoPlan { inputs: String, outputs: String },
    #[error("{several} could each be the {role}, which is {}: say which with --{role}", role.form())]
    Ambiguous { role: Role, several: String },
    #[error(
        "output {output} has the axes of input {input} turned: export it with input and output [batch, horizon, action_dim]"
    )]
    Turned { input: String, output: String },
    #[error(
        "input {input} has its channels before its steps, as the convolution `{node}` reads them: \
         export it with input and output [batch, horizon, action_dim]"
    )]
    ChannelsFirst { input: String, node: String },
    #[error(
        "input {input} is an image: export what encodes it as a graph of its own, encoder.onnx, float32 \
         [batch, n_obs_steps, observation_dim] to [batch, n_obs_steps, size], and the denoiser with its features as input"
    )]
    Image { input: String },
    #[error(
        "inputs {inputs} are left over beside sample and timestep, but a denoiser sees one observation: join or drop them"
    )]
    LeftOver { inputs: String },
    #[error("{} `{name}` has a fixed batch of {batch}: export the graph with a dynamic batch axis", role.side())]
    FixedBatch { role: Role, name: String, batch: i64 },
    #[error("is there already: choose another folder, or remove it")]
    Exists,
    #[error("its manifest cannot be written ({0})")]
    Json(serde_json::Error),
    #[error("could not be written ({0})")]
    Write(io::Error),
}
