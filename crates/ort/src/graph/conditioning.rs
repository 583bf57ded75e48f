//! What conditions a network beside samples: timesteps and observations, or what was made of them before.

use ort::memory::Allocator;
use parapolicy_policy::Batch;

use super::{conditioning_inputs::ConditioningInputs, precomputed::Precomputed, tensors::Input};

/// What sessions take beside samples.
#[derive(Debug)]
pub(super) enum Conditioning {
    /// Timesteps and observations, as they are.
    Inputs(ConditioningInputs),
    /// What was made of them before.
    Precomputed(Box<Precomputed>),
}

impl Conditioning {
    /// Tensors for so many rows.
    pub fn inputs(&self, allocator: &Allocator, rows: usize) -> ort::Result<Vec<Input>> {
        match self {
            Self::Inputs(plain) => plain.inputs(allocator, rows),
            Self::Precomputed(precomputed) => precomputed.inputs(allocator, rows),
        }
    }

    /// The observations of the batches to come are others.
    pub fn bind(&mut self) {
        match self {
            Self::Inputs(_) => {}
            Self::Precomputed(precomputed) => precomputed.bind(),
        }
    }

    /// Writes what belongs to the rows of a batch.
    pub fn fill(&mut self, batch: Batch<'_>, inputs: &mut [Input]) -> ort::Result<()> {
        match self {
            Self::Inputs(plain) => plain.fill(batch, inputs),
            Self::Precomputed(precomputed) => precomputed.fill(batch, inputs),
        }
    }
}
