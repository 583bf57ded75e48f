use std::time::Duration;

use ndarray::{Array2, ArrayView1, ArrayView2, s};

use crate::BoxError;
use crate::refine::RefinementCost;

/// A decision: actions for the next control steps, and what it cost to reach it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Actions in raw units, `[n, action_dim]`, from the moment of the observation to the end of the horizon.
    pub actions: Array2<f64>,
    /// How many of them are meant to be executed, from the first on; the rest is there for a next plan that comes late.
    pub intended: usize,
    /// From the observation bound to the plan ready; of plans drawn together, to all of them ready.
    pub latency: Duration,
    /// Plans that were drawn together in that time: 1 for a plan drawn alone.
    pub together: usize,
    /// Network calls that had to wait for each other.
    pub rounds: usize,
    /// Rows that the network evaluated.
    pub evaluations: usize,
    /// How far the plan moved in the last round (root mean square, normalised units), if it was cut short.
    pub residual: Option<f64>,
    /// What the refinement of the sampled plan took, where plans are refined; it is counted in the figures above.
    pub refinement: Option<RefinementCost>,
    /// The actions as they would have been after each round of the sampler, the last of them before any refinement; empty
    /// where nobody asked for them.
    pub iterates: Vec<Array2<f64>>,
}

impl Plan {
    /// The actions that are meant to be executed, `[n_action_steps, action_dim]`.
    #[must_use]
    pub fn intended_actions(&self) -> ArrayView2<'_, f64> {
        self.actions.slice(s![..self.intended.min(self.actions.nrows()), ..])
    }
}

/// What decides: it is shown every observation, and asked for a plan when the last one is used up.
pub trait Policy {
    /// Begins an episode. The same seed and observations give the same plans.
    fn reset(&mut self, seed: u64);

    /// Takes note of an observation in raw units.
    ///
    /// # Errors
    /// An observation that does not fit the policy.
    fn observe(&mut self, observation: ArrayView1<'_, f64>) -> Result<(), BoxError>;

    /// Takes note of what will have been sent by the time the next plan is there, whatever it says: `actions`,
    /// `[n, action_dim]` in raw units, the first for the moment of the newest observation. A policy that can has that plan
    /// begin with them; others leave it alone.
    ///
    /// # Errors
    /// Actions that do not fit the policy.
    fn commit(&mut self, _actions: ArrayView2<'_, f64>) -> Result<(), BoxError> {
        Ok(())
    }

    /// Plans from the observations so far.
    ///
    /// # Errors
    /// Whatever keeps the policy from planning.
    fn plan(&mut self) -> Result<Plan, BoxError>;
}

/// What decides for many environments, whose plans it draws together. Environments are numbered from 0.
pub trait ManyPolicy {
    /// Begins an episode in an environment. The same seed and observations give the same plans, whatever the other
    /// environments do.
    fn reset(&mut self, environment: usize, seed: u64);

    /// Takes note of an observation in raw units that an environment gave.
    ///
    /// # Errors
    /// An observation that does not fit the policy.
    fn observe(&mut self, environment: usize, observation: ArrayView1<'_, f64>) -> Result<(), BoxError>;

    /// Plans for these environments, each from its own observations so far; one plan each, in their order.
    ///
    /// # Errors
    /// Whatever keeps the policy from planning.
    fn plan(&mut self, environments: &[usize]) -> Result<Vec<Plan>, BoxError>;
}
