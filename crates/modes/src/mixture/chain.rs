//! The Markov chain.

use super::{Mixture, Strategy, subclusters::Subclusters};
use crate::component::Component;
use crate::draw::Draw;
use crate::error::ModesError;
use crate::launch::MOVES;
use crate::partition::Partition;
use crate::points::Points;
use crate::random::{Purpose, below, generator};
use crate::state::State;

/// Points that take a collapsed step in an iteration, at most.
pub(crate) const COLLAPSED: usize = 512;

/// Where a chain begins.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Start {
    /// All points in one cluster.
    #[default]
    One,
    /// Every point alone.
    Singletons,
    /// A partition.
    At(Partition),
}

impl Start {
    pub(crate) fn labels(&self, points: usize) -> Result<Partition, ModesError> {
        Ok(match self {
            Self::One => Partition::new(&vec![0; points]),
            Self::Singletons => Partition::new(&(0..points as u32).collect::<Vec<_>>()),
            Self::At(partition) if partition.labels().len() == points => partition.clone(),
            Self::At(partition) => {
                let found = partition.labels().len();
                return Err(ModesError::Shape { field: "start", what: "points", expected: points, found });
            }
        })
    }
}

/// A Markov chain of partitions, as an iterator: it does not end.
#[derive(Debug)]
pub struct Chain<'a, C: Component> {
    mixture: &'a Mixture<C>,
    state: State<'a, C>,
    strategy: Strategy,
    subclusters: Subclusters,
    alpha: f64,
    seed: u64,
    iteration: u64,
}

impl<'a, C: Component> Chain<'a, C> {
    pub(super) fn new(
        mixture: &'a Mixture<C>,
        points: &'a Points,
        strategy: Strategy,
        start: &Start,
        seed: u64,
    ) -> Result<Self, ModesError> {
        let start = start.labels(points.len())?;
        let alpha = mixture.concentration.initial()?;
        let labels = start.labels().to_vec();
        let mut state = State { component: &mixture.component, points, labels, statistics: Vec::new() };
        state.recount(start.clusters());
        let subclusters = Subclusters::default();
        Ok(Self { mixture, state, strategy, subclusters, alpha, seed, iteration: 0 })
    }

    /// Goes on from this concentration and iteration.
    #[cfg(test)]
    pub(crate) fn at(self, alpha: f64, iteration: u64) -> Self {
        Self { alpha, iteration, ..self }
    }

    /// α, which changes where it is learnt.
    pub fn concentration(&self) -> f64 {
        self.alpha
    }

    /// Draws the next partition.
    pub fn step(&mut self) {
        let mut serial = generator(self.seed, self.iteration, Purpose::Serial);
        let (alpha, seed, iteration) = (self.alpha, self.seed, self.iteration);
        let points = self.state.labels.len();
        let state = &mut self.state;
        match self.strategy {
            Strategy::Launch => {
                state.guarded_gibbs(alpha, &mut serial, seed, iteration);
                (0..MOVES).for_each(|number| state.launch_move(alpha, &mut serial, seed, iteration, number));
                if points <= COLLAPSED {
                    state.collapsed_steps(alpha, &mut serial, 0..points);
                } else {
                    let chosen: Vec<_> = (0..COLLAPSED).map(|_| below(&mut serial, points)).collect();
                    state.collapsed_steps(alpha, &mut serial, chosen.into_iter());
                }
            }
            Strategy::Collapsed => {
                // Sums that points were taken from and added to drift.
                state.recount(state.clusters());
                state.collapsed_steps(alpha, &mut serial, 0..points);
            }
            Strategy::Subclusters => self.subclusters.step(state, alpha, &mut serial, seed, iteration),
        }
        let clusters = self.state.clusters() as f64;
        self.alpha = self.mixture.concentration.next(&mut serial, alpha, points as f64, clusters);
        self.iteration += 1;
    }

    /// The partition as it is.
    pub fn current(&self) -> Partition {
        Partition::new(&self.state.labels)
    }

    /// The partition as it is, with weights and parameters drawn from their distribution given it.
    pub fn draw(&self) -> Draw<C::Parameters> {
        let mut random = generator(self.seed, self.iteration, Purpose::Report);
        let (weights, parameters) = self.state.draw_clusters(self.alpha, &mut random);
        Draw { labels: self.state.labels.clone(), weights: vec![weights], parameters }
    }
}

impl<C: Component> Iterator for Chain<'_, C> {
    type Item = Partition;

    fn next(&mut self) -> Option<Partition> {
        self.step();
        Some(self.current())
    }
}
