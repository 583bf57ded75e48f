//! Collapsed Gibbs sampling (Neal 2000, algorithm 3): weights and parameters are integrated out.
//!
//! ```text
//! P(z_i = k) ∝ N_k ml(I_k ∪ i) / ml(I_k)      of the clusters without point i
//! P(z_i = new) ∝ α ml(i)
//! ```

use rand_chacha::ChaCha8Rng;

use crate::component::Component;
use crate::random::categorical;
use crate::state::State;

impl<C: Component> State<'_, C> {
    /// A step for each of `chosen`, in order.
    pub fn collapsed_steps(&mut self, alpha: f64, serial: &mut ChaCha8Rng, chosen: impl Iterator<Item = usize>) {
        let len = self.component.statistics_len();
        let mut point = vec![0.0; self.points.dim()];
        let mut marginals: Vec<f64> =
            (0..self.clusters()).map(|cluster| self.component.log_marginal(self.of(cluster))).collect();
        // Of the clusters with the point, and of a new one.
        let (mut weights, mut with_point, mut sums) = (Vec::new(), Vec::new(), vec![0.0; len]);
        for index in chosen {
            self.points.copy(index, &mut point);
            let component = self.component;
            let from = self.labels[index] as usize;
            component.add(self.of_mut(from), &point, -1.0);
            if self.size(from) == 0.0 {
                // What rounding has left.
                self.of_mut(from).fill(0.0);
            }
            marginals[from] = component.log_marginal(self.of(from));
            weights.clear();
            with_point.clear();
            for cluster in 0..self.clusters() {
                sums.copy_from_slice(self.of(cluster));
                component.add(&mut sums, &point, 1.0);
                let size = self.size(cluster);
                with_point.push(component.log_marginal(&sums));
                // An empty place: none of them is a cluster.
                let weight = size.ln() + with_point[cluster] - marginals[cluster];
                weights.push(if size > 0.0 { weight } else { f64::NEG_INFINITY });
            }
            sums.fill(0.0);
            component.add(&mut sums, &point, 1.0);
            with_point.push(component.log_marginal(&sums));
            weights.push(alpha.ln() + with_point[self.clusters()]);
            let drawn = categorical(serial, &weights);
            let to = if drawn < self.clusters() { drawn } else { self.open(&mut marginals) };
            component.add(self.of_mut(to), &point, 1.0);
            marginals[to] = with_point[drawn];
            self.labels[index] = to as u32;
        }
        self.compact();
    }

    /// A place for a cluster.
    fn open(&mut self, marginals: &mut Vec<f64>) -> usize {
        let empty = (0..self.clusters()).find(|cluster| self.size(*cluster) == 0.0);
        empty.unwrap_or_else(|| {
            self.statistics.resize(self.statistics.len() + self.component.statistics_len(), 0.0);
            marginals.push(0.0);
            self.clusters() - 1
        })
    }
}
