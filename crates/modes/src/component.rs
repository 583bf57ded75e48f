//! Conjugate families of components: what a cluster's points are drawn from.

mod categorical;
mod diagonal;
mod gaussian;
mod multinomial;

use rand_chacha::ChaCha8Rng;

pub use self::{
    categorical::{Categorical, CategoricalParameters},
    diagonal::DiagonalGaussian,
    gaussian::{Gaussian, GaussianParameters},
    multinomial::Multinomial,
};
use crate::{
    error::ModesError,
    points::{Block, Points},
};

/// A family f(x; θ) with a conjugate prior f(θ; λ).
///
/// Sufficient statistics of a set of points are numbers that add up: those of two disjoint sets are the sums of theirs. The first
/// of them is the count.
pub trait Component: Send + Sync {
    /// θ, in the form in which densities are fast.
    type Parameters: Send + Sync;

    /// Numbers in a point, `D`.
    fn dim(&self) -> usize;

    /// How many sufficient statistics there are.
    fn statistics_len(&self) -> usize;

    /// Adds `sign` times the statistics of `point`, `[D]`.
    fn add(&self, statistics: &mut [f64], point: &[f64], sign: f64);

    /// Adds the statistics of the points of `block` to those of their clusters, `[K, statistics]`.
    fn add_block(&self, statistics: &mut [f64], block: Block<'_>, labels: &[u32]) {
        let (len, mut point) = (self.statistics_len(), vec![0.0; self.dim()]);
        for (index, &label) in labels.iter().enumerate() {
            block.copy(index, &mut point);
            self.add(&mut statistics[label as usize * len..][..len], &point, 1.0);
        }
    }

    /// log ∫ Π f(x; θ) f(θ; λ) dθ of a set of points: their marginal likelihood.
    fn log_marginal(&self, statistics: &[f64]) -> f64;

    /// Draws θ from its posterior given a set of points; from the prior, if the set is empty.
    fn draw(&self, statistics: &[f64], generator: &mut ChaCha8Rng) -> Self::Parameters;

    /// log f(x; θ) of the points of `block` into the front of `densities`.
    fn log_densities(&self, parameters: &Self::Parameters, block: Block<'_>, densities: &mut [f64]);

    /// log f(x; θ) of one point, `[D]`.
    fn log_density(&self, parameters: &Self::Parameters, point: &[f64]) -> f64;

    /// Checks that every point can be drawn from the family.
    ///
    /// # Errors
    ///
    /// [`ModesError`] if points have another dimension, or a value that the family does not have.
    fn check(&self, points: &Points) -> Result<(), ModesError> {
        let (expected, found) = (self.dim(), points.dim());
        match expected == found {
            true => Ok(()),
            false => Err(ModesError::Shape { field: "points", what: "columns", expected, found }),
        }
    }
}
