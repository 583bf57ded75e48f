//! Flows of Gaussian data, in closed form: Euler's method is of first order, the midpoint method of second at least.
//!
//! For x_0 ~ N(m, s²) the path x = (1−σ) x_0 + σ ε has deviation d(σ) = √((1−σ)² s² + σ²), and the flow keeps every state
//! as many deviations from the mean as it began: x(0) = m + s x(1).

#![allow(clippy::doc_markdown, reason = "subscripts of formulas are not identifiers")]
#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

#[path = "support/mixture.rs"]
mod support;

use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2, arr1};
use parapolicy_sampler::{
    BoxError, Denoiser, FlowConvention, FlowTime, FlowVelocity, Noise, PredictionType, Sampler, SchedulerConfig,
    Solver, Strategy, Table, TimestepSpacing,
};
use support::{DIM, Mixture};

const MEAN: f64 = 0.4;
const STD: f64 = 0.3;

/// How far the sample ends from the closed form, at most.
fn error(solver: Solver, steps: usize) -> f64 {
    let config = SchedulerConfig {
        prediction_type: PredictionType::Flow,
        timestep_spacing: TimestepSpacing::Trailing,
        flow: Some(FlowConvention::DIFFUSERS),
        ..SchedulerConfig::default()
    };
    let table = Table::new(&config, solver, steps).unwrap();
    let mut denoiser = Mixture::new(&table, Array2::from_elem((1, DIM), MEAN), arr1(&[1.0]), STD);
    let noise = Noise::draw(7, steps, DIM);
    let exact: Array1<f64> = noise.initial().mapv(|x| MEAN + STD * f64::from(x));
    let mut sampler = Sampler::new(table, Strategy::sequential(), DIM).unwrap();
    let sample = sampler.sample(&mut denoiser, &noise).unwrap().sample().mapv(f64::from);
    (sample - exact).fold(0.0, |most, error| f64::max(most, error.abs()))
}

#[test]
fn twice_the_steps_are_twice_and_four_times_as_close() {
    // Of a flow that is linear in x the midpoint method is of third order.
    for (solver, orders) in [(Solver::Euler, 0.8..1.2), (Solver::Midpoint, 1.8..3.2)] {
        let (coarse, fine) = (error(solver, 20), error(solver, 40));
        let found = (coarse / fine).log2();
        assert!(orders.contains(&found), "{solver}: {coarse:e} and {fine:e} are of order {found}");
    }
}

/// Answers as a network trained to `convention` does, for data that is the number `MEAN` alone: v = (x − MEAN)/σ.
struct Trained {
    convention: FlowConvention,
    end: f32,
}

impl Denoiser for Trained {
    fn predict(
        &mut self,
        samples: ArrayView2<'_, f32>,
        timesteps: &[f32],
        mut prediction: ArrayViewMut2<'_, f32>,
    ) -> Result<(), BoxError> {
        let FlowConvention { noise_at, velocity, .. } = self.convention;
        for ((x, mut out), time) in samples.rows().into_iter().zip(prediction.rows_mut()).zip(timesteps) {
            let share = time / self.end;
            let sigma = if noise_at == 0 { 1.0 - share } else { share };
            let sign = if velocity == FlowVelocity::NoiseMinusData { 1.0 } else { -1.0 };
            out.assign(&x.mapv(|x| sign * (x - MEAN as f32) / sigma));
        }
        Ok(())
    }
}

/// Of data that is one number every path is a straight line to it, which any number of steps follows to its end.
#[test]
fn every_convention_ends_at_the_data() {
    for time in [FlowTime::Unit, FlowTime::TrainTimesteps] {
        for noise_at in [0, 1] {
            for velocity in [FlowVelocity::NoiseMinusData, FlowVelocity::DataMinusNoise] {
                let convention = FlowConvention { time, noise_at, velocity };
                let config = SchedulerConfig {
                    prediction_type: PredictionType::Flow,
                    timestep_spacing: TimestepSpacing::Trailing,
                    flow: Some(convention),
                    ..SchedulerConfig::default()
                };
                let end = if time == FlowTime::Unit { 1.0 } else { 1000.0 };
                for (solver, steps) in [(Solver::Euler, 7), (Solver::Midpoint, 6)] {
                    let table = Table::new(&config, solver, steps).unwrap();
                    assert_eq!(table.timesteps()[0], if noise_at == 0 { 0.0 } else { end });
                    let mut sampler = Sampler::new(table, Strategy::sequential(), DIM).unwrap();
                    let noise = Noise::draw(3, steps, DIM);
                    let sample = sampler.sample(&mut Trained { convention, end }, &noise).unwrap().sample().to_owned();
                    assert!(sample.iter().all(|x| (x - MEAN as f32).abs() < 1e-5), "{convention:?}: {sample}");
                }
            }
        }
    }
}
