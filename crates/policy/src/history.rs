//! The last few observations, in the network's layout.

use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut1, s};

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
        self.push_with(|mut newest| newest.assign(&observation));
    }

    /// The same of an observation that is put together where it belongs: `write` has its place, with whatever stood there.
    pub fn push_with(&mut self, write: impl FnOnce(ArrayViewMut1<'_, f64>)) {
        let Some(last) = self.rows.nrows().checked_sub(1) else { return };
        if !self.empty {
            (0..last).for_each(|row| self.copy(row + 1, row));
        }
        write(self.rows.row_mut(last));
        if std::mem::take(&mut self.empty) {
            (0..last).for_each(|row| self.copy(last, row));
        }
    }

    fn copy(&mut self, from: usize, to: usize) {
        let (from, mut to) = self.rows.multi_slice_mut((s![from, ..], s![to, ..]));
        to.assign(&from);
    }

    /// The newest observation, `[observation_dim]`; none before the first `push`.
    pub fn newest(&self) -> Option<ArrayView1<'_, f64>> {
        let last = self.rows.nrows().checked_sub(1).filter(|_| !self.empty)?;
        Some(self.rows.row(last))
    }

    /// The history `[n_obs_steps, observation_dim]`, oldest first; `[0, observation_dim]` before the first `push`.
    pub fn view(&self) -> ArrayView2<'_, f64> {
        let rows = if self.empty { 0 } else { self.rows.nrows() };
        self.rows.slice(s![..rows, ..])
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{array, aview1};

    use super::*;

    #[test]
    fn an_observation_that_is_written_in_place_is_one_that_is_pushed() {
        let (mut pushed, mut written) = (ObservationHistory::new(3, 2), ObservationHistory::new(3, 2));
        assert_eq!(written.newest(), None);
        for value in [1.0, 2.0, 3.0, 4.0] {
            pushed.push(aview1(&[value, -value]));
            written.push_with(|mut row| row.assign(&aview1(&[value, -value])));
            assert_eq!(written.view(), pushed.view());
            assert_eq!(written.newest(), Some(aview1(&[value, -value])));
        }
        assert_eq!(written.view(), array![[2.0, -2.0], [3.0, -3.0], [4.0, -4.0]]);
        written.reset();
        written.push_with(|mut row| row.fill(7.0));
        assert_eq!(written.view(), array![[7.0, 7.0], [7.0, 7.0], [7.0, 7.0]]);
    }
}
