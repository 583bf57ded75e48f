//! From normalised plans to actions in raw units.

use std::ops::Range;

use ndarray::{Array1, Array2, ArrayView1, s};
use parapolicy_policy::Network;

/// Some of the steps of a network's plans, in raw units: `offset + scale · value`.
pub(crate) struct Units {
    /// `[steps, action_dim]`.
    pub offset: Array2<f64>,
    /// `[steps, action_dim]`, more than 0.
    pub scale: Array2<f64>,
    steps: Range<usize>,
}

impl Units {
    pub fn of(network: &Network, steps: Range<usize>) -> Self {
        let at = |value: f32| {
            let actions = network.predicted_actions(Array1::from_elem(network.manifest().sample_dim(), value).view());
            actions.slice_move(s![steps.clone(), ..])
        };
        let offset = at(0.0);
        Self { scale: at(1.0) - &offset, offset, steps }
    }

    /// Where the first number of the first step lies in a plan, `[horizon · action_dim]`.
    pub fn first(&self) -> usize {
        self.steps.start * self.scale.ncols()
    }

    /// The steps of a normalised plan, `[horizon · action_dim]`, as actions.
    pub fn targets(&self, plan: ArrayView1<'_, f32>) -> Array2<f64> {
        let mut targets = self.offset.clone();
        for ((target, scale), value) in targets.iter_mut().zip(&self.scale).zip(plan.iter().skip(self.first())) {
            *target += scale * f64::from(*value);
        }
        targets
    }
}
