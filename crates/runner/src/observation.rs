//! One observation, normalised and repeated over the rows of a batch.

use ndarray::ArrayView2;

use crate::{Entry, PolicyError};

/// The rows `[batch, n_obs_steps · observation_dim]` of the graph's observation input, all the same. The buffer keeps
/// the largest batch it has seen: a steady loop allocates nothing.
#[derive(Clone, Debug)]
pub(crate) struct ObservationRows {
    rows: Vec<f32>,
    shape: [usize; 2],
}

impl ObservationRows {
    /// For observations of `shape` = `[n_obs_steps, observation_dim]`.
    pub fn new(shape: [usize; 2]) -> Self {
        Self { rows: Vec::new(), shape }
    }

    /// Replaces the observation.
    pub fn bind(&mut self, entries: &[Entry], observation: ArrayView2<'_, f64>) -> Result<(), PolicyError> {
        if observation.shape() != self.shape {
            return Err(PolicyError::ObservationShape { found: observation.shape().to_vec(), expected: self.shape });
        }
        self.rows.clear();
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
                    self.rows.push(normalized);
                }
            }
        }
        Ok(())
    }

    /// The observation `batch` times.
    pub fn repeat(&mut self, batch: usize) -> &[f32] {
        let len = self.shape[0] * self.shape[1];
        self.rows.reserve((batch * len).saturating_sub(self.rows.len()));
        while self.rows.len() < batch * len {
            self.rows.extend_from_within(..len);
        }
        &self.rows[..batch * len]
    }
}
