//! Where a chain on many points begins: a partition of high probability, soon.
//!
//! From one cluster of a million points an exact chain takes long to the first split that it keeps. Before anything is counted any way up will do.
//! In an iteration every point is moved as in a chain, and every cluster is divided from a launch state ([`crate::launch`]): in the first six iterations in any case,
//! since many clusters together look like one Gaussian, of which no half is more probable than the whole. From then on clusters are joined
//! where that is more probable, and divided likewise:
//!
//! ```text
//! merge if  Γ(N) ml(I) > α Γ(N_a) Γ(N_b) ml(a) ml(b),     split if less
//! ```

use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::Mixture;
use crate::component::Component;
use crate::error::ModesError;
use crate::launch::{Launch, Proposal, anchors};
use crate::partition::Partition;
use crate::points::Points;
use crate::random::{Purpose, generator, log_dirichlet};
use crate::state::{State, log_weight};

/// Iterations in which every cluster is divided: to 64 clusters.
const FORCED: u64 = 6;

/// A split that may be made.
struct Split {
    anchors: [usize; 2],
    set: Vec<u32>,
    proposal: Proposal,
    /// log of what it makes the partition more probable by.
    gain: f64,
}

impl<C: Component> Mixture<C> {
    /// A partition of high probability, from one cluster: for the start of a chain ([`Start::At`](crate::Start::At)). It is **no draw** from
    /// the posterior. A learnt concentration is its prior's mean here. Twenty iterations are enough for tens of clusters.
    ///
    /// # Errors
    ///
    /// As [`chain`](Self::chain).
    pub fn climb(&self, points: &Points, iterations: usize, seed: u64) -> Result<Partition, ModesError> {
        self.component().check(points)?;
        let alpha = self.concentration.initial()?;
        let mut state =
            State { component: self.component(), points, labels: vec![0; points.len()], statistics: Vec::new() };
        state.recount(usize::from(!points.is_empty()));
        for iteration in 0..iterations as u64 {
            let mut serial = generator(seed, iteration, Purpose::Serial);
            state.guarded_gibbs(alpha, &mut serial, seed, iteration);
            if iteration < FORCED {
                state.split_all(alpha, seed, iteration, f64::NEG_INFINITY);
            } else {
                state.merge_all(alpha);
                state.split_all(alpha, seed, iteration, 0.0);
            }
        }
        Ok(Partition::new(&state.labels))
    }
}

impl<C: Component> State<'_, C> {
    /// Divides every cluster, if the gain is more than `least`.
    fn split_all(&mut self, alpha: f64, seed: u64, iteration: u64, least: f64) {
        let mut members = vec![Vec::new(); self.clusters()];
        self.labels.iter().zip(0..).for_each(|(label, point)| members[*label as usize].push(point));
        let splits: Vec<Option<Split>> = members
            .into_par_iter()
            .enumerate()
            .map(|(cluster, members)| self.split_of(cluster, members, alpha, (seed, iteration)))
            .collect();
        for (cluster, split) in (0..).zip(splits) {
            if let Some(split) = split.filter(|split| split.gain > least) {
                self.split(cluster, split.anchors[1], &split.set, &split.proposal);
            }
        }
    }

    fn split_of(&self, cluster: usize, members: Vec<u32>, alpha: f64, (seed, iteration): (u64, u64)) -> Option<Split> {
        if members.len() < 2 {
            return None;
        }
        // A stream that no label of a block has.
        let mut random = generator(seed, iteration, Purpose::Launch { number: 1 + cluster, part: u32::MAX as usize });
        let anchors = anchors(members.len(), &mut random).map(|place| members[place] as usize);
        let mut set = members;
        set.retain(|&point| !anchors.contains(&(point as usize)));
        let launch = Launch { component: self.component, points: self.points, groups: None, anchors, set };
        let weigh = |counts: &[[f64; 2]], random: &mut ChaCha8Rng| {
            let mut weights = counts[0].map(|count| count + alpha / 2.0);
            log_dirichlet(random, &mut weights);
            vec![weights]
        };
        let sides = launch.run_from_nearer(weigh, &mut random);
        let proposal = launch.last_pass(&sides, None, (seed, iteration, 1 + cluster));
        let [a, b] = [0, 1].map(|side| log_weight(self.component, &proposal.statistics[side]));
        let gain = alpha.ln() + a + b - log_weight(self.component, self.of(cluster));
        Some(Split { anchors, set: launch.set, proposal, gain })
    }

    /// Joins clusters that are more probable as one.
    fn merge_all(&mut self, alpha: f64) {
        let clusters = self.clusters();
        let weights: Vec<f64> = (0..clusters).map(|cluster| log_weight(self.component, self.of(cluster))).collect();
        let mut joined = vec![false; clusters];
        let mut numbers: Vec<u32> = (0..clusters as u32).collect();
        for a in 0..clusters {
            for b in a + 1..clusters {
                if joined[a] || joined[b] {
                    continue;
                }
                let whole: Vec<f64> = self.of(a).iter().zip(self.of(b)).map(|(a, b)| a + b).collect();
                if log_weight(self.component, &whole) > alpha.ln() + weights[a] + weights[b] {
                    self.of_mut(a).copy_from_slice(&whole);
                    self.of_mut(b).fill(0.0);
                    numbers[b] = a as u32;
                    // One that has grown is looked at in the next iteration.
                    (joined[a], joined[b]) = (true, true);
                }
            }
        }
        self.labels.iter_mut().for_each(|label| *label = numbers[*label as usize]);
        self.compact();
    }
}
