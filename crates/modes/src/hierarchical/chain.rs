//! The Markov chain.

use rand_chacha::ChaCha8Rng;

use super::{Groups, Hierarchical, counts::Grouped};
use crate::component::Component;
use crate::concentration::Concentration;
use crate::draw::Draw;
use crate::error::ModesError;
use crate::launch::MOVES;
use crate::mixture::{COLLAPSED, Start};
use crate::partition::Partition;
use crate::points::Points;
use crate::random::{Purpose, below, beta, generator, log_gamma_variate, uniform};
use crate::state::State;

/// A Markov chain of partitions of the points of all groups, as an iterator: it does not end.
#[derive(Debug)]
pub struct HierarchicalChain<'a, C: Component> {
    model: &'a Hierarchical<C>,
    pub(super) grouped: Grouped<'a, C>,
    alpha: f64,
    gamma: f64,
    tables: f64,
    pub(super) seed: u64,
    pub(super) iteration: u64,
}

impl<'a, C: Component> HierarchicalChain<'a, C> {
    pub(super) fn new(
        model: &'a Hierarchical<C>,
        points: &'a Points,
        groups: &'a Groups,
        start: &Start,
        seed: u64,
    ) -> Result<Self, ModesError> {
        let start = start.labels(points.len())?;
        let [alpha, gamma] = [model.alpha.initial()?, model.gamma.initial()?];
        let labels = start.labels().to_vec();
        let mut state = State { component: &model.component, points, labels, statistics: Vec::new() };
        state.recount(start.clusters());
        let share = 1.0 / (start.clusters() as f64 + 1.0);
        let beta = vec![share; start.clusters()];
        let mut grouped = Grouped { state, groups, beta, rest: share, counts: Vec::new() };
        grouped.recount();
        Ok(Self { model, grouped, alpha, gamma, tables: 0.0, seed, iteration: 0 })
    }

    /// Goes on from these weights of the clusters and of the rest, concentrations (γ, α), and iteration.
    #[cfg(test)]
    pub(crate) fn at(mut self, beta: Vec<f64>, [gamma, alpha]: [f64; 2], iteration: u64) -> Self {
        self.grouped.rest = 1.0 - beta.iter().sum::<f64>();
        self.grouped.beta = beta;
        Self { gamma, alpha, iteration, ..self }
    }

    /// γ and α, which change where they are learnt.
    pub fn concentrations(&self) -> [f64; 2] {
        [self.gamma, self.alpha]
    }

    /// Weights of the clusters, β_1 to β_K, as they are.
    pub fn weights(&self) -> &[f64] {
        &self.grouped.beta
    }

    /// Tables of all groups, m, in the last iteration.
    pub fn tables(&self) -> usize {
        self.tables as usize
    }

    /// The partition as it is.
    pub fn current(&self) -> Partition {
        Partition::new(&self.grouped.state.labels)
    }

    /// The partition as it is, with weights of every group and parameters drawn from their distribution given it.
    pub fn draw(&self) -> Draw<C::Parameters> {
        let mut random = generator(self.seed, self.iteration, Purpose::Report);
        let (grouped, clusters) = (&self.grouped, self.grouped.clusters());
        let weights = grouped.draw_weights(self.alpha, &mut random);
        let weights = weights.chunks(clusters.max(1)).map(<[f64]>::to_vec).collect();
        let of = |cluster| grouped.state.component.draw(grouped.state.of(cluster), &mut random);
        Draw { labels: grouped.state.labels.clone(), weights, parameters: (0..clusters).map(of).collect() }
    }

    /// Draws the next partition.
    pub fn step(&mut self) {
        let (mut serial, concentrations) = self.begin();
        let (seed, iteration, points) = (self.seed, self.iteration, self.grouped.state.labels.len());
        let grouped = &mut self.grouped;
        grouped.guarded_gibbs(self.alpha, &mut serial, seed, iteration);
        (0..MOVES).for_each(|number| grouped.launch_move(concentrations, &mut serial, seed, iteration, number));
        if points <= COLLAPSED {
            grouped.collapsed_steps(concentrations, &mut serial, 0..points);
        } else {
            let chosen: Vec<_> = (0..COLLAPSED).map(|_| below(&mut serial, points)).collect();
            grouped.collapsed_steps(concentrations, &mut serial, chosen.into_iter());
        }
        self.iteration += 1;
    }

    /// What an iteration begins with: tables, then the concentrations given them alone, α and γ, then β.
    pub(super) fn begin(&mut self) -> (ChaCha8Rng, [f64; 2]) {
        let mut serial = generator(self.seed, self.iteration, Purpose::Serial);
        let grouped = &mut self.grouped;
        let (of_groups, of_clusters) = grouped.draw_tables(self.alpha, self.seed, self.iteration);
        self.tables = of_groups.iter().sum();
        let clusters = of_clusters.len() as f64;
        self.gamma = self.model.gamma.next(&mut serial, self.gamma, self.tables, clusters);
        self.alpha = next_alpha(self.model.alpha, &mut serial, self.alpha, grouped, self.tables);
        grouped.draw_beta(&of_clusters, self.gamma, &mut serial);
        (serial, [self.alpha, self.gamma])
    }
}

impl<C: Component> Iterator for HierarchicalChain<'_, C> {
    type Item = Partition;

    fn next(&mut self) -> Option<Partition> {
        self.step();
        Some(self.current())
    }
}

/// α given the tables (Teh et al. 2006, appendix):
///
/// ```text
/// w_j ~ Beta(α + 1, n_j),  s_j ~ Bernoulli(n_j / (n_j + α)),  α ~ Gamma(a + m − Σ s_j, b − Σ log w_j)
/// ```
fn next_alpha<C: Component>(
    prior: Concentration,
    serial: &mut ChaCha8Rng,
    alpha: f64,
    grouped: &Grouped<'_, C>,
    tables: f64,
) -> f64 {
    let Concentration::Learnt { shape, rate } = prior else { return alpha };
    let (mut shape, mut rate) = (shape + tables, rate);
    for points in grouped.counts.chunks(grouped.clusters().max(1)).map(|counts| counts.iter().sum::<f64>()) {
        if points > 0.0 {
            rate -= beta(serial, alpha + 1.0, points).ln();
            shape -= f64::from(u8::from(uniform(serial) * (points + alpha) < points));
        }
    }
    (log_gamma_variate(serial, shape).exp() / rate).max(f64::MIN_POSITIVE)
}
