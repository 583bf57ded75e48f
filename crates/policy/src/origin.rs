//! What the actions of a plan are relative to.

use ndarray::{Array1, ArrayView1, ArrayView2, Axis};

use crate::{Network, PolicyError};

/// What is added to every action of one plan: of each number that is relative, the number of the newest observation that the plan
/// is drawn from; 0 of those that are absolute. Made by [`Network::origin`] from the observation that is bound for the plan, and
/// by no other.
#[derive(Clone, Debug, PartialEq)]
pub struct Origin {
    offsets: Array1<f64>,
}

impl Origin {
    /// The numbers, `[action_dim]`, in raw units.
    pub fn offsets(&self) -> ArrayView1<'_, f64> {
        self.offsets.view()
    }
}

impl Network {
    /// What the actions of a plan are relative to that is drawn from this observation, `[n_obs_steps, observation_dim]` in raw
    /// units, oldest first.
    ///
    /// # Errors
    /// [`PolicyError::ObservationShape`], as [`Network::bind`]; [`PolicyError::ObservationValue`] of a number that actions are
    /// relative to and that is not finite.
    pub fn origin(&self, observation: ArrayView2<'_, f64>) -> Result<Origin, PolicyError> {
        let expected = [self.manifest.n_obs_steps, self.manifest.observation_dim()];
        if observation.shape() != expected {
            return Err(PolicyError::ObservationShape { found: observation.shape().to_vec(), expected });
        }
        let step = expected[0] - 1;
        let newest = observation.index_axis(Axis(0), step);
        let offset = |number: Option<usize>| match number {
            None => Ok(0.0),
            Some(number) if newest[number].is_finite() => Ok(newest[number]),
            Some(number) => Err(self.not_finite(step, number, newest[number])),
        };
        let offsets = self.manifest.relative_components().map(offset).collect::<Result<_, _>>()?;
        Ok(Origin { offsets })
    }

    /// Of a number of an observation.
    fn not_finite(&self, step: usize, number: usize, value: f64) -> PolicyError {
        let found = self.manifest.observation_entries().find(|(_, numbers)| numbers.contains(&number));
        let (entry, index) =
            found.map_or_else(Default::default, |(entry, numbers)| (entry.name.clone(), number - numbers.start));
        PolicyError::ObservationValue { entry, index, step, value }
    }
}
