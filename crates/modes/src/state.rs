//! Labels, and the statistics of every cluster.

use libm::lgamma;
use rayon::prelude::*;

use crate::component::Component;
use crate::labels::{Room, move_guarded};
use crate::points::{BLOCK, Block, Points};

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

    /// Moves every point to the candidate that `draw` gives, a block at a time, but for the last points of clusters.
    pub fn move_to_candidates(&mut self, draw: impl Fn(&mut Room, usize, Block<'_>, &mut [u32]) + Sync) {
        let mut sizes: Vec<usize> = (0..self.clusters()).map(|cluster| self.size(cluster) as usize).collect();
        let (labels, statistics) = candidates(self, &sizes, draw);
        if let Some(statistics) = statistics {
            // No cluster loses as many points as it has: the guard has nothing to do.
            (self.labels, self.statistics) = (labels, statistics);
            return;
        }
        move_guarded(&mut self.labels, &labels, &mut sizes);
        self.recount(sizes.len());
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
    let parts = labels.par_chunks(BLOCKS_TOGETHER * BLOCK).enumerate().map(|(part, labels)| {
        let mut sums = vec![0.0; clusters * len];
        for (block, labels) in labels.chunks(BLOCK).enumerate() {
            component.add_block(&mut sums, points.block(part * BLOCKS_TOGETHER + block), labels);
        }
        sums
    });
    added(parts.collect(), clusters * len)
}

/// Candidates for all labels, `[n]`, by `draw` of a block; and the statistics of every cluster were all points moved to them, or none where a
/// cluster might lose its last point.
pub(crate) fn candidates<C: Component>(
    state: &State<'_, C>,
    sizes: &[usize],
    draw: impl Fn(&mut Room, usize, Block<'_>, &mut [u32]) + Sync,
) -> (Vec<u32>, Option<Vec<f64>>) {
    let (clusters, len) = (sizes.len(), state.component.statistics_len());
    let mut labels = vec![0; state.labels.len()];
    let together = BLOCKS_TOGETHER * BLOCK;
    let parts = labels.par_chunks_mut(together).zip(state.labels.par_chunks(together)).enumerate();
    let parts = parts.map_init(Room::default, |room, (part, (labels, before))| {
        let (mut sums, mut leavers) = (vec![0.0; clusters * len], vec![0; clusters]);
        for (block, (labels, before)) in labels.chunks_mut(BLOCK).zip(before.chunks(BLOCK)).enumerate() {
            let index = part * BLOCKS_TOGETHER + block;
            let block = state.points.block(index);
            draw(room, index, block, labels);
            state.component.add_block(&mut sums, block, labels);
            before.iter().zip(&*labels).for_each(|(from, to)| leavers[*from as usize] += usize::from(from != to));
        }
        (sums, leavers)
    });
    let (sums, leavers): (Vec<_>, Vec<_>) = parts.collect::<Vec<_>>().into_iter().unzip();
    let is_safe = sizes
        .iter()
        .enumerate()
        .all(|(cluster, size)| leavers.iter().map(|leavers| leavers[cluster]).sum::<usize>() < *size);
    (labels, is_safe.then(|| added(sums, clusters * len)))
}

/// Sums of parts, in their order.
fn added(parts: Vec<Vec<f64>>, len: usize) -> Vec<f64> {
    let mut total = vec![0.0; len];
    for part in parts {
        total.iter_mut().zip(&part).for_each(|(total, part)| *total += part);
    }
    total
}

/// log(Γ(N) ml(I)): what a cluster adds to the log posterior of a partition, but for log α.
pub(crate) fn log_weight<C: Component>(component: &C, statistics: &[f64]) -> f64 {
    lgamma(statistics[0]) + component.log_marginal(statistics)
}
