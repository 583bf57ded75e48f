//! Dirichlet process mixtures: a partition of points into clusters, whose number is not known.
//!
//! ```text
//! p(z | x)  ∝  α^K Π_k Γ(N_k) ml(I_k)
//! ```
//!
//! with I_k the points of cluster k, N_k their number and ml their marginal likelihood ([`Component::log_marginal`]).

mod chain;
mod climb;
mod collapsed;
mod gibbs;
mod launch;
#[cfg(test)]
mod negative_controls;
mod subclusters;

pub(crate) use self::chain::COLLAPSED;
pub use self::chain::{Chain, Start};
use crate::{Component, Concentration, ModesError, Points};

/// How partitions are drawn.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Strategy {
    /// Guarded restricted Gibbs sampling, split and merge by launch states, and collapsed steps: this project's, exact.
    Launch,
    /// The sampler of Chang & Fisher (2013), to the letter. **Biased**: its stationary distribution is not the posterior.
    Subclusters,
    /// Collapsed Gibbs sampling (Neal 2000, algorithm 3): the reference, exact, one point after the other.
    Collapsed,
}

/// A Dirichlet process mixture.
#[derive(Clone, Debug)]
pub struct Mixture<C> {
    component: C,
    concentration: Concentration,
}

impl<C: Component> Mixture<C> {
    /// A mixture of such components.
    ///
    /// # Errors
    ///
    /// [`ModesError`] if the concentration, or a parameter of its prior, is not positive and finite.
    pub fn new(component: C, concentration: Concentration) -> Result<Self, ModesError> {
        concentration.initial()?;
        Ok(Self { component, concentration })
    }

    /// The family of the components.
    pub fn component(&self) -> &C {
        &self.component
    }

    /// A Markov chain of partitions of `points`. What it draws depends on `seed` alone, not on the number of threads.
    ///
    /// # Errors
    ///
    /// [`ModesError`] if the points are none that the components can have, or `start` is a partition of others.
    pub fn chain<'a>(
        &'a self,
        points: &'a Points,
        strategy: Strategy,
        start: &Start,
        seed: u64,
    ) -> Result<Chain<'a, C>, ModesError> {
        self.component.check(points)?;
        Chain::new(self, points, strategy, start, seed)
    }
}
