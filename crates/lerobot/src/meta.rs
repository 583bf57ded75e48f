//! Metadata of a dataset: `info.json`, `stats.json`, its tasks and its episodes.

use parquet::file::metadata::KeyValue;
use serde_json::{Map, Value, json};

use crate::dataset::Exported;
use crate::parquet_table::{Column, Values};
use crate::recorded::Head;
use crate::statistics::Statistics;

/// The version of the format.
const CODEBASE_VERSION: &str = "v3.0";

/// `meta/info.json`.
pub fn info(head: &Head<'_>, features: Value, Exported { episodes, frames }: Exported) -> Value {
    json!({
        "codebase_version": CODEBASE_VERSION,
        "robot_type": head.robot,
        "total_episodes": episodes,
        "total_frames": frames,
        "total_tasks": 1,
        "chunks_size": 1000,
        "data_files_size_in_mb": 100,
        "video_files_size_in_mb": 200,
        "fps": head.fps,
        "splits": { "train": format!("0:{episodes}") },
        "data_path": "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet",
        "video_path": null,
        "features": features,
    })
}

/// The description of a frame's columns in `info.json`.
pub fn features(head: &Head<'_>, columns: &[Column]) -> Value {
    columns.iter().map(|column| (column.name.clone(), feature(head, column))).collect::<Map<_, _>>().into()
}

fn feature(head: &Head<'_>, column: &Column) -> Value {
    let dtype = match column.values {
        Values::Floats(_) => "float32",
        Values::Doubles(_) => "float64",
        Values::Integers(_) => "int64",
        Values::Flags(_) => "bool",
        Values::Texts(_) => "string",
        Values::Frames(_) => "image",
    };
    let names = match &column.values {
        Values::Frames(_) => json!(["height", "width", "channels"]),
        _ => (head.names)(&column.name),
    };
    let shape = if column.shape.is_empty() { &[1] } else { column.shape.as_slice() };
    json!({ "dtype": dtype, "shape": shape, "names": names })
}

/// `meta/tasks.parquet`: the task, as the index of a pandas table.
pub fn tasks(head: &Head<'_>) -> (Vec<Column>, KeyValue) {
    let index = "__index_level_0__";
    let texts = Values::Texts(vec![head.task.to_owned()]);
    let columns = vec![Column::integers("task_index", vec![0]), Column::new(index, &[], texts)];
    let described = |name: Option<&str>, field: &str, pandas: &str, numpy: &str| json!({ "name": name, "field_name": field, "pandas_type": pandas, "numpy_type": numpy, "metadata": null });
    let pandas = json!({
        "index_columns": [index],
        "column_indexes": [],
        "columns": [
            described(Some("task_index"), "task_index", "int64", "int64"),
            described(None, index, "unicode", "object"),
        ],
        "pandas_version": "2.0.0",
    });
    (columns, KeyValue::new("pandas".to_owned(), pandas.to_string()))
}

/// Metadata of an episode.
pub struct Episode {
    /// The row of its first frame.
    pub first_row: usize,
    /// How many there are.
    pub frames: usize,
    /// The seed that it began with, if it is known.
    pub seed: Option<u64>,
    /// Statistics of every feature, by its name.
    pub statistics: Vec<(String, Statistics)>,
}

/// `meta/episodes`: a row for each; at least one.
pub fn episodes(head: &Head<'_>, all: &[Episode]) -> Vec<Column> {
    let number = |name: &str, of: &dyn Fn(&Episode) -> usize| {
        Column::integers(name, all.iter().map(|episode| of(episode) as i64).collect())
    };
    let mut columns = vec![
        Column::integers("episode_index", (0..all.len() as i64).collect()),
        Column::new("tasks", &[1], Values::Texts(vec![head.task.to_owned(); all.len()])),
        number("length", &|episode| episode.frames),
        number("data/chunk_index", &|_| 0),
        number("data/file_index", &|_| 0),
        number("dataset_from_index", &|episode| episode.first_row),
        number("dataset_to_index", &|episode| episode.first_row + episode.frames),
        number("meta/episodes/chunk_index", &|_| 0),
        number("meta/episodes/file_index", &|_| 0),
    ];
    if all.iter().any(|episode| episode.seed.is_some()) {
        let seeds = all.iter().map(|episode| episode.seed.and_then(|seed| i64::try_from(seed).ok()).unwrap_or(-1));
        columns.push(Column::integers("recording.seed", seeds.collect()));
    }
    columns.extend(features_of(all).flat_map(|(name, statistics)| Statistics::columns(&statistics, name)));
    columns
}

/// `meta/stats.json`: the statistics of all episodes together.
pub fn stats(all: &[Episode]) -> Value {
    let features = features_of(all);
    features.map(|(name, of)| (name.to_owned(), Statistics::combined(&of).json())).collect::<Map<_, _>>().into()
}

/// Every feature's name, and its statistics in all episodes.
fn features_of(all: &[Episode]) -> impl Iterator<Item = (&str, Vec<&Statistics>)> {
    let names = all.iter().take(1).flat_map(|first| &first.statistics).enumerate();
    names.map(|(at, (name, _))| (name.as_str(), all.iter().map(|episode| &episode.statistics[at].1).collect()))
}
