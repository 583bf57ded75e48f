//! Labels, and the statistics of every cluster.

use libm::lgamma;
use rayon::prelude::*;

use crate::component::Component;
use crate::points::{BLOCK, Points};

/// Blocks whose statistics one thread adds up. Fixed, so that sums are rounded alike on any number of threads.
const BLOCKS_TOGETHER: usize = 16;

#[derive(Debug)]
pub(crate) struct State<'a, C> {
    pub component: &'a C,
    pub points: &'a Points,
    /// `[n]`
    pub labels: Vec<u32>,
    /// `[K, statistics]`
    pub statistics: Vec<f64>,
}

impl<C: Component> State<'_, C> {
    /// Statistics of a cluster.
    pub fn of(&self, cluster: usize) -> &[f64] {
        let len = self.component.statistics_len();
        &self.statistics[cluster * len..][..len]
    }

    pub fn of_mut(&mut self, cluster: usize) -> &mut [f64] {
        let len = self.component.statistics_len();
        &mut self.statistics[cluster * len..][..len]
    }

    /// `K`
    pub fn clusters(&self) -> usize {
        self.statistics.len() / self.component.statistics_len()
    }

    /// `N_k`
    pub fn size(&self, cluster: usize) -> f64 {
        self.of(cluster)[0]
    }

    /// Adds up the statistics of all clusters anew.
    pub fn recount(&mut self, clusters: usize) {
        self.statistics = tally(self.component, self.points, &self.labels, clusters);
    }

    /// Closes the gaps that clusters without points have left. Returns which clusters there were.
    pub fn compact(&mut self) -> Vec<bool> {
        let clusters = self.clusters();
        let present: Vec<bool> = (0..clusters).map(|cluster| self.size(cluster) > 0.0).collect();
        if present.iter().all(|present| *present) {
            return present;
        }
        let len = self.component.statistics_len();
        let mut numbers = vec![0; clusters];
        let mut kept = Vec::with_capacity(self.statistics.len());
        for (number, statistics) in numbers.iter_mut().zip(self.statistics.chunks_exact(len)) {
            *number = (kept.len() / len) as u32;
            if statistics[0] > 0.0 {
                kept.extend_from_slice(statistics);
            }
        }
        self.statistics = kept;
        self.labels.iter_mut().for_each(|label| *label = numbers[*label as usize]);
        present
    }

    /// Points of a cluster, or of two, ascending.
    pub fn members(&self, one: u32, other: u32) -> Vec<u32> {
        let labelled = self.labels.iter().zip(0..);
        labelled.filter(|(label, _)| **label == one || **label == other).map(|(_, point)| point).collect()
    }
}

/// Statistics of every cluster, `[K, statistics]`.
pub(crate) fn tally<C: Component>(component: &C, points: &Points, labels: &[u32], clusters: usize) -> Vec<f64> {
    let len = component.statistics_len();
    let together = BLOCKS_TOGETHER * BLOCK;
    let parts: Vec<Vec<f64>> = labels
        .par_chunks(together)
        .enumerate()
        .map(|(part, labels)| {
            let mut sums = vec![0.0; clusters * len];
            let mut point = vec![0.0; points.dim()];
            for (block, labels) in labels.chunks(BLOCK).enumerate() {
                let block = points.block(part * BLOCKS_TOGETHER + block);
                for (i, &label) in labels.iter().enumerate() {
                    block.copy(i, &mut point);
                    component.add(&mut sums[label as usize * len..][..len], &point, 1.0);
                }
            }
            sums
        })
        .collect();
    let mut total = vec![0.0; clusters * len];
    for part in parts {
        total.iter_mut().zip(&part).for_each(|(total, part)| *total += part);
    }
    total
}

/// log(Γ(N) ml(I)): what a cluster adds to the log posterior of a partition, but for log α.
pub(crate) fn log_weight<C: Component>(component: &C, statistics: &[f64]) -> f64 {
    lgamma(statistics[0]) + component.log_marginal(statistics)
}
