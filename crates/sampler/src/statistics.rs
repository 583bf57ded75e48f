//! What a sample cost.

use serde::Serialize;

/// The cost of one sample.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Statistics {
    /// Calls of the network, one after the other.
    pub rounds: usize,
    /// Rows evaluated in all rounds together.
    pub evaluations: usize,
    /// Rows evaluated in each round.
    pub windows: Vec<usize>,
    /// The largest change (root mean square over the values of a state, normalised units) at which a state was
    /// accepted without being evaluated again; 0 where every state was.
    pub largest_residual: f64,
    /// How far the sample may be from the sequential one (largest magnitude over its values, normalised units), by the
    /// strategy's own estimate; none where it makes none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub estimated_error: Option<f64>,
}

impl Statistics {
    pub(crate) fn with_capacity(steps: usize) -> Self {
        Self { windows: Vec::with_capacity(steps), ..Self::default() }
    }

    pub(crate) fn clear(&mut self) {
        self.windows.clear();
        (self.rounds, self.evaluations, self.largest_residual, self.estimated_error) = (0, 0, 0.0, None);
    }

    /// Counts a round of `rows` rows.
    pub(crate) fn count(&mut self, rows: usize) {
        self.rounds += 1;
        self.evaluations += rows;
        self.windows.push(rows);
    }

    /// Notes the mean squared `changes` of states that were accepted and will not be evaluated again.
    pub fn note_accepted(&mut self, changes: &[f64]) {
        self.largest_residual = changes.iter().fold(self.largest_residual, |most, change| most.max(change.sqrt()));
    }
}
