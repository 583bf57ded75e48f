//! Restricted Gibbs sampling with weights and parameters, all points of all groups at once (Teh et al. 2006, direct assignment):
//!
//! ```text
//! m_jk | β, z  =  Σ_{t < n_jk} Bernoulli(α β_k / (α β_k + t))           tables
//! β | m  ~  Dir(m_.1, …, m_.K, γ)
//! π_j | β, z  ~  Dir(α β_1 + n_j1, …, α β_K + n_jK, α β_{K+1})
//! θ_k | z from its posterior;     z_ji ∝ π_jk f(x_ji; θ_k), k ≤ K
//! ```
//!
//! with the guard of [the mixture's](crate::Mixture): the last point of a cluster, over all groups, stays.

use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::counts::Grouped;
use crate::component::Component;
use crate::points::BLOCK;
use crate::random::{Purpose, generator, log_dirichlet, uniform};

impl<C: Component> Grouped<'_, C> {
    /// m_jk summed over each group, `[J]`, and over each cluster, `[K]`.
    pub fn draw_tables(&self, alpha: f64, seed: u64, iteration: u64) -> (Vec<f64>, Vec<f64>) {
        let clusters = self.clusters();
        let of_group = |group: usize| {
            let mut random = generator(seed, iteration, Purpose::Tables(group));
            let of_cluster = |cluster: usize| {
                let mass = alpha * self.beta[cluster];
                let customers = self.count(group, cluster) as u64;
                (0..customers).filter(|t| uniform(&mut random) * (mass + *t as f64) < mass).count() as f64
            };
            (0..clusters).map(of_cluster).collect::<Vec<_>>()
        };
        let tables: Vec<Vec<f64>> = (0..self.groups.count()).into_par_iter().map(of_group).collect();
        let groups = tables.iter().map(|tables| tables.iter().sum()).collect();
        let clusters = (0..clusters).map(|cluster| tables.iter().map(|tables| tables[cluster]).sum()).collect();
        (groups, clusters)
    }

    /// β | m.
    pub fn draw_beta(&mut self, tables: &[f64], gamma: f64, serial: &mut ChaCha8Rng) {
        let mut weights: Vec<f64> = tables.iter().copied().chain([gamma]).collect();
        log_dirichlet(serial, &mut weights);
        let mut weights = weights.iter().map(|weight| weight.exp().max(f64::MIN_POSITIVE));
        self.beta = weights.clone().take(tables.len()).collect();
        self.rest = weights.next_back().unwrap_or(1.0);
    }

    /// The labels, and what follows from them.
    pub fn guarded_gibbs(&mut self, alpha: f64, serial: &mut ChaCha8Rng, seed: u64, iteration: u64) {
        let clusters = self.clusters();
        if clusters == 0 {
            return;
        }
        let weights = self.draw_weights(alpha, serial);
        let state = &mut self.state;
        let component = state.component;
        let parameters: Vec<_> = (0..clusters).map(|cluster| component.draw(state.of(cluster), serial)).collect();
        let groups = self.groups.of_points();
        state.move_to_candidates(|room, index, block, labels| {
            let mut random = generator(seed, iteration, Purpose::Labels(index));
            let groups = &groups[index * BLOCK..];
            let weigh = |k: usize, logs: &mut [f64]| {
                logs.iter_mut().zip(groups).for_each(|(log, group)| *log += weights[*group as usize * clusters + k]);
            };
            room.draw(component, &parameters, weigh, block, &mut random, labels);
        });
        self.recount();
    }

    /// log π_jk, `[J, K]`.
    pub fn draw_weights(&self, alpha: f64, serial: &mut ChaCha8Rng) -> Vec<f64> {
        let clusters = self.clusters();
        let mut weights = Vec::with_capacity(self.counts.len());
        for group in 0..self.groups.count() {
            let masses = (0..clusters).map(|cluster| alpha * self.beta[cluster] + self.count(group, cluster));
            let mut of_group: Vec<f64> = masses.chain([alpha * self.rest]).collect();
            log_dirichlet(serial, &mut of_group);
            weights.extend_from_slice(&of_group[..clusters]);
        }
        weights
    }
}
