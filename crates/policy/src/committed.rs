//! Actions that a plan is held to, those carried out before it is there and those after them, as the known beginning of a
//! sample.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Axis, s};
use thiserror::Error;

use crate::{Network, Origin};

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
    /// There is not one weight for each.
    #[error("there are {found} weights for {expected} committed actions, but each must have one")]
    Weights {
        /// Actions.
        expected: usize,
        /// Weights.
        found: usize,
    },
    /// A weight is out of range.
    #[error("the weight of a committed action is {0}, but must be from 0 to 1")]
    Weight(f64),
}

/// The known beginning of a sample, as samplers hold it (`inpaint` of
/// [`Sampler`](parapolicy_sampler::Sampler::inpaint) and of the others): real-time chunking by inpainting. Both are
/// `[horizon · plan_dim]`. Made by [`Network::committed`].
#[derive(Clone, Debug, PartialEq)]
pub struct Committed {
    /// Normalised values.
    pub values: Array1<f32>,
    /// How firmly each is held, from 0, not at all, to 1.
    pub weights: Array1<f32>,
}

impl Network {
    /// The beginning of a plan that is held to `actions`, `[n, action_dim]` in raw units and absolute, the first for the time of the
    /// newest observation, which is the one that `origin` is of; each as firmly as `weights`, `[n]`, says: with 1 the plan goes
    /// through it, with 0 it is free. What goes beyond the plan is committed to nothing.
    ///
    /// # Errors
    /// Those of [`Network::check_committed`].
    ///
    /// # Panics
    /// If the origin is another policy's.
    pub fn committed(
        &self,
        actions: ArrayView2<'_, f64>,
        weights: ArrayView1<'_, f64>,
        origin: &Origin,
    ) -> Result<Committed, CommittedError> {
        self.check_committed(actions, weights)?;
        let (manifest, dim) = (self.manifest(), actions.ncols());
        let first = manifest.executed_steps().start;
        let steps = actions.nrows().min(manifest.horizon - first);
        let range = s![first..first + steps, ..dim];
        let [mut values, mut firmly] = [(); 2].map(|()| Array2::zeros((manifest.horizon, manifest.plan_dim())));
        let known = self.normalized_actions(actions.slice(s![..steps, ..]), origin);
        values.slice_mut(range).iter_mut().zip(&known).for_each(|(value, known)| *value = *known);
        let weights = weights.slice(s![..steps]).mapv(|weight| weight as f32).insert_axis(Axis(1));
        firmly.slice_mut(range).assign(&weights);
        Ok(Committed { values: values.flatten().into_owned(), weights: firmly.flatten().into_owned() })
    }

    /// Checks actions and weights before there is an observation to hold a plan to them.
    ///
    /// # Errors
    /// [`CommittedError`]: actions that are not those of the policy, or weights that are none.
    pub fn check_committed(
        &self,
        actions: ArrayView2<'_, f64>,
        weights: ArrayView1<'_, f64>,
    ) -> Result<(), CommittedError> {
        let (expected, found) = (self.manifest().action_dim(), actions.ncols());
        if found != expected {
            return Err(CommittedError::Length { expected, found });
        }
        if let Some(value) = actions.iter().find(|value| !value.is_finite()) {
            return Err(CommittedError::NotFinite(*value));
        }
        if weights.len() != actions.nrows() {
            return Err(CommittedError::Weights { expected: actions.nrows(), found: weights.len() });
        }
        let out_of_range = weights.iter().find(|weight| !(0.0..=1.0).contains(*weight));
        out_of_range.map_or(Ok(()), |weight| Err(CommittedError::Weight(*weight)))
    }
}
