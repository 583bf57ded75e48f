//! The last few observations, in the network's layout.

use ndarray::{Array2, ArrayView1, ArrayView2, s};

/// The last `n_obs_steps` observations, oldest first, in raw units.
///
/// The first observation of an episode stands in for those before it, as in Chi et al. 2023 (the `MultiStepWrapper` of
/// their code).
///
/// # Example
/// ```
/// # use parapolicy_policy::ObservationHistory;
/// use ndarray::{array, aview1};
///
/// let mut history = ObservationHistory::new(2, 1);
/// history.push(aview1(&[7.0]));
/// assert_eq!(history.view(), array![[7.0], [7.0]]);
/// history.push(aview1(&[8.0]));
/// assert_eq!(history.view(), array![[7.0], [8.0]]);
/// ```
#[derive(Clone, Debug)]
pub struct ObservationHistory {
    rows: Array2<f64>,
    empty: bool,
}

impl ObservationHistory {
    /// An empty history of `n_obs_steps` observations of `observation_dim` numbers each.
    pub fn new(n_obs_steps: usize, observation_dim: usize) -> Self {
        Self { rows: Array2::zeros((n_obs_steps, observation_dim)), empty: true }
    }

    /// Forgets everything: the next observation is the first of an episode.
    pub fn reset(&mut self) {
        self.empty = true;
    }

    /// Adds the newest observation and drops the oldest.
    ///
    /// # Panics
    /// If the observation does not have `observation_dim` numbers.
    pub fn push(&mut self, observation: ArrayView1<'_, f64>) {
        assert_eq!(observation.len(), self.rows.ncols(), "length of the observation");
        if self.empty {
            self.rows.assign(&observation);
            self.empty = false;
            return;
        }
        for row in 1..self.rows.nrows() {
            let (mut older, newer) = self.rows.multi_slice_mut((s![row - 1, ..], s![row, ..]));
            older.assign(&newer);
        }
        if let Some(mut newest) = self.rows.rows_mut().into_iter().next_back() {
            newest.assign(&observation);
        }
    }

    /// The history `[n_obs_steps, observation_dim]`, oldest first; `[0, observation_dim]` before the first `push`.
    pub fn view(&self) -> ArrayView2<'_, f64> {
        let rows = if self.empty { 0 } else { self.rows.nrows() };
        self.rows.slice(s![..rows, ..])
    }
}
