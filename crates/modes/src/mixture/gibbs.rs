//! Restricted Gibbs sampling: labels given weights and parameters, all points at once.
//!
//! ```text
//! π | z ~ Dir(N_1, …, N_K, α)      θ_k | z from its posterior      z_i ∝ π_k f(x_i; θ_k), k ≤ K
//! ```
//!
//! No cluster is opened. As published (Chang & Fisher 2013, eq. 17 to 19) a cluster may die, and nothing brings it back: then the
//! posterior is not what is drawn from. **The guard**: the last point of a cluster does not leave it. Points are taken in order,
//! with running counts, which is the systematic Gibbs scan of p(z | π, θ) restricted to partitions with K clusters: that of z_i is
//! the one above unless i is alone, and then it stays.

use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::component::Component;
use crate::labels::Room;
use crate::points::BLOCK;
use crate::random::{Purpose, generator, log_dirichlet};
use crate::state::State;

/// Adds a log weight, of a cluster, to those of points.
fn weigh(weight: f64, logs: &mut [f64]) {
    logs.iter_mut().for_each(|log| *log += weight);
}

impl<C: Component> State<'_, C> {
    /// log π and θ, given the labels.
    pub fn draw_clusters(&self, alpha: f64, serial: &mut ChaCha8Rng) -> (Vec<f64>, Vec<C::Parameters>) {
        let clusters = self.clusters();
        let mut weights: Vec<f64> = (0..clusters).map(|cluster| self.size(cluster)).chain([alpha]).collect();
        log_dirichlet(serial, &mut weights);
        weights.pop();
        let parameters = (0..clusters).map(|cluster| self.component.draw(self.of(cluster), serial)).collect();
        (weights, parameters)
    }

    /// z | π, θ of every point.
    pub fn draw_labels(&self, weights: &[f64], parameters: &[C::Parameters], seed: u64, iteration: u64) -> Vec<u32> {
        let mut labels = vec![0; self.labels.len()];
        labels.par_chunks_mut(BLOCK).enumerate().for_each_init(Room::default, |room, (index, labels)| {
            let mut random = generator(seed, iteration, Purpose::Labels(index));
            let block = self.points.block(index);
            room.draw(self.component, parameters, |k, logs| weigh(weights[k], logs), block, &mut random, labels);
        });
        labels
    }

    /// One iteration, with the guard.
    pub fn guarded_gibbs(&mut self, alpha: f64, serial: &mut ChaCha8Rng, seed: u64, iteration: u64) {
        if self.labels.is_empty() {
            return;
        }
        let (weights, parameters) = self.draw_clusters(alpha, serial);
        let component = self.component;
        self.move_to_candidates(|room, index, block, labels| {
            let mut random = generator(seed, iteration, Purpose::Labels(index));
            room.draw(component, &parameters, |k, logs| weigh(weights[k], logs), block, &mut random, labels);
        });
    }
}
