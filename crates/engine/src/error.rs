//! What can be wrong with a file or a batch.

use std::{io, path::PathBuf};

use crate::kernel::Kernel;

/// Why a file is not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The file cannot be read.
    #[error("{}: cannot be read ({error})", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The bytes are no ONNX model.
    #[error("is not a readable ONNX model ({0}): export it again")]
    NotOnnx(#[from] prost::DecodeError),
    /// The model lacks something, or says something that cannot be.
    #[error("{0}")]
    Model(String),
    /// A node that the engine does not run.
    #[error(
        "{operator} node `{node}`: {problem}; the engine runs conditional 1-D U-Nets and transformers only, ONNX Runtime runs any graph"
    )]
    Refused {
        /// Its operator.
        operator: String,
        /// Its name, or that of its first output.
        node: String,
        /// What it does that no such network does.
        problem: String,
    },
    /// The processor lacks the kernel's instructions.
    #[error("this processor has no {0:?}")]
    Kernel(Kernel),
    /// Something else comes of a kernel than of plain loops.
    #[error("{0:?} does not compute what it must on this processor: choose another precision or provider")]
    Wrong(Kernel),
    /// Threads cannot be kept on cores of their own.
    #[error("cannot pin {threads} threads to cores of their own: {problem}")]
    Pinning {
        /// How many.
        threads: usize,
        /// Why.
        problem: String,
    },
    /// The system starts no more threads.
    #[error("cannot start threads ({0})")]
    Threads(#[from] io::Error),
}

/// Why a batch cannot be run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// A slice has another length than the network and the batch ask for.
    #[error("{what}: {found} numbers, but must be {expected}")]
    Length {
        /// Which argument.
        what: &'static str,
        /// Its length.
        found: usize,
        /// The length it must have.
        expected: usize,
    },
    /// A row belongs to a plan that no observation is bound for.
    #[error("a row belongs to plan {plan}, but observations are bound for {bound} plans")]
    Plan {
        /// Which, from 0.
        plan: usize,
        /// How many there are.
        bound: usize,
    },
}
