//! Episodes of any robot as a dataset: written to a temporary folder, then renamed.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

use serde_json::Value;

use crate::meta;
use crate::parquet_table::{Column, Table, Values};
use crate::statistics::Statistics;
use crate::{ExportError, Exported};

/// Name of the single file of a table; LeRobot begins a second one only at 100 MB.
const FILE: &str = "file-000.parquet";

/// What all episodes of a dataset have in common.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// What kind of robot it is, in a word or two.
    pub robot: &'a str,
    /// The task, in a sentence.
    pub task: &'a str,
    /// Frames a second.
    pub fps: u32,
    /// What a feature's numbers are called, as LeRobot has it; null where they have no names.
    pub names: fn(&str) -> Value,
}

/// An episode: features, a row a frame.
#[derive(Clone, Debug)]
pub struct RecordedEpisode {
    /// The features, the same in every episode: `observation.state`, `action` and so on. LeRobot's numbers of frames are added.
    pub columns: Vec<Column>,
    /// How many frames there are.
    pub frames: usize,
    /// What the episode was reset with, if that is known: `recording.seed` in the table of episodes.
    pub seed: Option<u64>,
}

/// Writes episodes to a folder that is not there yet: aside, then renamed.
///
/// ```
/// use parapolicy_lerobot::{Column, Head, RecordedEpisode, Values, write_dataset};
///
/// let head = Head { robot: "so101", task: "Lift the cube.", fps: 10, names: |_| serde_json::Value::Null };
/// let columns = vec![
///     Column::new("observation.state", &[2], Values::Floats(vec![0.0, 0.1, 0.2, 0.3])),
///     Column::new("action", &[1], Values::Floats(vec![1.0, -1.0])),
/// ];
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("dataset");
/// let exported = write_dataset(&head, vec![RecordedEpisode { columns, frames: 2, seed: Some(7) }], &path)?;
/// assert_eq!((exported.episodes, exported.frames), (1, 2));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// If there are no episodes or one has no frames, if their columns differ, if there is such a folder, or if it cannot be
/// written; nothing is left behind.
pub fn write_dataset(head: &Head<'_>, episodes: Vec<RecordedEpisode>, folder: &Path) -> Result<Exported, ExportError> {
    check(&episodes)?;
    write(head, episodes.into_iter().map(Ok), folder)
}

/// Refuses episodes that are no table together.
fn check(episodes: &[RecordedEpisode]) -> Result<(), ExportError> {
    let Some(first) = episodes.first().filter(|_| episodes.iter().all(|episode| episode.frames > 0)) else {
        return Err(ExportError::Empty);
    };
    for (index, episode) in episodes.iter().enumerate() {
        let failed =
            |column: &str, problem: String| ExportError::Column { episode: index, column: column.into(), problem };
        for (place, of_first) in first.columns.iter().enumerate() {
            let is_same = |column: &&Column| column.name == of_first.name && column.shape == of_first.shape;
            let Some(column) = episode.columns.get(place).filter(is_same) else {
                return Err(failed(&of_first.name, "is not there as in the first episode".into()));
            };
            let width: usize = column.shape.iter().product();
            let (found, expected) = match &column.values {
                Values::Frames(frames) => (frames.len(), episode.frames),
                values => (values.len(), width.saturating_mul(episode.frames)),
            };
            if found != expected || width == 0 {
                let problem = format!("has {found} values, but {} frames of {width} each", episode.frames);
                return Err(failed(&column.name, problem));
            }
        }
        if let Some(more) = episode.columns.get(first.columns.len()) {
            return Err(failed(&more.name, "is not in the first episode".into()));
        }
    }
    Ok(())
}

/// The same of episodes that are made as they are written.
pub(crate) fn write(
    head: &Head<'_>,
    episodes: impl Iterator<Item = io::Result<RecordedEpisode>>,
    folder: &Path,
) -> Result<Exported, ExportError> {
    let mut exported = None;
    let written = parapolicy_files::create_folder(folder, |whole| {
        exported = Some(fill(head, episodes, whole)?);
        Ok::<_, io::Error>(())
    });
    written.map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => ExportError::Exists(folder.to_owned()),
        _ => ExportError::Write { path: folder.to_owned(), source },
    })?;
    exported.ok_or(ExportError::Empty)
}

fn fill(
    head: &Head<'_>,
    episodes: impl Iterator<Item = io::Result<RecordedEpisode>>,
    folder: &Path,
) -> io::Result<Exported> {
    let (data, meta) = (folder.join("data/chunk-000"), folder.join("meta"));
    let of_episodes = meta.join("episodes/chunk-000");
    fs::create_dir_all(&data)?;
    fs::create_dir_all(&of_episodes)?;
    let (mut frames, mut table, mut features, mut known) = (0, None, Value::Null, Vec::new());
    for (number, episode) in episodes.enumerate() {
        let RecordedEpisode { mut columns, frames: length, seed } = episode?;
        columns.extend(numbers(head, length, number, frames));
        let table = match &mut table {
            Some(table) => table,
            none => {
                features = meta::features(head, &columns);
                none.insert(Table::create(&data.join(FILE), &columns, None)?)
            }
        };
        table.append(&columns)?;
        let statistics = columns.iter().map(|column| (column.name.clone(), Statistics::of(column)));
        let statistics = statistics.filter_map(|(name, statistics)| Some((name, statistics?))).collect();
        known.push(meta::Episode { first_row: frames, frames: length, seed, statistics });
        frames += length;
    }
    table.map_or(Ok(()), Table::finish)?;
    Table::write(&of_episodes.join(FILE), &meta::episodes(head, &known), None)?;
    let (tasks, pandas) = meta::tasks(head);
    Table::write(&meta.join("tasks.parquet"), &tasks, Some(pandas))?;
    let exported = Exported { episodes: known.len(), frames };
    write_json(&meta.join("info.json"), &meta::info(head, features, exported))?;
    write_json(&meta.join("stats.json"), &meta::stats(&known))?;
    Ok(exported)
}

/// The index columns of LeRobot's frames.
fn numbers(head: &Head<'_>, frames: usize, episode: usize, first_row: usize) -> Vec<Column> {
    let rows = |first: usize| (first..first + frames).map(|row| row as i64).collect();
    let timestamps = (0..frames).map(|frame| (frame as f64 / f64::from(head.fps.max(1))) as f32).collect();
    vec![
        Column::new("timestamp", &[], Values::Floats(timestamps)),
        Column::integers("frame_index", rows(0)),
        Column::integers("episode_index", vec![episode as i64; frames]),
        Column::integers("index", rows(first_row)),
        Column::integers("task_index", vec![0; frames]),
    ]
}

fn write_json(path: &Path, value: &Value) -> io::Result<()> {
    let mut file = File::create_new(path)?;
    file.write_all(format!("{value:#}\n").as_bytes())?;
    file.sync_all()
}
