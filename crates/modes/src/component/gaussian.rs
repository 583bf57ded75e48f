//! A Gaussian with full covariance, and the normal-inverse-Wishart prior.
//!
//! ```text
//! Sigma ~ IW(nu, Psi),  mu | Sigma ~ N(m, Sigma / kappa)
//! kappa_N = kappa + N,  nu_N = nu + N,  m_N = m + Σy / kappa_N,  Psi_N = Psi + Σ y yᵀ − Σy Σyᵀ / kappa_N      with y = x − m
//! log ml = −(N D/2) log π + log Γ_D(nu_N/2) − log Γ_D(nu/2) + (nu/2) log|Psi| − (nu_N/2) log|Psi_N| + (D/2) log(kappa / kappa_N)
//! ```
//!
//! Σ is drawn by Bartlett's decomposition: with Psi_N = C Cᵀ, A lower triangular, A_ii = √χ²(nu_N − i), A_ij ~ N(0, 1) below, the
//! matrix P = Aᵀ C⁻¹ has Pᵀ P = Σ⁻¹, and mu = m_N + C A⁻ᵀ e / √kappa_N with e ~ N(0, I). Of P only U of Pᵀ P = Uᵀ U is kept, upper
//! triangular: half the work a density.

use std::f64::consts::{PI, TAU};

use libm::lgamma;
use ndarray::{Array2, ArrayView2};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, StandardNormal};

use super::Component;
use crate::{
    error::{ModesError, positive},
    linear,
    points::Block,
    random::chi_squared,
};

/// Points whose densities are computed together: a few registers of any vector unit.
const LANES: usize = 8;

/// A Gaussian with full covariance.
#[derive(Clone, Debug)]
pub struct Gaussian {
    kappa: f64,
    mean: Vec<f64>,
    degrees: f64,
    /// Psi, `[D, D]`.
    scale: Vec<f64>,
    log_determinant: f64,
}

/// A mean, the factor U of the precision, and the constant of the density.
#[derive(Clone, Debug)]
pub struct GaussianParameters {
    mean: Vec<f64>,
    /// U, `[D, D]`, upper triangular.
    factor: Vec<f64>,
    /// U mean.
    shift: Vec<f64>,
    constant: f64,
}

impl GaussianParameters {
    /// Of a mean, `[D]`, and a covariance, `[D, D]`; `None` if that is not positive definite.
    pub fn new(mean: Vec<f64>, covariance: ArrayView2<'_, f64>) -> Option<Self> {
        let dim = mean.len();
        let mut scale: Vec<f64> = covariance.iter().copied().collect();
        if covariance.dim() != (dim, dim) || !linear::cholesky(&mut scale, dim) {
            return None;
        }
        let unit: Vec<f64> = Array2::<f64>::eye(dim).into_iter().collect();
        Some(Self::from_factor(mean, linear::precision_factor(&scale, &unit, dim)))
    }

    fn from_factor(mean: Vec<f64>, factor: Vec<f64>) -> Self {
        let dim = mean.len();
        let shift = linear::upper_times(&factor, dim, &mean);
        let constant = (0..dim).map(|i| factor[i * dim + i].ln()).sum::<f64>() - 0.5 * dim as f64 * TAU.ln();
        Self { mean, factor, shift, constant }
    }

    /// log f(x), of a point `[D]`.
    pub fn log_density(&self, point: &[f64]) -> f64 {
        let dim = self.mean.len();
        let mut distance = 0.0;
        for i in 0..dim {
            let row = self.factor[i * dim..(i + 1) * dim].iter().zip(point).skip(i);
            let whitened = row.map(|(entry, x)| entry * x).sum::<f64>() - self.shift[i];
            distance += whitened * whitened;
        }
        self.constant - 0.5 * distance
    }

    /// mu, `[D]`.
    pub fn mean(&self) -> &[f64] {
        &self.mean
    }

    /// U with Uᵀ U = Σ⁻¹, `[D, D]`, upper triangular, row by row.
    pub fn factor(&self) -> &[f64] {
        &self.factor
    }
}

impl Gaussian {
    /// NIW(`kappa`, `mean`, `degrees`, `scale`): nu is `degrees`, Psi is `scale`, `[D, D]`.
    ///
    /// # Errors
    ///
    /// [`ModesError`] if `kappa` is not positive, nu not more than D − 1, Psi not symmetric and positive definite, or a number not
    /// finite.
    pub fn new(kappa: f64, mean: Vec<f64>, degrees: f64, scale: ArrayView2<'_, f64>) -> Result<Self, ModesError> {
        let dim = mean.len();
        if scale.dim() != (dim, dim) {
            return Err(ModesError::Shape { field: "scale", what: "numbers", expected: dim * dim, found: scale.len() });
        }
        if let Some(value) = mean.iter().find(|value| !value.is_finite()) {
            return Err(ModesError::out_of_range("mean", value, "finite"));
        }
        if !(degrees > dim as f64 - 1.0 && degrees.is_finite()) {
            return Err(ModesError::out_of_range("degrees", degrees, "finite and more than the dimension less one"));
        }
        let kappa = positive("kappa", kappa)?;
        let symmetric = scale.indexed_iter().all(|((i, j), value)| value.is_finite() && *value == scale[[j, i]]);
        let scale: Vec<f64> = scale.iter().copied().collect();
        let mut factor = scale.clone();
        if !symmetric || !linear::cholesky(&mut factor, dim) {
            return Err(ModesError::out_of_range("scale", "another", "symmetric and positive definite"));
        }
        let log_determinant = linear::log_determinant(&factor, dim);
        Ok(Self { kappa, mean, degrees, scale, log_determinant })
    }

    /// The prior of this page's examples: nu = D + 3, and a covariance of `spread`² I in the mean.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn around(kappa: f64, mean: Vec<f64>, spread: f64) -> Result<Self, ModesError> {
        let dim = mean.len();
        let degrees = dim as f64 + 3.0;
        let scale = Array2::from_diag_elem(dim, (degrees - dim as f64 - 1.0) * positive("spread", spread)?.powi(2));
        Self::new(kappa, mean, degrees, scale.view())
    }

    /// The Cholesky factor of Psi_N, lower triangular.
    fn posterior_factor(&self, statistics: &[f64]) -> Vec<f64> {
        let dim = self.dim();
        let (sums, products) = statistics[1..].split_at(dim);
        let kappa = self.kappa + statistics[0];
        let mut factor = self.scale.clone();
        let mut at = 0;
        for i in 0..dim {
            for j in 0..=i {
                factor[i * dim + j] += products[at] - sums[i] * sums[j] / kappa;
                at += 1;
            }
        }
        // Rounding may leave a matrix that is not quite positive definite: then without what rounding took.
        if !linear::cholesky(&mut factor, dim) {
            factor.clone_from(&self.scale);
            linear::cholesky(&mut factor, dim);
        }
        factor
    }

    /// log Γ_D(a) without its constant, which cancels.
    fn log_multigamma(&self, a: f64) -> f64 {
        (0..self.dim()).map(|i| lgamma(a - 0.5 * i as f64)).sum()
    }
}

impl Component for Gaussian {
    type Parameters = GaussianParameters;

    fn dim(&self) -> usize {
        self.mean.len()
    }

    /// The count; Σ y; the lower triangle of Σ y yᵀ.
    fn statistics_len(&self) -> usize {
        let dim = self.dim();
        1 + dim + dim * (dim + 1) / 2
    }

    fn add(&self, statistics: &mut [f64], point: &[f64], sign: f64) {
        statistics[0] += sign;
        let (sums, products) = statistics[1..].split_at_mut(self.mean.len());
        let mut products = products.iter_mut();
        for (i, sum) in sums.iter_mut().enumerate() {
            let y = sign * (point[i] - self.mean[i]);
            *sum += y;
            let row = products.by_ref().take(i + 1);
            row.zip(point).zip(&self.mean).for_each(|((product, other), mean)| *product += y * (other - mean));
        }
    }

    fn log_marginal(&self, statistics: &[f64]) -> f64 {
        let (dim, count) = (self.dim(), statistics[0]);
        let degrees = self.degrees + count;
        let determinant = linear::log_determinant(&self.posterior_factor(statistics), dim);
        -0.5 * count * dim as f64 * PI.ln() + self.log_multigamma(0.5 * degrees)
            - self.log_multigamma(0.5 * self.degrees)
            + 0.5 * (self.degrees * self.log_determinant - degrees * determinant)
            + 0.5 * dim as f64 * (self.kappa / (self.kappa + count)).ln()
    }

    fn draw(&self, statistics: &[f64], generator: &mut ChaCha8Rng) -> GaussianParameters {
        let (dim, kappa) = (self.dim(), self.kappa + statistics[0]);
        let scale = self.posterior_factor(statistics);
        let mut bartlett = vec![0.0; dim * dim];
        for i in 0..dim {
            bartlett[i * dim + i] = chi_squared(generator, self.degrees + statistics[0] - i as f64).sqrt();
            for j in 0..i {
                bartlett[i * dim + j] = StandardNormal.sample(generator);
            }
        }
        let mut mean: Vec<f64> = (0..dim).map(|_| StandardNormal.sample(generator)).collect();
        linear::solve_transposed(&bartlett, dim, &mut mean);
        let mean: Vec<f64> = (0..dim)
            .map(|i| {
                let noise: f64 = (0..=i).map(|j| scale[i * dim + j] * mean[j]).sum();
                self.mean[i] + statistics[1 + i] / kappa + noise / kappa.sqrt()
            })
            .collect();
        GaussianParameters::from_factor(mean, linear::precision_factor(&scale, &bartlett, dim))
    }

    fn add_block(&self, statistics: &mut [f64], block: Block<'_>, labels: &[u32]) {
        let (dim, len) = (self.mean.len(), self.statistics_len());
        if dim != 2 {
            let mut point = vec![0.0; dim];
            for (index, &label) in labels.iter().enumerate() {
                block.copy(index, &mut point);
                self.add(&mut statistics[label as usize * len..][..len], &point, 1.0);
            }
            return;
        }
        let [m0, m1] = [self.mean[0], self.mean[1]];
        let (clusters, _) = statistics.as_chunks_mut::<6>();
        for ((&label, x0), x1) in labels.iter().zip(block.column(0)).zip(block.column(1)) {
            let (y0, y1) = (x0 - m0, x1 - m1);
            let sums = &mut clusters[label as usize];
            let terms = [1.0, y0, y1, y0 * y0, y1 * y0, y1 * y1];
            sums.iter_mut().zip(terms).for_each(|(sum, term)| *sum += term);
        }
    }

    #[inline(always)]
    fn log_densities(&self, parameters: &GaussianParameters, block: Block<'_>, densities: &mut [f64]) {
        let dim = self.dim();
        let (chunks, _) = densities.as_chunks_mut::<LANES>();
        for (chunk, densities) in chunks.iter_mut().enumerate() {
            let mut squares = [0.0; LANES];
            for i in 0..dim {
                let mut row = [-parameters.shift[i]; LANES];
                for (j, entry) in parameters.factor[i * dim..(i + 1) * dim].iter().enumerate().skip(i) {
                    let values = &block.column(j).as_chunks::<LANES>().0[chunk];
                    row.iter_mut().zip(values).for_each(|(row, value)| *row += entry * value);
                }
                squares.iter_mut().zip(row).for_each(|(square, row)| *square += row * row);
            }
            densities
                .iter_mut()
                .zip(squares)
                .for_each(|(density, square)| *density = parameters.constant - 0.5 * square);
        }
    }

    fn log_density(&self, parameters: &GaussianParameters, point: &[f64]) -> f64 {
        parameters.log_density(point)
    }
}
