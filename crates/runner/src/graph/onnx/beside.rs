//! What sessions are given beside samples.

use ort::memory::Allocator;

use super::{condition::Condition, given::Given, tensors::Input};
use crate::graph::Batch;

/// What sessions are given beside samples.
#[derive(Debug)]
pub(super) enum Beside {
    /// Timesteps and observations, as they are.
    Given(Given),
    /// What was made of them before.
    Condition(Box<Condition>),
}

impl Beside {
    /// Tensors for so many rows.
    pub fn inputs(&self, allocator: &Allocator, rows: usize) -> ort::Result<Vec<Input>> {
        match self {
            Self::Given(given) => given.inputs(allocator, rows),
            Self::Condition(condition) => condition.inputs(allocator, rows),
        }
    }

    /// The observations of the batches to come are others.
    pub fn bind(&mut self) {
        match self {
            Self::Given(_) => {}
            Self::Condition(condition) => condition.bind(),
        }
    }

    /// Writes what belongs to the rows of a batch.
    pub fn fill(&mut self, batch: Batch<'_>, inputs: &mut [Input]) -> ort::Result<()> {
        match self {
            Self::Given(given) => given.fill(batch, inputs),
            Self::Condition(condition) => condition.fill(batch, inputs),
        }
    }
}
