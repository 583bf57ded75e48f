//! Why a file or a batch is not run.

use std::{io, path::PathBuf};

use parapolicy_onnx::{OnnxError, message::Node};

use crate::kernel::Kernel;

/// Why a file is not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The file cannot be read.
    #[error("{}: cannot be read ({error})", path.display())]
    Read {
        /// Its path.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The bytes are not an ONNX graph.
    #[error(transparent)]
    Onnx(#[from] OnnxError),
    /// Constants that were left in the graph's file could not be read when they were needed.
    #[error("its constants cannot be read ({0})")]
    Constants(#[source] io::Error),
    /// The inputs or the output of the graph are not those of a denoiser.
    #[error("{0}")]
    Model(String),
    /// The engine does not run a node of the graph.
    #[error(
        "{operator} node `{node}`: {problem}; the engine runs conditional 1-D U-Nets, transformers and convolutional encoders only, ONNX Runtime runs any graph"
    )]
    Refused {
        /// The node's operator.
        operator: String,
        /// The node's name, or the name of its first output.
        node: String,
        /// What it does that no such network does.
        problem: String,
    },
    /// The processor lacks the kernel's instructions.
    #[error("this processor has no {0:?}")]
    Kernel(Kernel),
    /// A kernel's results differ from those of plain loops.
    #[error("{0:?} does not compute what it must on this processor: choose another precision or provider")]
    Wrong(Kernel),
    /// Threads cannot be pinned to cores of their own.
    #[error("cannot pin {threads} threads to cores of their own: {problem}")]
    Pinning {
        /// How many threads.
        threads: usize,
        /// Why not.
        problem: String,
    },
    /// The system starts no more threads.
    #[error("cannot start threads ({0})")]
    Threads(#[from] io::Error),
}

impl EngineError {
    /// The engine does not run this node.
    pub(crate) fn refused(node: &Node, problem: impl Into<String>) -> Self {
        Self::Refused { operator: node.operator(), node: node.label().into(), problem: problem.into() }
    }
}

/// Why a batch is not run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// An argument does not have the length that the network and the batch ask for.
    #[error("{what}: {found} numbers, but must be {expected}")]
    Length {
        /// Which argument.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The length that it must have.
        expected: usize,
    },
    /// A row belongs to a plan for which no observation is bound.
    #[error("a row belongs to plan {plan}, but observations are bound for {bound} plans")]
    Plan {
        /// Which plan, from 0.
        plan: usize,
        /// How many plans have an observation.
        bound: usize,
    },
    /// The engine's threads are in the process that this one was forked from.
    #[error(
        "the process was forked after the engine was made, whose threads are not in the child: make it in the child"
    )]
    Forked,
}
