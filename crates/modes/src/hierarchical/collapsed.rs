//! Collapsed steps with β (Teh et al. 2006):
//!
//! ```text
//! P(z_ji = k) ∝ (n_jk + α β_k) ml(I_k ∪ x) / ml(I_k)       of the clusters without the point
//! P(z_ji = new) ∝ α β_{K+1} ml(x);     then b ~ Beta(1, γ), β_new = b β_{K+1}, and (1−b) β_{K+1} is left
//! ```
//!
//! A cluster that loses its last point gives its β back to the rest.

use rand_chacha::ChaCha8Rng;

use super::counts::Grouped;
use crate::component::Component;
use crate::random::{beta, categorical};

impl<C: Component> Grouped<'_, C> {
    /// A step for each of `chosen`, in order.
    pub fn collapsed_steps(
        &mut self,
        [alpha, gamma]: [f64; 2],
        serial: &mut ChaCha8Rng,
        chosen: impl Iterator<Item = usize>,
    ) {
        let component = self.state.component;
        let mut point = vec![0.0; self.state.points.dim()];
        let mut sums = vec![0.0; component.statistics_len()];
        let mut marginals: Vec<f64> =
            (0..self.clusters()).map(|cluster| component.log_marginal(self.state.of(cluster))).collect();
        let (mut weights, mut with_point) = (Vec::new(), Vec::new());
        for index in chosen {
            self.state.points.copy(index, &mut point);
            let group = self.groups.of_points()[index] as usize;
            let from = self.state.labels[index] as usize;
            let clusters = self.clusters();
            self.counts[group * clusters + from] -= 1.0;
            component.add(self.state.of_mut(from), &point, -1.0);
            if self.state.size(from) == 0.0 {
                self.state.of_mut(from).fill(0.0);
                self.rest += std::mem::take(&mut self.beta[from]);
            }
            marginals[from] = component.log_marginal(self.state.of(from));
            weights.clear();
            with_point.clear();
            for cluster in 0..clusters {
                sums.copy_from_slice(self.state.of(cluster));
                component.add(&mut sums, &point, 1.0);
                with_point.push(component.log_marginal(&sums));
                // An empty place: none of them is a cluster.
                let mass = self.count(group, cluster) + alpha * self.beta[cluster];
                let present = self.state.size(cluster) > 0.0;
                let weight = mass.ln() + with_point[cluster] - marginals[cluster];
                weights.push(if present { weight } else { f64::NEG_INFINITY });
            }
            sums.fill(0.0);
            component.add(&mut sums, &point, 1.0);
            with_point.push(component.log_marginal(&sums));
            weights.push((alpha * self.rest).ln() + with_point[clusters]);
            let drawn = categorical(serial, &weights);
            let to = if drawn < clusters { drawn } else { self.open(gamma, serial) };
            marginals.resize(self.clusters(), 0.0);
            component.add(self.state.of_mut(to), &point, 1.0);
            let clusters = self.clusters();
            self.counts[group * clusters + to] += 1.0;
            marginals[to] = with_point[drawn];
            self.state.labels[index] = to as u32;
        }
        self.compact();
    }

    /// A place for a cluster, with its share of the rest.
    pub(super) fn open(&mut self, gamma: f64, serial: &mut ChaCha8Rng) -> usize {
        let share = beta(serial, 1.0, gamma).clamp(1e-300, 1.0 - f64::EPSILON);
        let mass = share * self.rest;
        self.rest -= mass;
        let empty = (0..self.clusters()).find(|cluster| self.state.size(*cluster) == 0.0);
        if let Some(cluster) = empty {
            self.beta[cluster] = mass;
            return cluster;
        }
        let clusters = self.clusters();
        let widened = |counts: &[f64]| counts.iter().copied().chain([0.0]).collect::<Vec<_>>();
        self.counts = match clusters {
            0 => vec![0.0; self.groups.count()],
            _ => self.counts.chunks(clusters).flat_map(widened).collect(),
        };
        let len = self.state.statistics.len() + self.state.component.statistics_len();
        self.state.statistics.resize(len, 0.0);
        self.beta.push(mass);
        clusters
    }
}
