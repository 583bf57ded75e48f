//! The conditioning of a network: timesteps and observations as inputs, or values precomputed from them.

use ort::memory::Allocator;
use parapolicy_policy::Batch;

use super::{conditioning_inputs::ConditioningInputs, precomputed::Precomputed, tensors::Input};

/// Conditioning inputs of a session.
#[derive(Debug)]
pub(super) enum Conditioning {
    /// Timesteps and observations themselves.
    Inputs(ConditioningInputs),
    /// Values precomputed from them.
    Precomputed(Box<Precomputed>),
}

impl Conditioning {
    /// Tensors for `rows` rows.
    pub fn inputs(&self, allocator: &Allocator, rows: usize) -> ort::Result<Vec<Input>> {
        match self {
            Self::Inputs(plain) => plain.inputs(allocator, rows),
            Self::Precomputed(precomputed) => precomputed.inputs(allocator, rows),
        }
    }

    /// The observations of the following batches have changed.
    pub fn bind(&mut self) {
        match self {
            Self::Inputs(_) => {}
            Self::Precomputed(precomputed) => precomputed.bind(),
        }
    }

    /// Writes the conditioning of a batch's rows.
    pub fn fill(&mut self, batch: Batch<'_>, inputs: &mut [Input]) -> ort::Result<()> {
        match self {
            Self::Inputs(plain) => plain.fill(batch, inputs),
            Self::Precomputed(precomputed) => precomputed.fill(batch, inputs),
        }
    }
}
