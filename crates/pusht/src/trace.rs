//! Recorded episodes in the `.npz` format of `numpy.savez`.

use std::path::{Path, PathBuf};

use nalgebra::Vector2;
use ndarray::{Array, Array1, Array2, ArrayView1, Dimension, Ix1, Ix2};
use parapolicy_npz::{Npz, NpzError};

use crate::state::State;
use crate::world::is_in_range;

/// Episodes recorded one after the other: the state before every action, and the action.
///
/// | array | shape | content |
/// |---|---|---|
/// | `state` | [N, 5] | agent x, y, block x, y (px), block angle (rad) before the action of the same row |
/// | `action` | [N, 2] | the agent's target, px |
/// | `episode_ends` | \[E\] | for every episode the row after its last one, ascending to N |
/// | `agent_velocity` | [N, 2], may be missing | the agent's velocity before the action, px/s |
/// | `reward` | \[N\], may be missing | the reward for the action of the same row |
///
/// Numbers may be f64, f32 or i64. Other arrays are left alone.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    path: PathBuf,
    state: Array2<f64>,
    action: Array2<f64>,
    episode_ends: Vec<usize>,
    agent_velocity: Option<Array2<f64>>,
    reward: Option<Array1<f64>>,
}

/// A trace that cannot be used. Every message names the file, and the array where there is one.
pub type TraceError = NpzError;

impl Trace {
    /// Reads and validates a trace.
    ///
    /// # Errors
    /// If the file is missing, cut short or no `.npz` archive, or if an array is missing, has the wrong shape or type,
    /// or holds NaN, infinity or an absurdly large number.
    pub fn load(path: &Path) -> Result<Self, TraceError> {
        Reader { path, npz: Npz::open(path)? }.trace()
    }

    /// The file that the trace was read from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Rows of all episodes together.
    pub fn rows(&self) -> usize {
        self.state.nrows()
    }

    /// The rows of every episode.
    pub fn episodes(&self) -> impl Iterator<Item = std::ops::Range<usize>> + '_ {
        let starts = std::iter::once(&0).chain(&self.episode_ends);
        starts.zip(&self.episode_ends).map(|(&start, &end)| start..end)
    }

    /// The state before the action of `row`.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn state(&self, row: usize) -> State {
        State::from_array(fixed(&self.state.row(row)))
    }

    /// The action of `row`, px.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn action(&self, row: usize) -> [f64; 2] {
        fixed(&self.action.row(row))
    }

    /// The agent's velocity before the action of `row`, px/s, if it was recorded.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn agent_velocity(&self, row: usize) -> Option<Vector2<f64>> {
        self.agent_velocity.as_ref().map(|velocity| fixed(&velocity.row(row)).into())
    }

    /// The reward for the action of `row`, if it was recorded.
    ///
    /// # Panics
    /// If there is no such row.
    pub fn reward(&self, row: usize) -> Option<f64> {
        self.reward.as_ref().map(|reward| reward[row])
    }
}

/// A row of an array whose width was validated.
fn fixed<const N: usize>(row: &ArrayView1<'_, f64>) -> [f64; N] {
    std::array::from_fn(|i| row[i])
}

struct Reader<'a> {
    path: &'a Path,
    npz: Npz,
}

impl Reader<'_> {
    fn trace(mut self) -> Result<Trace, TraceError> {
        let state = self.numbers::<Ix2>("state")?;
        let rows = state.nrows();
        self.expect_shape("state", state.shape(), &[rows, 5])?;
        let action = self.numbers::<Ix2>("action")?;
        self.expect_shape("action", action.shape(), &[rows, 2])?;
        let episode_ends = self.episode_ends(rows)?;
        let agent_velocity = self.optional::<Ix2>("agent_velocity", &[rows, 2])?;
        let reward = self.optional::<Ix1>("reward", &[rows])?;
        Ok(Trace { path: self.path.into(), state, action, episode_ends, agent_velocity, reward })
    }

    /// The ends of the episodes: ascending, the last one the number of rows.
    fn episode_ends(&mut self, rows: usize) -> Result<Vec<usize>, TraceError> {
        let ends = self.numbers::<Ix1>("episode_ends")?;
        let is_whole = ends.iter().all(|end| end.fract() == 0.0 && *end > 0.0);
        let ascends = ends.iter().zip(ends.iter().skip(1)).all(|(a, b)| a < b);
        if !(is_whole && ascends && ends.last() == Some(&(rows as f64))) {
            let problem = format!("must hold ascending row numbers of which the last is {rows}, the rows of `state`");
            return Err(self.npz.invalid("episode_ends", problem));
        }
        Ok(ends.iter().map(|&end| end as usize).collect())
    }

    /// An array that may be missing.
    fn optional<D: Dimension>(&mut self, array: &str, shape: &[usize]) -> Result<Option<Array<f64, D>>, TraceError> {
        if !self.npz.contains(array) {
            return Ok(None);
        }
        let numbers = self.numbers::<D>(array)?;
        self.expect_shape(array, numbers.shape(), shape)?;
        Ok(Some(numbers))
    }

    /// An array, every number of it sensible.
    fn numbers<D: Dimension>(&mut self, array: &str) -> Result<Array<f64, D>, TraceError> {
        let numbers = self.npz.numbers::<D>(array)?;
        match numbers.iter().position(|&number| !is_in_range(number)) {
            Some(at) => {
                let row = at / numbers.shape().iter().skip(1).product::<usize>().max(1);
                let problem = format!("holds a number in row {row} that is not finite or absurdly large");
                Err(self.npz.invalid(array, problem))
            }
            None => Ok(numbers),
        }
    }

    fn expect_shape(&self, array: &str, is: &[usize], should: &[usize]) -> Result<(), TraceError> {
        if is == should {
            return Ok(());
        }
        Err(self.npz.invalid(array, format!("has shape {is:?} but must have {should:?}")))
    }
}
