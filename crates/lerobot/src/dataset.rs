//! Writes a dataset to a temporary folder, then renames it.

use std::io;
use std::path::{Path, PathBuf};

use parapolicy_pusht::{Demonstration, Renderer};
use serde_json::{Value, json};

use crate::episode::{self, FPS, Known};
use crate::recorded::{Head, RecordedEpisode, write};

/// In the words of LeRobot's own PushT datasets.
const PUSHT: Head<'_> = Head {
    robot: "2d pointer",
    task: "Push the T-shaped blue block onto the T-shaped green target surface.",
    fps: FPS,
    names,
};

fn names(feature: &str) -> Value {
    match feature {
        "observation.state" | "action" => json!({ "axes": ["x", "y"] }),
        "observation.environment_state" => json!(["keypoints"]),
        _ => Value::Null,
    }
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exported {
    /// Episodes.
    pub episodes: usize,
    /// Control steps of all of them.
    pub frames: usize,
}

/// Why a dataset was not written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError {
    /// There is nothing to write.
    #[error("there are no demonstrations to export, or one has no control steps")]
    Empty,
    /// It was given up, as it was asked to.
    #[error("the export was stopped; nothing was written")]
    Stopped,
    /// Only some demonstrations have an array.
    #[error(
        "`{0}` would be lost, which only some of the demonstrations have: write those that have it to a dataset of their own"
    )]
    Mixed(&'static str),
    /// Episodes with different columns, or a column that is no row a frame.
    #[error("episode {episode}: `{column}` {problem}")]
    Column {
        /// The episode's number, from 0.
        episode: usize,
        /// The column.
        column: String,
        /// What is wrong with it.
        problem: String,
    },
    /// There is something of that name.
    #[error("{} is there already, and nothing is ever overwritten: choose another name", .0.display())]
    Exists(PathBuf),
    /// It could not be written.
    #[error("{}: could not be written: {source}", path.display())]
    Write {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Writes demonstrations as a dataset of LeRobot, version 3, to a folder that is not there yet: aside, then renamed.
///
/// | feature | of a control step |
/// |---|---|
/// | `observation.state` | the agent's x and y, px |
/// | `observation.environment_state` | x and y of the block's eight corners, px: gym-pusht's |
/// | `observation.image` | the table as `renderer` draws it, PNG files within the table; with a renderer |
/// | `action` | the agent's target, px |
/// | `next.reward`, `next.success` | the reward, and whether it is the maximum; if rewards were recorded |
/// | `next.done` | whether it was the last |
/// | `recording.*` | the arrays of a [`Demonstration`]'s file, as they are |
///
/// Features that LeRobot's policies use are in single precision, as in `lerobot/pusht` and `lerobot/pusht_keypoints`;
/// `recording.*` is in double precision, and `recording.seed` a column of the table of episodes, −1 where it is not
/// known. Arrays that no demonstration has are left out.
///
/// ```
/// use nalgebra::Vector2;
/// use parapolicy_lerobot::export;
/// use parapolicy_pusht::{Demonstration, DemonstrationStep, State};
///
/// let state = State::from_array([256.0, 400.0, 256.0, 300.0, 0.0]);
/// let step = DemonstrationStep::new(state, Vector2::zeros(), [256.0, 390.0], 0.3);
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("dataset");
/// let exported = export(&[Demonstration { seed: Some(7), steps: vec![step] }], None, &path)?;
/// assert_eq!((exported.episodes, exported.frames), (1, 1));
/// assert!(path.join("data/chunk-000/file-000.parquet").exists());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If there are no demonstrations or one has no steps, if only some of them have velocities or rewards, if there is such a folder, or if it cannot be written; nothing
/// is left behind.
pub fn export(
    demonstrations: &[Demonstration],
    renderer: Option<Renderer>,
    folder: &Path,
) -> Result<Exported, ExportError> {
    export_unless(demonstrations, renderer, folder, &|| false)
}

/// The same, given up when `stopped` says so; it is asked before each demonstration.
///
/// # Errors
/// As [`export`]; [`ExportError::Stopped`].
pub fn export_unless(
    demonstrations: &[Demonstration],
    renderer: Option<Renderer>,
    folder: &Path,
    stopped: &dyn Fn() -> bool,
) -> Result<Exported, ExportError> {
    if demonstrations.is_empty() || demonstrations.iter().any(|demonstration| demonstration.steps.is_empty()) {
        return Err(ExportError::Empty);
    }
    if let Some(array) = Demonstration::mixed(demonstrations) {
        return Err(ExportError::Mixed(array));
    }
    let known = Known::of(demonstrations);
    let mut renderer = renderer;
    let episodes = demonstrations.iter().map(|demonstration| {
        if stopped() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let columns = episode::columns(demonstration, known, renderer.as_mut());
        Ok(RecordedEpisode { columns, frames: demonstration.steps.len(), seed: demonstration.seed.map(u64::from) })
    });
    write(&PUSHT, episodes, folder).map_err(|error| match error {
        ExportError::Write { source, .. } if source.kind() == io::ErrorKind::Interrupted && stopped() => {
            ExportError::Stopped
        }
        error => error,
    })
}
