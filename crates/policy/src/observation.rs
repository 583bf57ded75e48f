//! Buffer of normalised observations.

use ndarray::ArrayView2;

use crate::{Entry, PolicyError};

/// The bound observations, normalised, one per plan, each step followed by what the policy is told. The buffer never shrinks.
#[derive(Clone, Debug)]
pub(crate) struct Observations {
    bound: Vec<f32>,
    shape: [usize; 2],
    /// The numbers of the task; none where it is told none.
    task: Box<[f32]>,
}

impl Observations {
    /// For observations of `shape` = `[n_obs_steps, observation_dim]`, and a task.
    pub fn new(shape: [usize; 2], task: &[f32]) -> Self {
        Self { bound: Vec::new(), shape, task: task.into() }
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
            self.bound.extend_from_slice(&self.task);
        }
        Ok(())
    }

    /// Binds the observation of the next plan, which was normalised before.
    pub fn push_normalized(&mut self, observation: &[f32]) {
        self.bound.extend_from_slice(observation);
    }

    /// Number of observations that are bound.
    pub fn plans(&self) -> usize {
        self.bound.len() / (self.shape[0] * (self.shape[1] + self.task.len()))
    }

    /// All of them, one after the other.
    pub fn all(&self) -> &[f32] {
        &self.bound
    }
}
