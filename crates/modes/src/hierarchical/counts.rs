//! What is known of groups and clusters beside the labels.

use libm::lgamma;

use super::Groups;
use crate::component::Component;
use crate::state::State;

/// Labels, β, and how many points of each group are in each cluster.
#[derive(Debug)]
pub(super) struct Grouped<'a, C> {
    pub state: State<'a, C>,
    pub groups: &'a Groups,
    /// β_1, …, β_K, `[K]`.
    pub beta: Vec<f64>,
    /// β_{K+1}.
    pub rest: f64,
    /// n_jk, `[J, K]`.
    pub counts: Vec<f64>,
}

impl<C: Component> Grouped<'_, C> {
    pub fn clusters(&self) -> usize {
        self.beta.len()
    }

    /// n_jk.
    pub fn count(&self, group: usize, cluster: usize) -> f64 {
        self.counts[group * self.clusters() + cluster]
    }

    /// Counts anew.
    pub fn recount(&mut self) {
        let clusters = self.clusters();
        self.counts = vec![0.0; self.groups.count() * clusters];
        for (group, label) in self.groups.of_points().iter().zip(&self.state.labels) {
            self.counts[*group as usize * clusters + *label as usize] += 1.0;
        }
    }

    /// Closes the gaps that clusters without points have left. Their β are to be given to the rest before.
    pub fn compact(&mut self) {
        let present = self.state.compact();
        if present.iter().all(|present| *present) {
            return;
        }
        let kept = |values: &[f64]| -> Vec<f64> {
            values.iter().zip(&present).filter(|(_, present)| **present).map(|(value, _)| *value).collect()
        };
        self.counts = self.counts.chunks(present.len()).flat_map(kept).collect();
        self.beta = kept(&self.beta);
    }
}

/// log Γ(α β + n) / Γ(α β): what a group's points add to log p(β, z) in a cluster.
pub(super) fn log_rising(mass: f64, count: f64) -> f64 {
    if count == 0.0 { 0.0 } else { lgamma(mass + count) - lgamma(mass) }
}
