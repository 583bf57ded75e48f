//! Split and merge of (β, z) from launch states ([`crate::launch`]); weights, parameters and tables are drawn anew afterwards.
//!
//! With β_S that of the cluster, or the sum of both, and û the share of β_S that side a gets:
//!
//! ```text
//! launch: u ~ Beta(N_a, N_b),  w_j ~ Dir(α β_S u + n_ja, α β_S (1−u) + n_jb) in the place of π
//! û ~ Beta(a, b), a and b from the launch's counts;  a merge evaluates its density at β_a / (β_a + β_b)
//! H = γ / (û (1−û)) · 1 / Beta(û; a, b) · 1 / q(ẑ) · ml(a) ml(b) / ml(S)
//!     · Π_j Γ(α β_a + n_ja) Γ(α β_b + n_jb) Γ(α β_S) / (Γ(α β_a) Γ(α β_b) Γ(α β_S + n_j))
//! ```
//!
//! β_S / (β_a β_b) is from p(β, z), β_S the Jacobian of (β_a, β_b) in (β_S, û): together 1/(û (1−û)).

use libm::lgamma;
use rand_chacha::ChaCha8Rng;

use super::counts::{Grouped, log_rising};
use crate::component::Component;
use crate::launch::{Launch, Proposal, anchors};
use crate::random::{beta, log_dirichlet, uniform};

/// Keeps a share away from 0 and 1, where its density cannot be computed.
const LEAST: f64 = 1e-12;

/// A split or a merge, and how it compares with what is there.
pub(super) struct Move {
    anchors: [usize; 2],
    set: Vec<u32>,
    proposal: Proposal,
    whole: Vec<f64>,
    /// β_S, and the share of it that side a has.
    mass: f64,
    share: f64,
    /// log H of a split, −log H of a merge.
    pub log_ratio: f64,
    /// log q of a split, −log q of a merge: a part of `log_ratio` with the other sign.
    #[cfg(test)]
    pub log_q: f64,
}

impl<C: Component> Grouped<'_, C> {
    /// One move. `number` is its own in the iteration.
    pub fn launch_move(
        &mut self,
        concentrations: [f64; 2],
        serial: &mut ChaCha8Rng,
        seed: u64,
        iteration: u64,
        number: usize,
    ) {
        if let Some(proposed) = self.propose(concentrations, serial, (seed, iteration, number)) {
            let ratio = proposed.log_ratio;
            self.accept_with(ratio, proposed, serial);
        }
    }

    /// Proposes a move, if there are two points.
    pub(super) fn propose(
        &self,
        [alpha, gamma]: [f64; 2],
        serial: &mut ChaCha8Rng,
        stream: (u64, u64, usize),
    ) -> Option<Move> {
        if self.state.labels.len() < 2 {
            return None;
        }
        let anchors = anchors(self.state.labels.len(), serial);
        let [one, other] = anchors.map(|point| self.state.labels[point]);
        let split = one == other;
        let mass = if split { self.beta[one as usize] } else { self.beta[one as usize] + self.beta[other as usize] };
        let groups = Some(self.groups.of_points());
        let set = self.state.others_of(anchors);
        let launch = Launch { component: self.state.component, points: self.state.points, groups, anchors, set };
        let weigh = |counts: &[[f64; 2]], serial: &mut ChaCha8Rng| weights(counts, alpha * mass, serial);
        let sides = launch.run(self.groups.count(), weigh, serial);
        let present = |point: u32| u8::from(self.state.labels[point as usize] == other);
        let present: Option<&(dyn Fn(u32) -> u8 + Sync)> = if split { None } else { Some(&present) };
        let proposal = launch.last_pass(&sides, present, stream);

        let shape = sides.counts.map(|count| (1.0 + count) / 2.0);
        let share = if split { beta(serial, shape[0], shape[1]) } else { self.beta[one as usize] / mass };
        let share = share.clamp(LEAST, 1.0 - LEAST);
        let mut counts = vec![[0.0; 2]; self.groups.count()];
        for (side, anchor) in anchors.into_iter().enumerate() {
            counts[launch.group(anchor as u32)][side] += 1.0;
        }
        for (&point, &side) in launch.set.iter().zip(&proposal.sides) {
            counts[launch.group(point)][usize::from(side)] += 1.0;
        }
        let log_p = self.log_split(&proposal.statistics, &counts, [alpha * mass, share]) + gamma.ln();
        let sign = if split { 1.0 } else { -1.0 };
        let log_ratio = sign * (log_p - log_beta_density(share, shape) - proposal.log_q);
        Some(Move {
            anchors,
            set: launch.set,
            whole: proposal.whole(),
            mass,
            share,
            log_ratio,
            #[cfg(test)]
            log_q: sign * proposal.log_q,
            proposal,
        })
    }

    /// log of how much more probable two sides are than one, with the Jacobian of û, but for γ and for what proposes them. `statistics` and `counts`, of
    /// every group, are of the sides; `mass` is α β_S.
    pub(super) fn log_split(&self, statistics: &[Vec<f64>; 2], counts: &[[f64; 2]], [mass, share]: [f64; 2]) -> f64 {
        let marginal = |sums: &[f64]| self.state.component.log_marginal(sums);
        let whole: Vec<f64> = statistics[0].iter().zip(&statistics[1]).map(|(a, b)| a + b).collect();
        let [a, b] = [0, 1].map(|side| marginal(&statistics[side]));
        let masses = [mass * share, mass * (1.0 - share)];
        let of_group =
            |[a, b]: &[f64; 2]| log_rising(masses[0], *a) + log_rising(masses[1], *b) - log_rising(mass, a + b);
        a + b - marginal(&whole) - share.ln() - (1.0 - share).ln() + counts.iter().map(of_group).sum::<f64>()
    }

    /// Makes the move with probability min(1, exp(`log_ratio`)).
    pub(super) fn accept_with(&mut self, log_ratio: f64, proposed: Move, serial: &mut ChaCha8Rng) {
        if uniform(serial).ln() >= log_ratio {
            return;
        }
        let [one, other] = proposed.anchors.map(|point| self.state.labels[point]);
        let Move { mass, share, .. } = proposed;
        if one == other {
            self.state.split(one, proposed.anchors[1], &proposed.set, &proposed.proposal);
            self.beta[one as usize] = mass * share;
            self.beta.push(mass * (1.0 - share));
            self.recount();
        } else {
            self.state.merge(one, other, &proposed.whole);
            self.beta[one as usize] = mass;
            self.beta[other as usize] = 0.0;
            self.recount();
            self.compact();
        }
    }
}

/// Log weights of the sides in each group.
fn weights(counts: &[[f64; 2]], mass: f64, serial: &mut ChaCha8Rng) -> Vec<[f64; 2]> {
    let [a, b] = [0, 1].map(|side| counts.iter().map(|count| count[side]).sum());
    let share = beta(serial, a, b).clamp(LEAST, 1.0 - LEAST);
    let of_group = |[a, b]: &[f64; 2]| {
        if a + b == 0.0 {
            return [0.5_f64.ln(); 2];
        }
        let mut weights = [mass * share + a, mass * (1.0 - share) + b];
        log_dirichlet(serial, &mut weights);
        weights
    };
    counts.iter().map(of_group).collect()
}

/// The log density of Beta(a, b) at x.
fn log_beta_density(x: f64, [a, b]: [f64; 2]) -> f64 {
    lgamma(a + b) - lgamma(a) - lgamma(b) + (a - 1.0) * x.ln() + (b - 1.0) * (1.0 - x).ln()
}
