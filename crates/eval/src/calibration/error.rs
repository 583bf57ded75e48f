//! Errors of measuring, reading and writing calibrations.

use std::{io, path::PathBuf};

use parapolicy_sampler::{BoxError, ConfigError, SampleError};

use parapolicy_policy::PolicyError;

/// Why a policy could not be calibrated, or its calibration not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CalibrationError {
    /// The user has no cache directory.
    #[error("no cache directory to keep calibrations in: set PARAPOLICY_CACHE to a directory, or HOME")]
    NoCache,
    /// It was given up, as it was asked to.
    #[error("calibration was stopped before its end; nothing of it is kept")]
    Stopped,
    /// The file cannot be read or written.
    #[error("{}: cannot be {action}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// Why not.
        error: io::Error,
    },
    /// The file is not JSON, or not of this schema, and no field is to blame.
    #[error("{}: is not a calibration ({error}): calibrate again", path.display())]
    Json {
        /// The file.
        path: PathBuf,
        /// What the JSON reader says.
        error: String,
    },
    /// A field is damaged, or says that the file belongs to something else.
    #[error("{}: `{field}` {problem}: calibrate again", path.display())]
    Field {
        /// The file.
        path: PathBuf,
        /// The field, as a path from the root.
        field: String,
        /// What is wrong with it.
        problem: String,
    },
    /// Solver, steps or tolerance make no sense, or a time could not be measured.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// An observation does not fit the policy.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The network failed while batches were timed.
    #[error("the network failed while batches were timed")]
    Network(#[source] BoxError),
    /// The network failed while candidates were tried.
    #[error("no plan can be drawn to compare samplers by")]
    Sample(#[from] SampleError),
}
