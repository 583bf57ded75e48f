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
use crate::launch::{Launch, anchors};
use crate::random::{beta, log_dirichlet, uniform};

/// Keeps a share away from 0 and 1, where its density cannot be computed.
const LEAST: f64 = 1e-12;

impl<C: Component> Grouped<'_, C> {
    /// One move. `number` is its own in the iteration.
    pub fn launch_move(
        &mut self,
        [alpha, gamma]: [f64; 2],
        serial: &mut ChaCha8Rng,
        seed: u64,
        iteration: u64,
        number: usize,
    ) {
        if self.state.labels.len() < 2 {
            return;
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
        let proposal = launch.last_pass(&sides, present, (seed, iteration, number));

        let shape = sides.counts.map(|count| (1.0 + count) / 2.0);
        let share = if split { beta(serial, shape[0], shape[1]) } else { self.beta[one as usize] / mass };
        let share = share.clamp(LEAST, 1.0 - LEAST);
        let whole = proposal.whole();
        let marginal = |sums: &[f64]| self.state.component.log_marginal(sums);
        let [a, b] = [0, 1].map(|side| marginal(&proposal.statistics[side]));
        let mut counts = vec![[0.0; 2]; self.groups.count()];
        for (side, anchor) in anchors.into_iter().enumerate() {
            counts[launch.group(anchor as u32)][side] += 1.0;
        }
        for (&point, &side) in launch.set.iter().zip(&proposal.sides) {
            counts[launch.group(point)][usize::from(side)] += 1.0;
        }
        let masses = [alpha * mass * share, alpha * mass * (1.0 - share)];
        let groups: f64 = counts
            .iter()
            .map(|[a, b]| log_rising(masses[0], *a) + log_rising(masses[1], *b) - log_rising(alpha * mass, a + b))
            .sum();
        let log_h =
            gamma.ln() - share.ln() - (1.0 - share).ln() - log_beta_density(share, shape) - proposal.log_q + a + b
                - marginal(&whole)
                + groups;
        if uniform(serial).ln() >= if split { log_h } else { -log_h } {
            return;
        }
        let set = launch.set;
        if split {
            self.state.split(one, anchors[1], &set, &proposal);
            self.beta[one as usize] = mass * share;
            self.beta.push(mass * (1.0 - share));
            self.recount();
        } else {
            self.state.merge(one, other, &whole);
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
