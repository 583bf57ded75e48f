//! Plans, and what they cost.

use std::time::Duration;

use ndarray::{Array2, ArrayView2, s};
use serde::{Deserialize, Serialize};

use crate::refine::RefinementCost;

/// Actions for the next control steps, and the cost of sampling them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Actions in raw units, `[n, action_dim]`, from the time of the newest observation to the end of the horizon.
    pub actions: Array2<f64>,
    /// Number of actions meant to be executed, from the first on; the rest is used when the next plan is late.
    pub intended: usize,
    /// From the observation bound to the plan ready; of plans drawn together, to all of them ready.
    pub latency: Duration,
    /// Plans that were drawn together in that time: 1 for a plan drawn alone.
    pub together: usize,
    /// Network calls that had to wait for each other.
    pub rounds: usize,
    /// Rows that the network evaluated.
    pub evaluations: usize,
    /// How far the plan moved in the last round (root mean square, normalised units), if the budget ended it early.
    pub residual: Option<f64>,
    /// What the refinement of the sampled plan took, where plans are refined; it is counted in the figures above.
    pub refinement: Option<RefinementCost>,
    /// The actions as they would have been after each round of the sampler, the last of them before any refinement;
    /// empty where nobody asked for them.
    pub iterates: Vec<Array2<f64>>,
}

impl Plan {
    /// The actions that are meant to be executed, `[n_action_steps, action_dim]`.
    #[must_use]
    pub fn intended_actions(&self) -> ArrayView2<'_, f64> {
        self.actions.slice(s![..self.intended.min(self.actions.nrows()), ..])
    }
}

/// What a plan cost, and how much of it was executed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PlanCost {
    /// From the observation bound to the plan ready; of plans drawn together, to all of them ready.
    pub latency: Duration,
    /// Plans that were drawn together in that time: 1 for a plan drawn alone.
    pub together: usize,
    /// Network calls that had to wait for each other.
    pub rounds: usize,
    /// Rows that the network evaluated.
    pub evaluations: usize,
    /// How far the plan moved in the last round (root mean square, normalised units), if the budget ended it early.
    pub residual: Option<f64>,
    /// What its refinement took, counted in the figures above; none where plans are not refined.
    pub refinement: Option<RefinementCost>,
    /// Actions executed from it.
    pub executed: usize,
}

impl PlanCost {
    /// Of a plan of which nothing was executed yet.
    #[must_use]
    pub fn of(plan: &Plan) -> Self {
        let &Plan { latency, together, rounds, evaluations, residual, refinement, .. } = plan;
        Self { latency, together, rounds, evaluations, residual, refinement, executed: 0 }
    }
}
