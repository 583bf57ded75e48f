//! A Gaussian with independent coordinates, and the normal-inverse-gamma prior.
//!
//! ```text
//! s2_d ~ InvGamma(a, b_d),   mu_d | s2_d ~ N(m_d, s2_d / kappa)
//! a_N = a + N/2              kappa_N = kappa + N
//! b_N = b + ½ (Σ y² − (Σ y)² / kappa_N)        with y = x − m
//! log ml = Σ_d [ −(N/2) log 2π + ½ log(kappa / kappa_N) + log Γ(a_N) − log Γ(a) + a log b − a_N log b_N ]
//! ```

use std::f64::consts::TAU;

use libm::lgamma;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, StandardNormal};

use super::Component;
use crate::{
    error::{ModesError, positive},
    points::Block,
    random::log_gamma_variate,
};

/// A Gaussian with independent coordinates.
#[derive(Clone, Debug)]
pub struct DiagonalGaussian {
    kappa: f64,
    mean: Vec<f64>,
    shape: f64,
    scales: Vec<f64>,
}

/// Mean, precision and the constant of the density.
#[derive(Clone, Debug)]
pub struct DiagonalParameters {
    means: Vec<f64>,
    precisions: Vec<f64>,
    constant: f64,
}

impl DiagonalGaussian {
    /// NIG(`kappa`, `mean`, `shape`, `scales`): a is `shape`, b is `scales`, a number a coordinate.
    ///
    /// # Errors
    ///
    /// [`ModesError`] if a number is not finite, one but of `mean` is not positive, or the lengths differ.
    pub fn new(kappa: f64, mean: Vec<f64>, shape: f64, scales: Vec<f64>) -> Result<Self, ModesError> {
        if scales.len() != mean.len() {
            return Err(ModesError::Shape {
                field: "scales",
                what: "numbers",
                expected: mean.len(),
                found: scales.len(),
            });
        }
        if let Some(value) = mean.iter().find(|value| !value.is_finite()) {
            return Err(ModesError::out_of_range("mean", value, "finite"));
        }
        for &scale in &scales {
            positive("scales", scale)?;
        }
        Ok(Self { kappa: positive("kappa", kappa)?, mean, shape: positive("shape", shape)?, scales })
    }

    /// a_N, kappa_N.
    fn posterior(&self, count: f64) -> (f64, f64) {
        (self.shape + count / 2.0, self.kappa + count)
    }

    /// b_N of a coordinate.
    fn scale(&self, statistics: &[f64], coordinate: usize, kappa: f64) -> f64 {
        let [sum, squares] = [1 + 2 * coordinate, 2 + 2 * coordinate].map(|at| statistics[at]);
        let spread = (squares - sum * sum / kappa).max(0.0);
        self.scales[coordinate] + 0.5 * spread
    }
}

impl Component for DiagonalGaussian {
    type Parameters = DiagonalParameters;

    fn dim(&self) -> usize {
        self.mean.len()
    }

    /// The count; Σ y and Σ y² of each coordinate.
    fn statistics_len(&self) -> usize {
        1 + 2 * self.dim()
    }

    fn add(&self, statistics: &mut [f64], point: &[f64], sign: f64) {
        statistics[0] += sign;
        let sums = statistics[1..].chunks_exact_mut(2);
        for ((sums, value), mean) in sums.zip(point).zip(&self.mean) {
            let y = value - mean;
            sums[0] += sign * y;
            sums[1] += sign * y * y;
        }
    }

    fn log_marginal(&self, statistics: &[f64]) -> f64 {
        let count = statistics[0];
        let (shape, kappa) = self.posterior(count);
        let shared = -0.5 * count * TAU.ln() + 0.5 * (self.kappa / kappa).ln() + lgamma(shape) - lgamma(self.shape);
        let of = |d: usize| self.shape * self.scales[d].ln() - shape * self.scale(statistics, d, kappa).ln();
        (0..self.dim()).map(|d| shared + of(d)).sum()
    }

    fn draw(&self, statistics: &[f64], generator: &mut ChaCha8Rng) -> DiagonalParameters {
        let (shape, kappa) = self.posterior(statistics[0]);
        let mut parameters = DiagonalParameters { means: Vec::new(), precisions: Vec::new(), constant: 0.0 };
        for d in 0..self.dim() {
            let log_precision = log_gamma_variate(generator, shape) - self.scale(statistics, d, kappa).ln();
            let precision = log_precision.exp();
            let normal: f64 = StandardNormal.sample(generator);
            parameters.means.push(self.mean[d] + statistics[1 + 2 * d] / kappa + normal / (kappa * precision).sqrt());
            parameters.precisions.push(precision);
            parameters.constant += 0.5 * (log_precision - TAU.ln());
        }
        parameters
    }

    fn log_densities(&self, parameters: &DiagonalParameters, block: Block<'_>, densities: &mut [f64]) {
        densities.fill(parameters.constant);
        for (d, (mean, precision)) in parameters.means.iter().zip(&parameters.precisions).enumerate() {
            let half = 0.5 * precision;
            for (density, value) in densities.iter_mut().zip(block.column(d)) {
                let y = value - mean;
                *density -= half * y * y;
            }
        }
    }

    fn log_density(&self, parameters: &DiagonalParameters, point: &[f64]) -> f64 {
        let coordinates = parameters.means.iter().zip(&parameters.precisions).zip(point);
        parameters.constant
            - coordinates.map(|((mean, precision), x)| 0.5 * precision * (x - mean).powi(2)).sum::<f64>()
    }
}
