//! Errors as exceptions: what a caller gave wrongly is a `ValueError`, a file that cannot be read an `OSError`, and what
//! fails while it runs a `RuntimeError`. The words are the Rust error's, its causes included.

use std::error::Error;
use std::io;

use parapolicy_control::RecipeError;
use parapolicy_control::controller::ControllerError;
use parapolicy_eval::{CalibrationError, EpisodeError, FastestError, MergeError, ReportError, ShardError};
use parapolicy_lerobot::ExportError;
use parapolicy_log::LogError;
use parapolicy_modes::ModesError;
use parapolicy_ort::RuntimeError;
use parapolicy_policy::{GraphError, InferenceError, ManifestError, PolicyError, PredictError};
use parapolicy_pusht::{FrameSizeError, WorldError};
use parapolicy_report::OutputError;
use parapolicy_sampler::{ConfigError, SampleError};
use pyo3::exceptions::{PyFileNotFoundError, PyOSError, PyRuntimeError, PyValueError};
use pyo3::{PyErr, Python};

/// An exception in the making.
pub struct Failure(PyErr);

impl Failure {
    fn value(error: &dyn Error) -> Self {
        Self(PyValueError::new_err(one_line(error)))
    }

    fn runtime(error: &dyn Error) -> Self {
        Self(PyRuntimeError::new_err(one_line(error)))
    }

    fn file(error: &dyn Error, kind: io::ErrorKind) -> Self {
        Self(match kind {
            io::ErrorKind::NotFound => PyFileNotFoundError::new_err(one_line(error)),
            _ => PyOSError::new_err(one_line(error)),
        })
    }

    /// `whole`, an exception of the kind that `error`, which it is or comes from, makes it.
    fn of_inference(whole: &dyn Error, error: &InferenceError) -> Self {
        let InferenceError::Unavailable(cause) = error else { return Self::value(whole) };
        match cause.downcast_ref() {
            Some(RuntimeError::NoLibrary { .. }) => Self::file(whole, io::ErrorKind::NotFound),
            _ => Self::runtime(whole),
        }
    }
}

/// The error and its causes, joined by colons. A cause that its parent already quotes is not said twice.
pub fn one_line(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let text = error.to_string();
        if !line.contains(&text) {
            line = format!("{line}: {text}");
        }
        cause = error.source();
    }
    line
}

/// The exception that an error comes from: what a signal's handler has raised.
fn raised(error: &(dyn Error + 'static)) -> Option<PyErr> {
    let mut causes = std::iter::successors(Some(error), |&error| error.source());
    let raised = causes.find_map(|cause| cause.downcast_ref::<PyErr>())?;
    Some(Python::attach(|py| raised.clone_ref(py)))
}

impl From<Failure> for PyErr {
    fn from(Failure(error): Failure) -> Self {
        error
    }
}

impl From<PyErr> for Failure {
    fn from(error: PyErr) -> Self {
        Self(error)
    }
}

impl From<PolicyError> for Failure {
    fn from(error: PolicyError) -> Self {
        match &error {
            PolicyError::Manifest(ManifestError::Read { error: cause, .. })
            | PolicyError::Graph(GraphError::Read { error: cause, .. }) => Self::file(&error, cause.kind()),
            PolicyError::Manifest(ManifestError::Missing { .. }) => Self::file(&error, io::ErrorKind::NotFound),
            PolicyError::Encoder { source, .. } => Self::of_inference(&error, source),
            _ => Self::value(&error),
        }
    }
}

impl From<InferenceError> for Failure {
    fn from(error: InferenceError) -> Self {
        Self::of_inference(&error, &error)
    }
}

impl From<RecipeError> for Failure {
    fn from(error: RecipeError) -> Self {
        match error {
            RecipeError::Inference(error) => error.into(),
            RecipeError::Policy(error) => error.into(),
            RecipeError::Config(error) => error.into(),
            RecipeError::Tuned(_)
            | RecipeError::Within(_)
            | RecipeError::TwoTolerances
            | RecipeError::Precision(_)
            | RecipeError::Timesteps(_)
            | RecipeError::Seconds { .. } => Self::value(&error),
            _ => Self::runtime(&error),
        }
    }
}

impl From<CalibrationError> for Failure {
    fn from(error: CalibrationError) -> Self {
        match error {
            CalibrationError::Config(error) => error.into(),
            CalibrationError::Sample(error) => error.into(),
            CalibrationError::File { error: ref cause, .. } => Self::file(&error, cause.kind()),
            _ => Self::runtime(&error),
        }
    }
}

impl From<FastestError> for Failure {
    fn from(error: FastestError) -> Self {
        match error {
            FastestError::Recipe(error) => error.into(),
            FastestError::Calibration(error) => error.into(),
            _ => Self::runtime(&error),
        }
    }
}

impl From<LogError> for Failure {
    fn from(error: LogError) -> Self {
        match &error {
            LogError::Create { source, .. } | LogError::Thread(source) => Self::file(&error, source.kind()),
            _ => Self::file(&error, io::ErrorKind::Other),
        }
    }
}

impl From<PredictError> for Failure {
    fn from(error: PredictError) -> Self {
        Self::value(&error)
    }
}

impl From<SampleError> for Failure {
    fn from(error: SampleError) -> Self {
        if let Some(raised) = raised(&error) {
            return Self(raised);
        }
        match error {
            SampleError::NoiseShape { .. } | SampleError::Budget(_) | SampleError::Plans { .. } => Self::value(&error),
            _ => Self::runtime(&error),
        }
    }
}

impl From<ControllerError> for Failure {
    fn from(error: ControllerError) -> Self {
        match error {
            ControllerError::Thread(_) => Self::runtime(&error),
            _ => Self::value(&error),
        }
    }
}

impl From<ModesError> for Failure {
    fn from(error: ModesError) -> Self {
        Self::value(&error)
    }
}

impl From<EpisodeError> for Failure {
    /// What the environment raised is raised again.
    fn from(error: EpisodeError) -> Self {
        raised(&error).map_or_else(|| Self::runtime(&error), Self)
    }
}

impl From<ShardError> for Failure {
    fn from(error: ShardError) -> Self {
        Self::value(&error)
    }
}

impl From<MergeError> for Failure {
    fn from(error: MergeError) -> Self {
        Self::value(&error)
    }
}

impl From<ReportError> for Failure {
    fn from(error: ReportError) -> Self {
        match &error {
            ReportError::Read { source, .. } => Self::file(&error, source.kind()),
            _ => Self::value(&error),
        }
    }
}

impl From<OutputError> for Failure {
    fn from(error: OutputError) -> Self {
        match &error {
            OutputError::Write { source, .. } => Self::file(&error, source.kind()),
            _ => Self::value(&error),
        }
    }
}

impl From<ExportError> for Failure {
    fn from(error: ExportError) -> Self {
        match &error {
            ExportError::Exists(_) | ExportError::Write { .. } => Self::file(&error, io::ErrorKind::Other),
            _ => Self::value(&error),
        }
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::value(&error)
    }
}

impl From<WorldError> for Failure {
    fn from(error: WorldError) -> Self {
        Self::value(&error)
    }
}

impl From<FrameSizeError> for Failure {
    fn from(error: FrameSizeError) -> Self {
        Self::value(&error)
    }
}
