//! From normalised plans to actions in raw units.

use std::ops::Range;

use ndarray::{Array1, Array2, ArrayView1};
use parapolicy_policy::{Entry, Manifest, Origin};

/// Some of the steps of a network's plans, in raw units: `offset + scale · value`, and what they are relative to.
pub(crate) struct Units {
    /// `[steps, action_dim]`.
    pub offset: Array2<f64>,
    /// `[steps, action_dim]`, more than 0.
    pub scale: Array2<f64>,
    steps: Range<usize>,
}

impl Units {
    pub fn of(manifest: &Manifest, steps: Range<usize>) -> Self {
        let at = |value: f32| {
            let numbers = |entry: &Entry| {
                let normalization = entry.normalization.clone();
                (0..entry.len()).map(move |index| normalization.denormalize(index, value))
            };
            let action: Array1<f64> = manifest.actions.iter().flat_map(numbers).collect();
            Array2::from_shape_fn((steps.len(), action.len()), |(_, column)| action[column])
        };
        let offset = at(0.0);
        Self { scale: at(1.0) - &offset, offset, steps }
    }

    /// Where the first number of the first step lies in a plan, `[horizon · action_dim]`.
    pub fn first(&self) -> usize {
        self.steps.start * self.scale.ncols()
    }

    /// The steps of a normalised plan, `[horizon · action_dim]`, as actions.
    pub fn targets(&self, plan: ArrayView1<'_, f32>, origin: &Origin) -> Array2<f64> {
        let mut targets = &self.offset + &origin.offsets();
        for ((target, scale), value) in targets.iter_mut().zip(&self.scale).zip(plan.iter().skip(self.first())) {
            *target += scale * f64::from(*value);
        }
        targets
    }
}
