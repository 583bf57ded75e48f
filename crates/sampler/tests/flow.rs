//! Flows of Gaussian data, in closed form: Euler's method is of first order, the midpoint method of second at least.
//!
//! For x_0 ~ N(m, s²) the path x = (1−σ) x_0 + σ ε has deviation d(σ) = √((1−σ)² s² + σ²), and the flow keeps every state
//! as many deviations from the mean as it began: x(0) = m + s x(1).

#![allow(clippy::doc_markdown, reason = "subscripts of formulas are not identifiers")]
#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

#[path = "support/mixture.rs"]
mod support;

use ndarray::{Array1, Array2, arr1};
use parapolicy_sampler::{
    FlowConvention, Noise, PredictionType, Sampler, SchedulerConfig, Solver, Strategy, Table, TimestepSpacing,
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
