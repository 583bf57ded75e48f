//! The sampler of Chang & Fisher (2013) to the letter: "Parallel Sampling of DP Mixture Models using Sub-Cluster Splits".
//!
//! **Biased.** Two parts of it do not have the posterior as their stationary distribution: in the restricted Gibbs step a cluster may
//! die and nothing brings it back, and the deterministic split has no reverse move that is ever accepted.
//!
//! Each cluster is divided in two sub-clusters, by labels, weights and parameters of their own (equation numbers are those of Chang's
//! thesis, MIT 2014, chapter 5):
//!
//! ```text
//! (π_1, …, π_K, π̃) ~ Dir(N_1, …, N_K, α)        θ_k | z                                 (T5.2, T5.3)
//! π̄_k ~ Dir(N_kl + α/2, N_kr + α/2)              θ̄_kh | z, z̄                             (T5.18, T5.19)
//! z_i ∝ π_k f(x_i; θ_k)                           z̄_i ∝ π̄_h f(x_i; θ̄_h)                   (T5.4, T5.20)
//! ```
//!
//! Then every cluster whose sub-clusters have burned in is split into them with min(1, H):
//!
//! ```text
//! H = q · α Γ(N_l) Γ(N_r) ml(l) ml(r) / (Γ(N_k) ml(k)),      q = 2⌊K/2⌋ / (K−1) for K > 1, else 1     (T5.28)
//! ```
//!
//! and, once in a hundred iterations, at random; in every iteration random pairs are merged (T5.7 to T5.10):
//!
//! ```text
//! H = Γ(N) ml(I) / (α Γ(N_a) Γ(N_b) ml(a) ml(b)) · Γ(α) / Γ(α + N) · Γ(α/2 + N_a) Γ(α/2 + N_b) / Γ(α/2)² · 1/100
//! ```

use libm::lgamma;
use rand_chacha::ChaCha8Rng;

use crate::component::Component;
use crate::random::{below, log_dirichlet, uniform};
use crate::state::{State, log_weight};

/// Random splits are tried once in so many iterations.
const RANDOM_SPLITS: u64 = 100;

/// The sub-clusters of every cluster.
#[derive(Debug, Default)]
pub(super) struct Subclusters {
    /// 0 or 1 of every point.
    sides: Vec<u8>,
    clusters: Vec<Burn>,
}

/// How far the sub-clusters of one cluster have come: they may be split once the likelihood under them has fallen.
#[derive(Clone, Copy, Debug)]
struct Burn {
    likelihood: f64,
    done: bool,
}

const FRESH: Burn = Burn { likelihood: f64::NEG_INFINITY, done: false };

impl Subclusters {
    /// One iteration.
    pub fn step<C: Component>(
        &mut self,
        state: &mut State<'_, C>,
        alpha: f64,
        serial: &mut ChaCha8Rng,
        seed: u64,
        iteration: u64,
    ) {
        if state.labels.is_empty() {
            return;
        }
        if self.sides.len() != state.labels.len() {
            self.sides = state.labels.iter().map(|_| u8::from(uniform(serial) < 0.5)).collect();
            self.clusters = vec![FRESH; state.clusters()];
        }
        self.gibbs(state, alpha, serial, seed, iteration);
        self.deterministic_splits(state, alpha, serial);
        if iteration.is_multiple_of(RANDOM_SPLITS) {
            self.random_splits(state, alpha, serial);
        }
        self.random_merges(state, alpha, serial);
    }

    /// The restricted Gibbs step, without the guard.
    fn gibbs<C: Component>(
        &mut self,
        state: &mut State<'_, C>,
        alpha: f64,
        serial: &mut ChaCha8Rng,
        seed: u64,
        iteration: u64,
    ) {
        let (weights, parameters) = state.draw_clusters(alpha, serial);
        let subs = self.draw_subs(state, alpha, serial);
        state.labels = state.draw_labels(&weights, &parameters, seed, iteration);
        let clusters = state.clusters();
        let mut point = vec![0.0; state.points.dim()];
        let mut likelihoods = vec![0.0; clusters];
        for (index, side) in self.sides.iter_mut().enumerate() {
            state.points.copy(index, &mut point);
            let cluster = state.labels[index] as usize;
            let (weights, parameters) = &subs[cluster];
            let logs = [0, 1].map(|h| state.component.log_density(&parameters[h], &point));
            let odds = weights[0] + logs[0] - weights[1] - logs[1];
            *side = u8::from(uniform(serial) >= 1.0 / (1.0 + (-odds).exp()));
            likelihoods[cluster] += logs[usize::from(*side)];
        }
        state.recount(clusters);
        for (burn, (likelihood, cluster)) in self.clusters.iter_mut().zip(likelihoods.iter().zip(0..)) {
            let mean = likelihood / state.size(cluster).max(1.0);
            burn.done |= mean < burn.likelihood;
            burn.likelihood = mean;
        }
        self.drop_empty(state);
    }

    fn drop_empty<C: Component>(&mut self, state: &mut State<'_, C>) {
        let mut cluster = 0;
        self.clusters.retain(|_| {
            cluster += 1;
            state.size(cluster - 1) > 0.0
        });
        state.compact();
    }

    /// Log weights and parameters of the sub-clusters of every cluster.
    fn draw_subs<C: Component>(
        &mut self,
        state: &State<'_, C>,
        alpha: f64,
        serial: &mut ChaCha8Rng,
    ) -> Vec<([f64; 2], [C::Parameters; 2])> {
        let mut sums = self.tally(state);
        for cluster in 0..state.clusters() {
            if sums[cluster].iter().any(|side| side[0] == 0.0) {
                self.redraw(state, cluster, serial);
                sums = self.tally(state);
            }
        }
        let draw = |[left, right]: &[Vec<f64>; 2]| {
            let mut weights = [left[0] + alpha / 2.0, right[0] + alpha / 2.0];
            log_dirichlet(serial, &mut weights);
            (weights, [state.component.draw(left, serial), state.component.draw(right, serial)])
        };
        sums.iter().map(draw).collect()
    }

    /// Draws the sub-labels of a cluster anew, each side as likely.
    fn redraw<C: Component>(&mut self, state: &State<'_, C>, cluster: usize, serial: &mut ChaCha8Rng) {
        let labelled = self.sides.iter_mut().zip(&state.labels);
        labelled
            .filter(|(_, label)| **label as usize == cluster)
            .for_each(|(side, _)| *side = u8::from(uniform(serial) < 0.5));
    }

    /// Statistics of both sides of every cluster.
    fn tally<C: Component>(&self, state: &State<'_, C>) -> Vec<[Vec<f64>; 2]> {
        let empty = || vec![0.0; state.component.statistics_len()];
        let mut sums: Vec<_> = (0..state.clusters()).map(|_| [empty(), empty()]).collect();
        let mut point = vec![0.0; state.points.dim()];
        for (index, &side) in self.sides.iter().enumerate() {
            state.points.copy(index, &mut point);
            state.component.add(&mut sums[state.labels[index] as usize][usize::from(side)], &point, 1.0);
        }
        sums
    }

    fn deterministic_splits<C: Component>(&mut self, state: &mut State<'_, C>, alpha: f64, serial: &mut ChaCha8Rng) {
        let sums = self.tally(state);
        let clusters = sums.len();
        let q = if clusters > 1 { 2.0 * (clusters / 2) as f64 / (clusters - 1) as f64 } else { 1.0 };
        for (cluster, [left, right]) in sums.into_iter().enumerate() {
            if !self.clusters[cluster].done || left[0] == 0.0 || right[0] == 0.0 {
                continue;
            }
            let log_h = q.ln() + log_split(state, cluster, alpha, [&left, &right]);
            if uniform(serial).ln() < log_h {
                self.split(state, cluster, [left, right], serial);
            }
        }
    }

    /// Divides a cluster into its sides, and begins with new sub-clusters of both.
    fn split<C: Component>(
        &mut self,
        state: &mut State<'_, C>,
        cluster: usize,
        [left, right]: [Vec<f64>; 2],
        serial: &mut ChaCha8Rng,
    ) {
        let new = state.clusters();
        for (label, side) in state.labels.iter_mut().zip(&self.sides) {
            if *label as usize == cluster && *side == 1 {
                *label = new as u32;
            }
        }
        state.of_mut(cluster).copy_from_slice(&left);
        state.statistics.extend_from_slice(&right);
        self.clusters[cluster] = FRESH;
        self.clusters.push(FRESH);
        [cluster, new].into_iter().for_each(|cluster| self.redraw(state, cluster, serial));
    }

    fn random_splits<C: Component>(&mut self, state: &mut State<'_, C>, alpha: f64, serial: &mut ChaCha8Rng) {
        for cluster in 0..state.clusters() {
            let mut weights = [alpha / 2.0; 2];
            log_dirichlet(serial, &mut weights);
            let kept = self.sides.clone();
            let labelled = self.sides.iter_mut().zip(&state.labels).filter(|(_, label)| **label as usize == cluster);
            labelled.for_each(|(side, _)| *side = u8::from(uniform(serial) >= weights[0].exp()));
            let [left, right] = self.tally(state).swap_remove(cluster);
            let proposed = left[0] > 0.0 && right[0] > 0.0 && {
                let log_q = log_dirichlet_categorical(alpha, left[0], right[0]);
                let log_h = log_split(state, cluster, alpha, [&left, &right]) - log_q + (RANDOM_SPLITS as f64).ln();
                uniform(serial).ln() < log_h
            };
            if proposed {
                self.split(state, cluster, [left, right], serial);
            } else {
                self.sides = kept;
            }
        }
    }

    /// All disjoint neighbours of a random permutation of the clusters.
    fn random_merges<C: Component>(&mut self, state: &mut State<'_, C>, alpha: f64, serial: &mut ChaCha8Rng) {
        let mut order: Vec<usize> = (0..state.clusters()).collect();
        for place in 0..order.len() {
            let other = place + below(serial, order.len() - place);
            order.swap(place, other);
        }
        for pair in order.chunks_exact(2) {
            let (a, b) = (state.of(pair[0]).to_vec(), state.of(pair[1]).to_vec());
            let whole: Vec<f64> = a.iter().zip(&b).map(|(a, b)| a + b).collect();
            let [one, other, both] = [&a, &b, &whole].map(|sum| log_weight(state.component, sum));
            let log_q = log_dirichlet_categorical(alpha, a[0], b[0]);
            let log_h = both - one - other - alpha.ln() + log_q - (RANDOM_SPLITS as f64).ln();
            if uniform(serial).ln() < log_h {
                let [one, other] = [pair[0] as u32, pair[1] as u32];
                for (label, side) in state.labels.iter_mut().zip(&mut self.sides) {
                    // What is merged is what the sub-clusters are.
                    if *label == one || *label == other {
                        *side = u8::from(*label == other);
                        *label = one;
                    }
                }
                state.of_mut(pair[0]).copy_from_slice(&whole);
                state.of_mut(pair[1]).fill(0.0);
                self.clusters[pair[0]] = FRESH;
            }
        }
        self.drop_empty(state);
    }
}

/// log of α Γ(N_a) Γ(N_b) ml(a) ml(b) / (Γ(N) ml(I)).
fn log_split<C: Component>(state: &State<'_, C>, cluster: usize, alpha: f64, sides: [&Vec<f64>; 2]) -> f64 {
    let [a, b] = sides.map(|sums| log_weight(state.component, sums));
    alpha.ln() + a + b - log_weight(state.component, state.of(cluster))
}

/// The log probability of labels of two sides under DirCat(α/2, α/2).
fn log_dirichlet_categorical(alpha: f64, a: f64, b: f64) -> f64 {
    lgamma(alpha) - lgamma(alpha + a + b) + lgamma(alpha / 2.0 + a) + lgamma(alpha / 2.0 + b)
        - 2.0 * lgamma(alpha / 2.0)
}
