//! Split and merge of a Dirichlet process mixture from launch states ([`crate::launch`]):
//!
//! ```text
//! i ≠ j uniform;  S = the points of the cluster of i and of that of j
//! H = α Γ(N_a) Γ(N_b) ml(a) ml(b) / (Γ(N) ml(S) q(ẑ))
//! one cluster:  propose ẑ ~ q, accept with min(1, H)        two:  propose the merge, accept with min(1, 1/H)
//! ```

use rand_chacha::ChaCha8Rng;

use crate::component::Component;
use crate::launch::{Launch, Proposal, anchors};
use crate::random::{log_dirichlet, uniform};
use crate::state::{State, log_weight};

/// A split or a merge, and how it compares with what is there.
pub(crate) struct Move {
    anchors: [usize; 2],
    set: Vec<u32>,
    proposal: Proposal,
    whole: Vec<f64>,
    /// log of a uniform number: the move is made if it is less than that of the ratio.
    threshold: f64,
    /// log H of a split, −log H of a merge.
    pub log_ratio: f64,
    /// log q of a split, −log q of a merge: a part of `log_ratio` with the other sign.
    #[cfg(test)]
    pub log_q: f64,
}

impl<C: Component> State<'_, C> {
    /// One move. `number` is its own in the iteration.
    pub fn launch_move(&mut self, alpha: f64, serial: &mut ChaCha8Rng, seed: u64, iteration: u64, number: usize) {
        if let Some(proposed) = self.propose(alpha, serial, (seed, iteration, number)) {
            let ratio = proposed.log_ratio;
            self.accept_with(ratio, proposed);
        }
    }

    /// −log H of a merge, were q 1. It is less than that, so that a merge whose ratio would have to be larger is refused before q is known:
    /// the decision is the same.
    fn most_of_merge(&self, alpha: f64, one: u32, other: u32) -> f64 {
        let [a, b] = [one, other].map(|cluster| self.of(cluster as usize));
        let whole: Vec<f64> = a.iter().zip(b).map(|(a, b)| a + b).collect();
        let [a, b, whole] = [a, b, &whole].map(|sums| log_weight(self.component, sums));
        // What rounding may make of sums in another order.
        whole - alpha.ln() - a - b + 1e-6 * (1.0 + whole.abs())
    }

    /// Proposes a move, if there are two points, and it is not refused at once.
    pub fn propose(&self, alpha: f64, serial: &mut ChaCha8Rng, stream: (u64, u64, usize)) -> Option<Move> {
        if self.labels.len() < 2 {
            return None;
        }
        let anchors = anchors(self.labels.len(), serial);
        let [one, other] = anchors.map(|point| self.labels[point]);
        let threshold = uniform(serial).ln();
        if one != other && threshold >= self.most_of_merge(alpha, one, other) {
            return None;
        }
        let set = self.others_of(anchors);
        let launch = Launch { component: self.component, points: self.points, groups: None, anchors, set };
        let weigh = |counts: &[[f64; 2]], serial: &mut ChaCha8Rng| {
            let mut weights = counts[0].map(|count| count + alpha / 2.0);
            log_dirichlet(serial, &mut weights);
            vec![weights]
        };
        let sides = launch.run(1, weigh, serial);
        let split = one == other;
        let present = |point: u32| u8::from(self.labels[point as usize] == other);
        let present: Option<&(dyn Fn(u32) -> u8 + Sync)> = if split { None } else { Some(&present) };
        let proposal = launch.last_pass(&sides, present, stream);
        let whole = proposal.whole();
        let weight = |sums: &[f64]| log_weight(self.component, sums);
        let [a, b] = [0, 1].map(|side| weight(&proposal.statistics[side]));
        let sign = if split { 1.0 } else { -1.0 };
        let log_ratio = sign * (alpha.ln() + a + b - weight(&whole) - proposal.log_q);
        Some(Move {
            anchors,
            set: launch.set,
            whole,
            log_ratio,
            threshold,
            #[cfg(test)]
            log_q: sign * proposal.log_q,
            proposal,
        })
    }

    /// Makes the move with probability min(1, exp(`log_ratio`)).
    pub fn accept_with(&mut self, log_ratio: f64, proposed: Move) {
        if proposed.threshold >= log_ratio {
            return;
        }
        let [one, other] = proposed.anchors.map(|point| self.labels[point]);
        if one == other {
            self.split(one, proposed.anchors[1], &proposed.set, &proposed.proposal);
        } else {
            self.merge(one, other, &proposed.whole);
            self.compact();
        }
    }

    /// The points of the clusters of two points, without them.
    pub fn others_of(&self, anchors: [usize; 2]) -> Vec<u32> {
        let [one, other] = anchors.map(|point| self.labels[point]);
        let mut set = self.members(one, other);
        set.retain(|&point| !anchors.contains(&(point as usize)));
        set
    }

    /// Gives side 1 and `anchor` a cluster of their own, the last.
    pub fn split(&mut self, cluster: u32, anchor: usize, set: &[u32], proposal: &Proposal) {
        let new = self.clusters() as u32;
        for (&point, &side) in set.iter().zip(&proposal.sides) {
            if side == 1 {
                self.labels[point as usize] = new;
            }
        }
        self.labels[anchor] = new;
        self.of_mut(cluster as usize).copy_from_slice(&proposal.statistics[0]);
        self.statistics.extend_from_slice(&proposal.statistics[1]);
    }

    /// Moves all points of `other` to `one`, whose statistics become `whole`; leaves a gap.
    pub fn merge(&mut self, one: u32, other: u32, whole: &[f64]) {
        self.labels.iter_mut().filter(|label| **label == other).for_each(|label| *label = one);
        self.of_mut(one as usize).copy_from_slice(whole);
        self.of_mut(other as usize).fill(0.0);
    }
}
