//! Observations, normalised and spread over the rows of a batch.

use ndarray::ArrayView2;

use crate::{Entry, PolicyError};

/// What is bound, and the rows `[batch, n_obs_steps · observation_dim]` of the graph's observation input that are made of
/// it. The buffers keep the largest sizes they have seen: a steady loop allocates nothing.
#[derive(Clone, Debug)]
pub(crate) struct ObservationRows {
    /// One observation a plan, normalised.
    bound: Vec<f32>,
    rows: Vec<f32>,
    shape: [usize; 2],
}

impl ObservationRows {
    /// For observations of `shape` = `[n_obs_steps, observation_dim]`.
    pub fn new(shape: [usize; 2]) -> Self {
        Self { bound: Vec::new(), rows: Vec::new(), shape }
    }

    /// Forgets what is bound.
    pub fn clear(&mut self) {
        self.bound.clear();
    }

    /// Binds the observation of the next plan.
    pub fn push(&mut self, entries: &[Entry], observation: ArrayView2<'_, f64>) -> Result<(), PolicyError> {
        if observation.shape() != self.shape {
            return Err(PolicyError::ObservationShape { found: observation.shape().to_vec(), expected: self.shape });
        }
        for (step, row) in observation.outer_iter().enumerate() {
            let mut row = row.iter();
            for entry in entries {
                for (index, &raw) in row.by_ref().take(entry.len()).enumerate() {
                    let normalized = entry.normalization.normalize(index, raw);
                    // An infinite result of a finite number is as useless to the network.
                    if !normalized.is_finite() {
                        return Err(PolicyError::ObservationValue {
                            entry: entry.name.clone(),
                            index,
                            step,
                            value: raw,
                        });
                    }
                    self.bound.push(normalized);
                }
            }
        }
        Ok(())
    }

    /// Number of observations that are bound.
    pub fn plans(&self) -> usize {
        self.bound.len() / self.len()
    }

    /// Makes one row for each of `plans`, which are below [`Self::plans`].
    pub fn gather(&mut self, plans: impl Iterator<Item = usize>) {
        let len = self.len();
        self.rows.clear();
        for plan in plans {
            self.rows.extend_from_slice(&self.bound[plan * len..][..len]);
        }
    }

    /// The rows, one after the other.
    pub fn rows(&self) -> &[f32] {
        &self.rows
    }

    fn len(&self) -> usize {
        self.shape[0] * self.shape[1]
    }
}
