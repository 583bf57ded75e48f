//! Launch states (Jain & Neal 2004), with weights and parameters instead of collapsed steps: parallel over points.
//!
//! A split or a merge is about the points S of one cluster or of two, and two of them, the anchors i and j, one on each side.
//!
//! ```text
//! launch: (π, θ, θ') | i, j alone; t times labels of S \ {i, j} | (π, θ, θ'), (π, θ, θ') | labels
//! q(ẑ) = Π_{s in S \ {i, j}} π_{ẑ_s} f(x_s; θ_{ẑ_s}) / Σ_h π_h f(x_s; θ_h)
//! ```
//!
//! A split is proposed by ẑ ~ q; for a merge q is evaluated at the labels as they are. The anchors and the launch depend on S alone,
//! not on how it is labelled, and have the same distribution forwards and backwards: so they cancel. Large sets are launched from a
//! random part of them.

use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use crate::component::Component;
use crate::points::{BLOCK, Gathered, Points};
use crate::random::{Purpose, below, generator, log_sum_exp, uniform};

/// Points of a launch, but for the anchors.
const LAUNCHED: usize = 600;
/// Iterations of a launch, t.
const ITERATIONS: usize = 3;
/// Points whose last labels one thread draws.
const TOGETHER: usize = 4096;

/// The set that is split or merged.
pub(crate) struct Launch<'a, C> {
    pub component: &'a C,
    pub points: &'a Points,
    /// The group of every point; none where all are in one.
    pub groups: Option<&'a [u32]>,
    /// i, on side 0, and j, on side 1.
    pub anchors: [usize; 2],
    /// S \ {i, j}, ascending.
    pub set: Vec<u32>,
}

/// Two sides of a set.
pub(crate) struct Sides<P> {
    /// Log weights, a pair a group.
    weights: Vec<[f64; 2]>,
    parameters: [P; 2],
    /// Points that the launch has put on each side.
    pub counts: [f64; 2],
}

/// The labels of S \ {i, j}, and what they add up to with the anchors.
pub(crate) struct Proposal {
    /// 0 or 1 of each of the set.
    pub sides: Vec<u8>,
    pub log_q: f64,
    pub statistics: [Vec<f64>; 2],
}

/// The number of moves in an iteration is fixed: one that depended on the number of clusters would change what a chain draws from.
pub(crate) const MOVES: usize = 4;

/// Two different points.
pub(crate) fn anchors(points: usize, serial: &mut ChaCha8Rng) -> [usize; 2] {
    let i = below(serial, points);
    [i, (i + 1 + below(serial, points - 1)) % points]
}

impl<C: Component> Launch<'_, C> {
    /// Weights and parameters that depend on nothing of how the set is labelled. `weigh` draws log weights, given how many points
    /// of each group are on each side.
    pub fn run(
        &self,
        groups: usize,
        weigh: impl Fn(&[[f64; 2]], &mut ChaCha8Rng) -> Vec<[f64; 2]>,
        serial: &mut ChaCha8Rng,
    ) -> Sides<C::Parameters> {
        let launched = self.launched(serial);
        // At first of the anchors alone, which are likely to be different where the set should be two.
        let sides = self.given(groups, &[], &[], &weigh, serial);
        self.iterate(groups, &launched, sides, weigh, serial)
    }

    /// The same, begun with every point on the side of the anchor under which it is more probable: dearer, and hardly ever one-sided.
    pub fn run_from_nearer(
        &self,
        weigh: impl Fn(&[[f64; 2]], &mut ChaCha8Rng) -> Vec<[f64; 2]>,
        serial: &mut ChaCha8Rng,
    ) -> Sides<C::Parameters> {
        let launched = self.launched(serial);
        let anchors = self.statistics_of_anchors();
        let alone = [0, 1].map(|side| self.component.log_marginal(&anchors[side]));
        let (mut point, mut sums) = (vec![0.0; self.points.dim()], anchors[0].clone());
        let mut nearer = |index: &u32| {
            self.points.copy(*index as usize, &mut point);
            let [a, b] = [0, 1].map(|side| {
                sums.copy_from_slice(&anchors[side]);
                self.component.add(&mut sums, &point, 1.0);
                self.component.log_marginal(&sums) - alone[side]
            });
            u8::from(b > a)
        };
        let labels: Vec<u8> = launched.iter().map(&mut nearer).collect();
        let sides = self.given(1, &launched, &labels, &weigh, serial);
        self.iterate(1, &launched, sides, weigh, serial)
    }

    fn iterate(
        &self,
        groups: usize,
        launched: &[u32],
        mut sides: Sides<C::Parameters>,
        weigh: impl Fn(&[[f64; 2]], &mut ChaCha8Rng) -> Vec<[f64; 2]>,
        serial: &mut ChaCha8Rng,
    ) -> Sides<C::Parameters> {
        let mut labels = vec![0; launched.len()];
        let mut point = vec![0.0; self.points.dim()];
        for _ in 0..ITERATIONS {
            for (label, &index) in labels.iter_mut().zip(launched) {
                self.points.copy(index as usize, &mut point);
                let logs = sides.log_probability(self.component, self.group(index), &point);
                *label = u8::from(uniform(serial) < logs[1].exp());
            }
            sides = self.given(groups, launched, &labels, &weigh, serial);
        }
        sides
    }

    /// The set, or a random part of it.
    fn launched(&self, serial: &mut ChaCha8Rng) -> Vec<u32> {
        let mut launched = self.set.clone();
        if launched.len() > LAUNCHED {
            for place in 0..LAUNCHED {
                let other = place + below(serial, launched.len() - place);
                launched.swap(place, other);
            }
            launched.truncate(LAUNCHED);
        }
        launched
    }

    /// (π, θ, θ') | labels.
    fn given(
        &self,
        groups: usize,
        set: &[u32],
        labels: &[u8],
        weigh: impl Fn(&[[f64; 2]], &mut ChaCha8Rng) -> Vec<[f64; 2]>,
        serial: &mut ChaCha8Rng,
    ) -> Sides<C::Parameters> {
        let mut statistics = self.statistics_of_anchors();
        let mut counts = vec![[0.0; 2]; groups];
        for (side, anchor) in self.anchors.into_iter().enumerate() {
            counts[self.group(anchor as u32)][side] += 1.0;
        }
        let mut point = vec![0.0; self.points.dim()];
        for (&index, &label) in set.iter().zip(labels) {
            let side = usize::from(label);
            self.points.copy(index as usize, &mut point);
            self.component.add(&mut statistics[side], &point, 1.0);
            counts[self.group(index)][side] += 1.0;
        }
        let weights = weigh(&counts, serial);
        let parameters = [0, 1].map(|side| self.component.draw(&statistics[side], serial));
        Sides { weights, parameters, counts: [statistics[0][0], statistics[1][0]] }
    }

    /// Draws the labels of the set; or takes those of `present`, where there are any.
    pub fn last_pass(
        &self,
        sides: &Sides<C::Parameters>,
        present: Option<&(dyn Fn(u32) -> u8 + Sync)>,
        (seed, iteration, number): (u64, u64, usize),
    ) -> Proposal {
        let one_part = |(part, set): (usize, &[u32])| {
            let mut random = generator(seed, iteration, Purpose::Launch { number, part });
            let empty = || vec![0.0; self.component.statistics_len()];
            let mut proposal =
                Proposal { sides: Vec::with_capacity(set.len()), log_q: 0.0, statistics: [empty(), empty()] };
            let mut gathered = Gathered::new(self.points.dim());
            let mut both = [empty(), empty()].concat();
            let mut densities = [[0.0; BLOCK]; 2];
            let mut labels = Vec::with_capacity(BLOCK);
            for set in set.chunks(BLOCK) {
                let block = gathered.gather(self.points, set);
                for (densities, parameters) in densities.iter_mut().zip(&sides.parameters) {
                    self.component.log_densities(parameters, block, densities);
                }
                labels.clear();
                for (place, &index) in set.iter().enumerate() {
                    let weights = sides.weights[self.group(index)];
                    let odds = weights[1] + densities[1][place] - weights[0] - densities[0][place];
                    let drawn = || u32::from(uniform(&mut random) * (1.0 + (-odds).exp()) < 1.0);
                    let label = present.map_or_else(drawn, |present| u32::from(present(index)));
                    proposal.log_q -= log_one_more(if label == 1 { -odds } else { odds });
                    labels.push(label);
                }
                self.component.add_block(&mut both, block, &labels);
                proposal.sides.extend(labels.iter().map(|label| *label as u8));
            }
            let (zero, one) = both.split_at(both.len() / 2);
            proposal.statistics = [zero.to_vec(), one.to_vec()];
            proposal
        };
        let parts: Vec<Proposal> = self.set.par_chunks(TOGETHER).enumerate().map(one_part).collect();
        let statistics = self.statistics_of_anchors();
        let mut all = Proposal { sides: Vec::with_capacity(self.set.len()), log_q: 0.0, statistics };
        for part in parts {
            all.sides.extend(part.sides);
            all.log_q += part.log_q;
            for (total, part) in all.statistics.iter_mut().zip(&part.statistics) {
                total.iter_mut().zip(part).for_each(|(total, part)| *total += part);
            }
        }
        all
    }

    /// The group of a point.
    pub fn group(&self, point: u32) -> usize {
        self.groups.map_or(0, |groups| groups[point as usize] as usize)
    }

    fn statistics_of_anchors(&self) -> [Vec<f64>; 2] {
        let mut point = vec![0.0; self.points.dim()];
        self.anchors.map(|anchor| {
            let mut sums = vec![0.0; self.component.statistics_len()];
            self.points.copy(anchor, &mut point);
            self.component.add(&mut sums, &point, 1.0);
            sums
        })
    }
}

/// log(1 + eˣ); where x is not a number, of neither side being likelier.
fn log_one_more(x: f64) -> f64 {
    if x.is_nan() {
        return std::f64::consts::LN_2;
    }
    if x > 36.0 { x } else { x.exp().ln_1p() }
}

impl<P> Sides<P> {
    /// Log probabilities of the sides for a point.
    fn log_probability<C: Component<Parameters = P>>(&self, component: &C, group: usize, point: &[f64]) -> [f64; 2] {
        let weights = self.weights[group];
        let logs = [0, 1].map(|side| weights[side] + component.log_density(&self.parameters[side], point));
        let total = log_sum_exp(&logs);
        if total.is_finite() { logs.map(|log| log - total) } else { [0.5_f64.ln(); 2] }
    }
}

impl Proposal {
    /// Statistics of both sides together.
    pub fn whole(&self) -> Vec<f64> {
        self.statistics[0].iter().zip(&self.statistics[1]).map(|(a, b)| a + b).collect()
    }
}
