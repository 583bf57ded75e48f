//! Recorded episodes as datasets of LeRobot.

use std::path::PathBuf;

use numpy::PyReadonlyArrayDyn;
use parapolicy_lerobot::{Column, Head, RecordedEpisode, Values};
use parapolicy_pusht::Frame;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::failure::Failure;

/// An episode: its seed, and an array `[frames, …]` a feature.
type Recorded<'py> = (Option<u64>, Vec<(String, Bound<'py, PyAny>)>);

/// Writes episodes into `folder`, which must not be there yet; returns how many frames they have.
#[pyfunction]
#[pyo3(signature = (folder, episodes, *, robot, task, fps))]
pub fn write_dataset(
    py: Python<'_>,
    folder: PathBuf,
    episodes: Vec<Recorded<'_>>,
    robot: &str,
    task: &str,
    fps: u32,
) -> Result<usize, Failure> {
    if fps == 0 {
        return Err(PyValueError::new_err("fps is 0, but must be at least 1").into());
    }
    let head = Head { robot, task, fps, names: |_| serde_json::Value::Null };
    let episodes = episodes.into_iter().map(episode).collect::<PyResult<Vec<_>>>()?;
    let exported = py.detach(|| parapolicy_lerobot::write_dataset(&head, episodes, &folder))?;
    Ok(exported.frames)
}

fn episode((seed, features): Recorded<'_>) -> PyResult<RecordedEpisode> {
    let columns = features.iter().map(|(name, array)| column(name, array)).collect::<PyResult<Vec<_>>>()?;
    let frames = match features.first() {
        Some((_, array)) => array.len()?,
        None => 0,
    };
    Ok(RecordedEpisode { columns, frames, seed })
}

/// The shape of a row.
fn row(shape: &[usize]) -> &[usize] {
    shape.get(1..).unwrap_or_default()
}

/// A feature: of float32 or bool, each `[frames]` or `[frames, …]`; or of uint8, `[frames, height, width, 3]`.
fn column(name: &str, array: &Bound<'_, PyAny>) -> PyResult<Column> {
    if let Ok(numbers) = array.extract::<PyReadonlyArrayDyn<'_, f32>>() {
        let numbers = numbers.as_array();
        return Ok(Column::new(name, row(numbers.shape()), Values::Floats(numbers.iter().copied().collect())));
    }
    if let Ok(flags) = array.extract::<PyReadonlyArrayDyn<'_, bool>>() {
        let flags = flags.as_array();
        return Ok(Column::new(name, row(flags.shape()), Values::Flags(flags.iter().copied().collect())));
    }
    let wrong =
        || PyValueError::new_err(format!("{name}: is neither float32, bool, nor uint8 [frames, height, width, 3]"));
    let pictures: PyReadonlyArrayDyn<'_, u8> = array.extract().map_err(|_| wrong())?;
    let pictures = pictures.as_array();
    let &[_, height, width, 3] = pictures.shape() else { return Err(wrong()) };
    let side = |side: usize| u32::try_from(side).map_err(|_| wrong());
    let (tall, wide) = (side(height)?, side(width)?);
    let frame = |picture: ndarray::ArrayViewD<'_, u8>| Frame::of(wide, tall, picture.iter().copied().collect());
    let frames: Option<Vec<Frame>> = pictures.outer_iter().map(frame).collect();
    Ok(Column::new(name, &[height, width, 3], Values::Frames(frames.ok_or_else(wrong)?)))
}
