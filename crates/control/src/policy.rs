//! Policies: from observations to plans.

use std::time::Duration;

use ndarray::{ArrayView1, ArrayView2};

use crate::check::Asked;
use crate::{BoxError, Plan};

/// A policy: receives every observation, and returns a plan when asked for one.
pub trait Policy {
    /// Begins an episode. The same seed and observations give the same plans.
    fn reset(&mut self, seed: u64);

    /// Takes note of an observation in raw units.
    ///
    /// # Errors
    /// An observation that does not fit the policy.
    fn observe(&mut self, observation: ArrayView1<'_, f64>) -> Result<(), BoxError>;

    /// Takes note of actions that the next plan is held to: `actions`, `[n, action_dim]` in raw units, the first for the
    /// time of the newest observation, each as firmly as `weights`, `[n]`, says: from 1, for those that will have been sent
    /// when the plan arrives, to 0, not at all. A policy that supports inpainting draws the next plan accordingly; others
    /// ignore them.
    ///
    /// # Errors
    /// Actions or weights that do not fit the policy.
    fn commit(&mut self, _actions: ArrayView2<'_, f64>, _weights: ArrayView1<'_, f64>) -> Result<(), BoxError> {
        Ok(())
    }

    /// Takes note of the time, from now on, in which the next plan has to be there: a policy that has a plan before it is done
    /// hands out the best by then ([`Plan::residual`]); others ignore it.
    fn be_done_within(&mut self, _time: Duration) {}

    /// Plans from the observations so far.
    ///
    /// # Errors
    /// Whatever keeps the policy from planning.
    fn plan(&mut self) -> Result<Plan, BoxError>;

    /// Another plan, of the same shape, in place of `plan`, the last one drawn, which does not keep what is `asked`: as likely as
    /// can be, and so that it does. It is checked again. A policy that cannot returns none.
    ///
    /// # Errors
    /// Whatever keeps the policy from it, the time too.
    fn refine(&mut self, _plan: &Plan, _asked: &Asked<'_>) -> Result<Option<Plan>, BoxError> {
        Ok(None)
    }
}

/// A policy for several environments, whose plans it samples in shared batches. Environments are numbered from 0.
pub trait BatchedPolicy {
    /// Begins an episode in an environment. The same seed and observations give the same plans, whatever the other
    /// environments do.
    fn reset(&mut self, environment: usize, seed: u64);

    /// Takes note of an environment's observation in raw units.
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
