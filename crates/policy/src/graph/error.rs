//! What can be wrong with a graph.

use std::{io, path::PathBuf};

use parapolicy_sampler::BoxError;

use crate::PredictError;

/// What is wrong with a graph: the file, what, and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GraphError {
    /// The file cannot be read.
    #[error("{}: cannot be read ({error}); the manifest beside it names it", path.display())]
    Read {
        /// The graph.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// The file is not the one the manifest was written for.
    #[error(
        "{}: SHA-256 is {found}, but the manifest says {expected}: fetch or export all files again",
        path.display()
    )]
    Checksum {
        /// The graph.
        path: PathBuf,
        /// The sum in the manifest.
        expected: String,
        /// The sum of the file.
        found: String,
    },
    /// What is to run the graph does not take the file.
    #[error("{}: {error}", path.display())]
    Refused {
        /// The graph.
        path: PathBuf,
        /// What it says.
        error: BoxError,
    },
    /// The engine does not run networks without an observation.
    #[error(
        "{}: sees no observation, which is inpainted into the plan; the engine does not run such networks: use the provider cpu",
        path.display()
    )]
    Inpainting {
        /// The graph.
        path: PathBuf,
    },
    /// The engine runs networks of plans and observations alone.
    #[error(
        "{}: the engine runs U-Nets and transformers of plans [horizon, action] that see an observation, not this denoiser: \
         use the provider cpu",
        path.display()
    )]
    NoPlans {
        /// The graph.
        path: PathBuf,
    },
    /// What the graph predicts for a row of a batch depends on the other rows.
    #[error(
        "{}: what it predicts for a row of a batch depends on the {inputs} of other rows, but samplers give each row its own: \
         export it so that every row is computed from its own sample, timestep and observation",
        path.display()
    )]
    RowsMix {
        /// The graph.
        path: PathBuf,
        /// The inputs whose rows mix, in words.
        inputs: String,
    },
    /// The graph cannot be run on several rows.
    #[error("{}: cannot be run on a batch of two rows: export it with a dynamic batch axis", path.display())]
    Batch {
        /// The graph.
        path: PathBuf,
        /// Why.
        source: PredictError,
    },
    /// The graph's inputs or output are not what the manifest says.
    #[error("{}: {problem}", path.display())]
    Mismatch {
        /// The graph.
        path: PathBuf,
        /// Which input or output, and what is wrong with it.
        problem: String,
    },
}
