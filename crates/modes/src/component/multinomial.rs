//! A multinomial, and the Dirichlet prior. The coefficients of the multinomial cancel in every ratio and are left out.
//!
//! ```text
//! c = Σ x      log ml = log Γ(Σ λ) − log Γ(Σ λ + Σ c) + Σ_v log Γ(λ_v + c_v) − log Γ(λ_v)
//! phi | x ~ Dir(λ + c)      log f = Σ_v x_v log phi_v
//! ```

use libm::lgamma;
use rand_chacha::ChaCha8Rng;

use super::Component;
use crate::{
    error::{ModesError, positive},
    points::{Block, Points},
    random::log_dirichlet,
};

/// A multinomial over `V` words; a point is the count of each.
#[derive(Clone, Debug)]
pub struct Multinomial {
    pseudo_counts: Vec<f64>,
    total: f64,
    log_gammas: f64,
}

impl Multinomial {
    /// Dir(`pseudo_counts`), λ, a number a word.
    ///
    /// # Errors
    ///
    /// [`ModesError`] if one is not positive and finite.
    pub fn new(pseudo_counts: Vec<f64>) -> Result<Self, ModesError> {
        for &count in &pseudo_counts {
            positive("pseudo_counts", count)?;
        }
        let total = pseudo_counts.iter().sum();
        let log_gammas = lgamma(total) - pseudo_counts.iter().map(|count| lgamma(*count)).sum::<f64>();
        Ok(Self { pseudo_counts, total, log_gammas })
    }
}

impl Component for Multinomial {
    /// log phi.
    type Parameters = Vec<f64>;

    fn dim(&self) -> usize {
        self.pseudo_counts.len()
    }

    /// The count of points; the count of each word.
    fn statistics_len(&self) -> usize {
        1 + self.dim()
    }

    fn add(&self, statistics: &mut [f64], point: &[f64], sign: f64) {
        statistics[0] += sign;
        statistics[1..].iter_mut().zip(point).for_each(|(count, x)| *count += sign * x);
    }

    fn log_marginal(&self, statistics: &[f64]) -> f64 {
        let counts = &statistics[1..];
        let words = self.pseudo_counts.iter().zip(counts).map(|(pseudo, count)| lgamma(pseudo + count)).sum::<f64>();
        self.log_gammas - lgamma(self.total + counts.iter().sum::<f64>()) + words
    }

    fn draw(&self, statistics: &[f64], generator: &mut ChaCha8Rng) -> Vec<f64> {
        let mut weights: Vec<_> =
            self.pseudo_counts.iter().zip(&statistics[1..]).map(|(pseudo, count)| pseudo + count).collect();
        log_dirichlet(generator, &mut weights);
        weights
    }

    fn log_densities(&self, parameters: &Vec<f64>, block: Block<'_>, densities: &mut [f64]) {
        densities.fill(0.0);
        for (word, log_phi) in parameters.iter().enumerate() {
            densities.iter_mut().zip(block.column(word)).for_each(|(density, count)| *density += count * log_phi);
        }
    }

    fn log_density(&self, parameters: &Vec<f64>, point: &[f64]) -> f64 {
        parameters.iter().zip(point).map(|(log_phi, count)| log_phi * count).sum()
    }

    fn check(&self, points: &Points) -> Result<(), ModesError> {
        let (expected, found) = (self.dim(), points.dim());
        if expected != found {
            return Err(ModesError::Shape { field: "points", what: "columns", expected, found });
        }
        for point in 0..points.len() {
            for column in 0..points.dim() {
                let value = points.value(point, column);
                if value < 0.0 || value.fract() != 0.0 {
                    return Err(ModesError::Point {
                        point,
                        column,
                        value,
                        expected: "a count: whole and not negative",
                    });
                }
            }
        }
        Ok(())
    }
}
