//! Actions that are already committed, as inpainting values and weights for a sample.

use ndarray::{Array1, Array2, ArrayView2, s};
use parapolicy_policy::Network;
use thiserror::Error;

#[derive(Debug, Error)]
#[error("a committed action has {found} numbers, but the policy's actions have {expected}")]
pub(super) struct ActionLength {
    expected: usize,
    found: usize,
}

/// The known beginning of a sample: normalised values, and a mask that is 1 where they are held and 0 elsewhere,
/// `[horizon * plan_dim]`.
pub(super) struct Committed {
    pub values: Array1<f32>,
    pub weights: Array1<f32>,
}

impl Committed {
    /// `actions`, `[n, action_dim]`, from the time of the newest observation on.
    pub fn new(network: &Network, actions: ArrayView2<'_, f64>) -> Result<Self, ActionLength> {
        let manifest = network.manifest();
        let (expected, found) = (manifest.action_dim(), actions.ncols());
        if found != expected {
            return Err(ActionLength { expected, found });
        }
        let first = manifest.executed_steps().start;
        let steps = actions.nrows().min(manifest.horizon - first);
        let range = s![first..first + steps, ..found];
        let [mut values, mut weights] = [(); 2].map(|()| Array2::zeros((manifest.horizon, manifest.plan_dim())));
        let known = network.normalized_actions(actions.slice(s![..steps, ..]));
        values.slice_mut(range).iter_mut().zip(&known).for_each(|(value, known)| *value = *known);
        weights.slice_mut(range).fill(1.0);
        Ok(Self { values: values.flatten().into_owned(), weights: weights.flatten().into_owned() })
    }
}
