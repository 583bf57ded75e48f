//! Modes of many drawn mixtures: how many there are, which points are of which, and what they weigh.
//!
//! Components of each draw are joined to modes ([`modes`](crate::modes())), so that each draw divides the points into modes. The
//! estimate is the draw of least expected Binder loss ([`Posterior::binder`]). The weight of one of its modes in a draw is
//!
//! ```text
//! w_m = Σ_k π_k · (share of the points of component k that are of mode m)
//! ```
//!
//! so its interval has both what is not known of the weights, as points are few, and of which points belong together.

use ndarray::ArrayView2;

use crate::component::GaussianParameters;
use crate::draw::Draw;
use crate::error::ModesError;
use crate::modes::modes;
use crate::partition::Partition;
use crate::posterior::Posterior;

/// A point by itself is rare, however few there are.
const SINGLE: f64 = 2.0;

/// The weight of a mode in a group.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weight {
    /// Its mean.
    pub mean: f64,
    /// Its 95 % credible interval.
    pub interval: [f64; 2],
}

/// A mode of the estimate.
#[derive(Clone, Debug, PartialEq)]
pub struct Mode {
    /// Its weight in every group, `[J]`.
    pub weights: Vec<Weight>,
    /// Its points, ascending.
    pub members: Vec<usize>,
    /// The probability that it is a mode of its own, and not joined with another that is listed.
    pub apart: f64,
    /// Whether it has fewer points, in each group, than the share under which a mode is rare, or but one.
    pub rare: bool,
}

/// Modes of many draws.
#[derive(Clone, Debug, PartialEq)]
pub struct ModeSummary {
    /// P(number of modes that are not rare), at its index.
    pub numbers: Vec<f64>,
    /// P(number of modes, rare ones included), at its index.
    pub all_numbers: Vec<f64>,
    /// P(number of components), at its index.
    pub components: Vec<f64>,
    /// The modes of the estimate; those with most points first.
    pub modes: Vec<Mode>,
    /// The mode of every point, `[n]`.
    pub labels: Vec<usize>,
}

impl ModeSummary {
    /// Of the points at `indices` in `draws`, whose groups are `groups`, `[n]`, of all points. Components are joined in the mean of the densities
    /// of the groups in `of`. A mode with a smaller share than `rare` of the points in every group, or with but one, is rare.
    pub(crate) fn new(
        draws: &[Draw<GaussianParameters>],
        indices: &[usize],
        groups: &[u32],
        of: &[usize],
        rare: f64,
    ) -> Result<Self, ModesError> {
        let sizes: Vec<f64> = of.iter().map(|group| count(indices, groups, *group)).collect();
        let seen: Vec<Seen> = draws.iter().map(|draw| Seen::new(draw, indices, of)).collect();
        let partitions = seen.iter().map(|seen| {
            let modes: Vec<u32> =
                seen.components.labels().iter().map(|label| seen.modes[*label as usize] as u32).collect();
            Partition::new(&modes)
        });
        let posterior = Posterior::new(partitions)?;
        let estimate = &posterior.partitions()[posterior.binder()];
        let is_rare = |members: &[usize]| {
            of.iter().zip(&sizes).all(|(group, size)| count(members, groups, *group) < (rare * size).max(SINGLE))
        };
        let members = members_by_size(estimate);
        let global = |members: &[usize]| -> Vec<usize> { members.iter().map(|place| indices[*place]).collect() };
        let mut labels = vec![0; indices.len()];
        for (mode, members) in members.iter().enumerate() {
            members.iter().for_each(|place| labels[*place] = mode);
        }
        let apart = apart(&posterior, &members);
        let weights = weights(&seen, &labels, members.len(), of.len());
        let modes = members.iter().zip(apart).zip(weights).map(|((places, apart), weights)| Mode {
            weights,
            members: global(places),
            apart,
            rare: is_rare(&global(places)),
        });
        let modes: Vec<Mode> = modes.collect();
        let common = |partition: &Partition| {
            members_by_size(partition).iter().filter(|members| !is_rare(&global(members))).count()
        };
        let numbers = histogram(posterior.partitions().iter().map(common));
        let components = histogram(seen.iter().map(|seen| seen.components.clusters()));
        Ok(Self { numbers, all_numbers: posterior.numbers(), components, modes, labels })
    }

    /// The number of modes that is most probable, rare ones not counted.
    pub fn number(&self) -> usize {
        let numbers = self.numbers.iter().enumerate().rev();
        numbers.max_by(|(_, a), (_, b)| a.total_cmp(b)).map_or(0, |(number, _)| number)
    }
}

/// A draw, as far as it is about some of the points.
struct Seen {
    /// Components that these points have.
    components: Partition,
    /// The mode of each.
    modes: Vec<usize>,
    /// Weights of them in each group, `[J, K]`; they add up to 1.
    weights: Vec<Vec<f64>>,
}

impl Seen {
    fn new(draw: &Draw<GaussianParameters>, indices: &[usize], of: &[usize]) -> Self {
        let labels: Vec<u32> = indices.iter().map(|index| draw.labels[*index]).collect();
        let components = Partition::new(&labels);
        // The component of each number of the partition.
        let mut numbers = vec![0; components.clusters()];
        components.labels().iter().zip(&labels).for_each(|(new, old)| numbers[*new as usize] = *old as usize);
        let weights: Vec<Vec<f64>> = of.iter().map(|group| normalized(&draw.weights[*group], &numbers)).collect();
        let joint: Vec<f64> = (0..numbers.len())
            .map(|k| (weights.iter().map(|weights| weights[k]).sum::<f64>() / of.len() as f64).ln())
            .collect();
        let parameters: Vec<GaussianParameters> =
            numbers.iter().map(|number| draw.parameters[*number].clone()).collect();
        Self { modes: modes(&joint, &parameters), components, weights }
    }
}

/// Weights of the components `numbers`, of their logarithms, so that they add up to 1.
fn normalized(logs: &[f64], numbers: &[usize]) -> Vec<f64> {
    let top = numbers.iter().map(|number| logs[*number]).fold(f64::NEG_INFINITY, f64::max);
    let weights: Vec<f64> = numbers.iter().map(|number| (logs[*number] - top).exp()).collect();
    let total: f64 = weights.iter().sum();
    weights.iter().map(|weight| weight / total).collect()
}

fn count(indices: &[usize], groups: &[u32], group: usize) -> f64 {
    indices.iter().filter(|index| groups[**index] as usize == group).count() as f64
}

/// Places of the points of each cluster; large clusters first.
fn members_by_size(partition: &Partition) -> Vec<Vec<usize>> {
    let mut members = vec![Vec::new(); partition.clusters()];
    partition.labels().iter().enumerate().for_each(|(place, label)| members[*label as usize].push(place));
    members.sort_by_key(|members| std::cmp::Reverse(members.len()));
    members
}

/// The share of draws in which more of a mode's pairs of points with every other mode's are apart than together.
fn apart(posterior: &Posterior, members: &[Vec<usize>]) -> Vec<f64> {
    let draws = posterior.partitions().len() as f64;
    let mut apart = vec![0.0; members.len()];
    for partition in posterior.partitions() {
        // What most points of each mode are in this draw.
        let main: Vec<u32> = members.iter().map(|places| most_common(places, partition)).collect();
        for (mode, apart) in apart.iter_mut().enumerate() {
            let alone = main.iter().enumerate().all(|(other, label)| other == mode || *label != main[mode]);
            *apart += if alone { 1.0 / draws } else { 0.0 };
        }
    }
    apart
}

fn most_common(places: &[usize], partition: &Partition) -> u32 {
    let mut counts = vec![0; partition.clusters()];
    places.iter().for_each(|place| counts[partition.labels()[*place] as usize] += 1);
    let best = counts.iter().enumerate().rev().max_by_key(|(_, count)| **count);
    best.map_or(0, |(label, _)| label as u32)
}

/// Weights of the estimate's modes in every group, `[M, J]`.
fn weights(seen: &[Seen], labels: &[usize], modes: usize, groups: usize) -> Vec<Vec<Weight>> {
    // [M, J, draws]
    let mut drawn = vec![vec![Vec::with_capacity(seen.len()); groups]; modes];
    for seen in seen {
        let clusters = seen.components.clusters();
        let mut shares = vec![0.0; clusters * modes];
        for (component, mode) in seen.components.labels().iter().zip(labels) {
            shares[*component as usize * modes + mode] += 1.0;
        }
        let sizes = seen.components.sizes();
        for (mode, drawn) in drawn.iter_mut().enumerate() {
            for (drawn, weights) in drawn.iter_mut().zip(&seen.weights) {
                let of = |k: usize| weights[k] * shares[k * modes + mode] / sizes[k] as f64;
                drawn.push((0..clusters).map(of).sum::<f64>());
            }
        }
    }
    drawn.into_iter().map(|groups| groups.into_iter().map(weight).collect()).collect()
}

/// Mean, and quantiles 2.5 % and 97.5 %.
fn weight(mut drawn: Vec<f64>) -> Weight {
    drawn.sort_by(f64::total_cmp);
    let at = |share: f64| drawn[(share * (drawn.len() - 1) as f64).round() as usize];
    Weight { mean: drawn.iter().sum::<f64>() / drawn.len() as f64, interval: [at(0.025), at(0.975)] }
}

/// Shares of the numbers, at their index.
fn histogram(numbers: impl Iterator<Item = usize> + Clone) -> Vec<f64> {
    let (mut shares, total) = (Vec::new(), numbers.clone().count() as f64);
    for number in numbers {
        if shares.len() <= number {
            shares.resize(number + 1, 0.0);
        }
        shares[number] += 1.0 / total;
    }
    shares
}

/// Which of `members` is nearest to all of them: rows of `points`, `[n, D]`. 0 if there are none.
pub fn medoid(points: ArrayView2<'_, f64>, members: &[usize]) -> usize {
    let distance = |a: usize, b: usize| {
        points.row(a).iter().zip(points.row(b)).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt()
    };
    let total = |candidate: &usize| members.iter().map(|other| distance(*candidate, *other)).sum::<f64>();
    let totals = members.iter().map(|candidate| (*candidate, total(candidate)));
    totals.min_by(|(_, a), (_, b)| a.total_cmp(b)).map_or(0, |(candidate, _)| candidate)
}
