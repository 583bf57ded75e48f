//! Writes a dataset to a temporary folder, then renames it.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use parapolicy_pusht::{Demonstration, Renderer};
use serde_json::Value;

use crate::episode::{self, Known, Place};
use crate::meta;
use crate::parquet_table::Table;
use crate::statistics::Statistics;

/// Name of the single file of a table; LeRobot begins a second one only at 100 MB.
const FILE: &str = "file-000.parquet";

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
    let mut exported = None;
    let written = parapolicy_files::create_folder(folder, |whole| {
        exported = Some(write(demonstrations, renderer, whole, stopped)?);
        Ok::<_, io::Error>(())
    });
    written.map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => ExportError::Exists(folder.to_owned()),
        io::ErrorKind::Interrupted if stopped() => ExportError::Stopped,
        _ => ExportError::Write { path: folder.to_owned(), source },
    })?;
    exported.ok_or(ExportError::Empty)
}

fn write(
    demonstrations: &[Demonstration],
    mut renderer: Option<Renderer>,
    folder: &Path,
    stopped: &dyn Fn() -> bool,
) -> io::Result<Exported> {
    let (data, meta) = (folder.join("data/chunk-000"), folder.join("meta"));
    let of_episodes = meta.join("episodes/chunk-000");
    fs::create_dir_all(&data)?;
    fs::create_dir_all(&of_episodes)?;
    let (mut frames, mut table, mut features, mut episodes) = (0, None, Value::Null, Vec::new());
    let known = Known::of(demonstrations);
    for (episode, demonstration) in demonstrations.iter().enumerate() {
        if stopped() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let place = Place { episode, first_row: frames };
        let columns = episode::columns(demonstration, &place, known, renderer.as_mut());
        let table = match &mut table {
            Some(table) => table,
            none => {
                features = meta::features(&columns);
                none.insert(Table::create(&data.join(FILE), &columns, None)?)
            }
        };
        table.append(&columns)?;
        let statistics = columns.iter().map(|column| (column.name.clone(), Statistics::of(column)));
        let statistics = statistics.filter_map(|(name, statistics)| Some((name, statistics?))).collect();
        let (first_row, length) = (frames, demonstration.steps.len());
        frames += length;
        episodes.push(meta::Episode { first_row, frames: length, seed: demonstration.seed, statistics });
    }
    table.map_or(Ok(()), Table::finish)?;
    Table::write(&of_episodes.join(FILE), &meta::episodes(&episodes), None)?;
    let (tasks, pandas) = meta::tasks();
    Table::write(&meta.join("tasks.parquet"), &tasks, Some(pandas))?;
    let exported = Exported { episodes: episodes.len(), frames };
    write_json(&meta.join("info.json"), &meta::info(features, exported))?;
    write_json(&meta.join("stats.json"), &meta::stats(&episodes))?;
    Ok(exported)
}

fn write_json(path: &Path, value: &Value) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(format!("{value:#}\n").as_bytes())?;
    file.sync_all()
}
