//! Actions that are carried out before a plan is there, as the known beginning of a sample.

use ndarray::{Array1, Array2, ArrayView2, s};
use thiserror::Error;

use crate::Network;

/// Why actions cannot be the beginning of a plan.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum CommittedError {
    /// They have another length than the policy's.
    #[error("a committed action has {found} numbers, but the policy's actions have {expected}")]
    Length {
        /// Numbers of the policy's.
        expected: usize,
        /// Their numbers.
        found: usize,
    },
    /// One is not finite.
    #[error("a committed action has {0}, but must be finite")]
    NotFinite(f64),
}

/// The known beginning of a sample, as samplers hold it (`inpaint` of
/// [`Sampler`](parapolicy_sampler::Sampler::inpaint) and of the others): real-time chunking by inpainting. Both are
/// `[horizon · plan_dim]`. Made by [`Network::committed`].
#[derive(Clone, Debug, PartialEq)]
pub struct Committed {
    /// Normalised values.
    pub values: Array1<f32>,
    /// 1 where they are held, 0 elsewhere.
    pub weights: Array1<f32>,
}

impl Network {
    /// The beginning of a plan that goes through `actions`, `[n, action_dim]` in raw units, the first for the time of the newest
    /// observation. What goes beyond the plan is committed to nothing.
    ///
    /// # Errors
    /// [`CommittedError`]: actions that are not those of the policy.
    pub fn committed(&self, actions: ArrayView2<'_, f64>) -> Result<Committed, CommittedError> {
        let manifest = self.manifest();
        let (expected, found) = (manifest.action_dim(), actions.ncols());
        if found != expected {
            return Err(CommittedError::Length { expected, found });
        }
        if let Some(value) = actions.iter().find(|value| !value.is_finite()) {
            return Err(CommittedError::NotFinite(*value));
        }
        let first = manifest.executed_steps().start;
        let steps = actions.nrows().min(manifest.horizon - first);
        let range = s![first..first + steps, ..found];
        let [mut values, mut weights] = [(); 2].map(|()| Array2::zeros((manifest.horizon, manifest.plan_dim())));
        let known = self.normalized_actions(actions.slice(s![..steps, ..]));
        values.slice_mut(range).iter_mut().zip(&known).for_each(|(value, known)| *value = *known);
        weights.slice_mut(range).fill(1.0);
        Ok(Committed { values: values.flatten().into_owned(), weights: weights.flatten().into_owned() })
    }
}
