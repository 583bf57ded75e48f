//! A denoiser in closed form: the posterior mean of a mixture of isotropic Gaussians, as in `reference/generate.py`.

#![allow(clippy::doc_markdown, reason = "subscripts of formulas are not identifiers")]
#![allow(dead_code, reason = "each test crate uses its own part")]

use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2, arr1, arr2};
use parapolicy_sampler::{BoxError, Denoiser, PredictionType, Table};

/// Values in a sample.
pub const DIM: usize = 6;

/// E[x_0 | x] for x = √ᾱ x_0 + √(1−ᾱ) ε, turned into what the table's network would predict.
pub struct Mixture {
    pub means: Array2<f64>,
    pub weights: Array1<f64>,
    pub std: f64,
    table: Table,
    /// Scratch: one share a component.
    shares: Vec<f64>,
}

impl Mixture {
    pub fn new(table: &Table, means: Array2<f64>, weights: Array1<f64>, std: f64) -> Self {
        let shares = vec![0.0; weights.len()];
        Self { means, weights, std, table: table.clone(), shares }
    }

    /// Three components, one of them partly beyond the clipping range.
    pub fn example(table: &Table) -> Self {
        let means = arr2(&[
            [0.8, -0.4, 0.1, 0.9, -0.7, 0.3],
            [-0.6, 0.5, -0.9, 0.2, 0.4, -0.1],
            [1.2, 0.1, 0.6, -1.1, 0.0, -0.5],
        ]);
        Self::new(table, means, arr1(&[0.5, 0.3, 0.2]), 0.15)
    }

    /// The posterior mean at `x`, in double precision, into `out`.
    pub fn posterior_mean(&mut self, x: &[f64], alpha: f64, sigma: f64, out: &mut [f64]) {
        let variance = (alpha * self.std).powi(2) + sigma.powi(2);
        let mut largest = f64::NEG_INFINITY;
        for (share, (mean, weight)) in self.shares.iter_mut().zip(self.means.rows().into_iter().zip(&self.weights)) {
            let squared: f64 = x.iter().zip(mean).map(|(x, mean)| (x - alpha * mean).powi(2)).sum();
            *share = weight.ln() - squared / (2.0 * variance);
            largest = largest.max(*share);
        }
        self.shares.iter_mut().for_each(|share| *share = (*share - largest).exp());
        let total: f64 = self.shares.iter().sum();
        let gain = alpha * self.std.powi(2) / variance;
        for (i, out) in out.iter_mut().enumerate() {
            let component = |k: usize| self.means[[k, i]] + gain * (x[i] - alpha * self.means[[k, i]]);
            *out = self.shares.iter().enumerate().map(|(k, share)| share / total * component(k)).sum();
        }
    }
}

impl Denoiser for Mixture {
    fn predict(
        &mut self,
        samples: ArrayView2<'_, f32>,
        timesteps: &[f32],
        mut prediction: ArrayViewMut2<'_, f32>,
    ) -> Result<(), BoxError> {
        for (row, timestep) in timesteps.iter().enumerate() {
            let step = self.table.rows().iter().find(|step| step.timestep == *timestep).ok_or("unknown timestep")?;
            let (alpha, sigma) = (f64::from(step.alpha), f64::from(step.sigma));
            let mut x = [0.0; DIM];
            let mut denoised = [0.0; DIM];
            x.iter_mut().zip(samples.row(row)).for_each(|(x, sample)| *x = f64::from(*sample));
            self.posterior_mean(&x, alpha, sigma, &mut denoised);
            for (i, prediction) in prediction.row_mut(row).iter_mut().enumerate() {
                let value = match self.table.prediction_type() {
                    PredictionType::Epsilon => (x[i] - alpha * denoised[i]) / sigma,
                    PredictionType::Sample => denoised[i],
                    PredictionType::VPrediction => (alpha * x[i] - denoised[i]) / sigma,
                    PredictionType::Flow => (x[i] - denoised[i]) / sigma,
                };
                *prediction = value as f32;
            }
        }
        Ok(())
    }
}
