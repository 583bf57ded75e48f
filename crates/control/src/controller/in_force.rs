//! The plan that commands come from.

use std::time::Duration;

use ndarray::ArrayView2;

use crate::PlanCost;

/// The newest plan that has arrived, and what it took.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct InForce<'a> {
    /// When the observation was taken that it answers: the loop's time.
    pub observed: Duration,
    /// Its actions in raw units, `[n, action_dim]`, the first for the time of that observation.
    pub actions: ArrayView2<'a, f64>,
    /// Of these, how many are meant to be executed.
    pub intended: usize,
    /// What it took. `executed` is 0: it is known when the next plan is there.
    pub cost: PlanCost,
}
