//! The corrector of `blocks` on Gaussian data: it leaves the variance that it should not change, and moves every value.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use ndarray::{ArrayView2, ArrayViewMut2};
use parapolicy_sampler::{BoxError, Denoiser, Noise, Sampler, SchedulerConfig, Solver, Strategy, Table, WindowConfig};

const STEPS: usize = 200;
/// Independent values, so that their mean square is known within 1.4 %.
const DIM: usize = 10_000;
const VARIANCE: f32 = 0.09;

/// Knows that the data is Gaussian with mean 0.
struct Gaussian(Table);

impl Denoiser for Gaussian {
    fn predict(
        &mut self,
        samples: ArrayView2<'_, f32>,
        timesteps: &[f32],
        mut prediction: ArrayViewMut2<'_, f32>,
    ) -> Result<(), BoxError> {
        for ((row, mut out), timestep) in samples.rows().into_iter().zip(prediction.rows_mut()).zip(timesteps) {
            let step = self.0.rows().iter().find(|step| step.timestep == *timestep).ok_or("unknown timestep")?;
            let gain = step.sigma / (step.alpha * step.alpha * VARIANCE + step.sigma * step.sigma);
            out.zip_mut_with(&row, |out, x| *out = gain * x);
        }
        Ok(())
    }
}

fn draw(table: &Table, strategy: Strategy) -> Vec<f32> {
    let mut sampler = Sampler::new(table.clone(), strategy, DIM).unwrap();
    sampler.sample(&mut Gaussian(table.clone()), &Noise::draw(5, STEPS, DIM)).unwrap().sample().to_vec()
}

fn mean_product(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>() / DIM as f32
}

#[test]
fn the_corrector_keeps_the_variance_and_mixes_the_values() {
    let config = SchedulerConfig { clip_sample: false, ..SchedulerConfig::default() };
    let table = Table::new(&config, Solver::Ddim { eta: 0.0 }, STEPS).unwrap();
    let plain = draw(&table, Strategy::sequential());
    let corrected = draw(&table, Strategy::blocks(WindowConfig { window: 20, tolerance: 0.01 }));
    let [before, after] = [&plain, &corrected].map(|sample| mean_product(sample, sample) / VARIANCE);
    // The steps of DDIM lose 3.7 %.
    assert!((before - 1.0).abs() < 0.05 && (after - 1.0).abs() < (before - 1.0).abs(), "{before} {after}");
    let correlation = mean_product(&plain, &corrected) / VARIANCE;
    assert!(correlation < 0.2, "{correlation}");
}
