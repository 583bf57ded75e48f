//! Refinement against closed forms: a Gaussian policy under a quadratic penalty; and parallel against serial.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

#[path = "support/mixture.rs"]
mod support;

use ndarray::{Array1, ArrayView2, ArrayViewMut2};
use parapolicy_sampler::{
    BetaSchedule, BoxError, Denoiser, Noise, Penalty, Refiner, RefinerConfig, SampleError, SchedulerConfig, Solver,
    Statistics, Table, WindowConfig,
};
use proptest::prelude::*;
use support::{DIM, Mixture};

const SERIAL: WindowConfig = WindowConfig { window: 1, tolerance: 0.0 };

fn scheduler() -> SchedulerConfig {
    SchedulerConfig {
        num_train_timesteps: 100,
        beta_schedule: BetaSchedule::SquaredcosCapV2,
        ..SchedulerConfig::default()
    }
}

/// A level of every training timestep.
fn table() -> Table {
    Table::new(&scheduler(), Solver::Ddpm, 100).unwrap()
}

/// λ/2 ‖a − c‖².
struct Quadratic {
    weight: f32,
    centre: f32,
}

impl Penalty for Quadratic {
    fn add_gradient(&self, plan: &[f32], gradient: &mut [f32]) {
        gradient.iter_mut().zip(plan).for_each(|(g, a)| *g += self.weight * (a - self.centre));
    }
}

/// Gaussian plans with mean `mean` and standard deviation `std`.
fn gaussian(mean: f64, std: f64) -> Mixture {
    Mixture::new(&table(), Array1::from_elem(DIM, mean).insert_axis(ndarray::Axis(0)), Array1::ones(1), std)
}

fn refine(
    denoiser: &mut dyn Denoiser,
    config: RefinerConfig,
    plan: &Array1<f32>,
    penalty: &dyn Penalty,
) -> (Array1<f32>, Statistics) {
    let mut refiner = Refiner::new(&scheduler(), config, DIM).unwrap();
    let refined = refiner.refine(denoiser, plan.view(), penalty, &Noise::draw(5, config.steps, DIM)).unwrap();
    (refined.plan().to_owned(), refined.statistics().clone())
}

/// A policy that knows one plan μ pulls with a − μ at any noise, so the optimum is (μ + λ c)/(1 + λ).
#[test]
fn a_certain_policy_and_a_quadratic_penalty_meet_at_the_closed_form() {
    let config = RefinerConfig { steps: 400, window: SERIAL };
    let (mean, weight, centre) = (0.3, 2.0, 0.15);
    let penalty = Quadratic { weight, centre };
    let (plan, statistics) = refine(&mut gaussian(mean, 0.0), config, &Array1::from_elem(DIM, 0.3), &penalty);
    let optimum = (mean as f32 + weight * centre) / (1.0 + weight);
    assert!(plan.iter().all(|a| (a - optimum).abs() < 2e-3), "{plan} is not {optimum}");
    assert_eq!((statistics.rounds, statistics.evaluations), (400, 400));
}

/// A Gaussian policy of variance s pulls with (1 − κ)(a − μ) in the mean, κ = ᾱ s / (ᾱ s + 1 − ᾱ): less at less noise,
/// so the plan ends between the optima of the first level and of the last.
#[test]
fn a_gaussian_policy_and_a_quadratic_penalty_meet_between_the_closed_forms() {
    let (mean, std, weight, centre) = (0.2, 0.1, 0.5_f64, 0.0);
    let optimum = |timestep: f32| {
        let step = *table().rows().iter().find(|step| step.timestep == timestep).unwrap();
        let (signal, noise) = (f64::from(step.alpha).powi(2), f64::from(step.sigma).powi(2));
        let pull = 1.0 - signal * std * std / (signal * std * std + noise);
        (pull * mean + weight * centre) / (pull + weight)
    };
    let config = RefinerConfig { steps: 400, window: SERIAL };
    let penalty = Quadratic { weight: weight as f32, centre: centre as f32 };
    let (plan, _) = refine(&mut gaussian(mean, std), config, &Array1::from_elem(DIM, 0.2), &penalty);
    let (first, last) = (optimum(30.0), optimum(2.0));
    assert!(first - last > 0.05, "the levels differ");
    let end = f64::from(plan.mean().unwrap());
    assert!(last - 0.01 < end && end < first + 0.01, "{end} is not between {last} and {first}");
}

#[test]
fn fewer_rounds_lead_to_nearly_the_serial_plan() {
    let plan = Array1::from_vec(vec![0.8, -0.4, 0.1, 0.9, -0.7, 0.3]);
    let penalty = Quadratic { weight: 1.0, centre: 0.5 };
    let mut policy = Mixture::example(&table());
    let serial = refine(&mut policy, RefinerConfig { window: SERIAL, ..RefinerConfig::default() }, &plan, &penalty);
    let parallel = refine(&mut policy, RefinerConfig::default(), &plan, &penalty);
    assert_eq!(serial.1.rounds, 50);
    assert!(parallel.1.rounds <= 10, "{:?}", parallel.1);
    let deviation = (&parallel.0 - &serial.0).iter().fold(0.0_f32, |most, value| most.max(value.abs()));
    assert!(deviation < 0.01, "{deviation}");
    assert!((&serial.0 - &plan).iter().any(|moved| moved.abs() > 0.05), "the penalty moved the plan");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    /// Whatever the window, tolerance 0 gives the serial bytes.
    #[test]
    fn at_tolerance_0_the_plan_is_the_serial_one(window in 1usize..80, steps in 1usize..70, centre in -1.0f32..1.0) {
        let plan = Array1::from_vec(vec![0.8, -0.4, 0.1, 0.9, -0.7, 0.3]);
        let penalty = Quadratic { weight: 3.0, centre };
        let mut policy = Mixture::example(&table());
        let serial = refine(&mut policy, RefinerConfig { steps, window: SERIAL }, &plan, &penalty);
        let window = WindowConfig { window, tolerance: 0.0 };
        let parallel = refine(&mut policy, RefinerConfig { steps, window }, &plan, &penalty);
        prop_assert_eq!(parallel.0, serial.0);
        prop_assert!(parallel.1.rounds <= steps);
    }

    /// Numbers that make no sense are refused by the field's name.
    #[test]
    fn bad_settings_are_named(
        tolerance in prop_oneof![-1e9..-1e-9, Just(f64::NAN), Just(f64::INFINITY)],
        field in 0usize..4,
    ) {
        let good = RefinerConfig::default();
        let (config, dim, name) = match field {
            0 => (RefinerConfig { steps: 0, ..good }, DIM, "steps is 0"),
            1 => (RefinerConfig { window: WindowConfig { window: 0, ..good.window }, ..good }, DIM, "window is 0"),
            2 => (RefinerConfig { window: WindowConfig { tolerance, ..good.window }, ..good }, DIM, "tolerance is "),
            _ => (good, 0, "dim is 0"),
        };
        let text = Refiner::new(&scheduler(), config, dim).err().unwrap().to_string();
        prop_assert!(text.starts_with(name), "{}", text);
    }
}

/// Answers NaN.
struct Mute;

impl Denoiser for Mute {
    fn predict(&mut self, _: ArrayView2<'_, f32>, _: &[f32], mut out: ArrayViewMut2<'_, f32>) -> Result<(), BoxError> {
        out.fill(f32::NAN);
        Ok(())
    }
}

#[test]
fn what_does_not_fit_or_is_not_finite_is_an_error() {
    let config = RefinerConfig { steps: 3, ..RefinerConfig::default() };
    let mut refiner = Refiner::new(&scheduler(), config, DIM).unwrap();
    let (plan, noise) = (Array1::zeros(DIM), Noise::draw(0, 3, DIM));
    let flat = Quadratic { weight: 0.0, centre: 0.0 };
    let mut policy = Mixture::example(&table());

    let text = refiner.refine(&mut policy, Array1::zeros(4).view(), &flat, &noise).unwrap_err().to_string();
    assert_eq!(text, "plan has 4 values, but the sampler needs 6");
    let text = refiner.refine(&mut policy, plan.view(), &flat, &Noise::draw(0, 9, DIM)).unwrap_err().to_string();
    assert_eq!(text, "step_noise has 9 steps, but the sampler needs 3");
    let mute = refiner.refine(&mut Mute, plan.view(), &flat, &noise).unwrap_err();
    assert!(matches!(mute, SampleError::PredictionNotFinite { .. }), "{mute}");
    let steep = Quadratic { weight: f32::INFINITY, centre: 1.0 };
    assert!(refiner.refine(&mut policy, plan.view(), &steep, &noise).is_err());
    let one_step = RefinerConfig { steps: 1, ..config };
    let mut refiner = Refiner::new(&scheduler(), one_step, DIM).unwrap();
    let lost = refiner.refine(&mut policy, plan.view(), &steep, &Noise::draw(0, 1, DIM)).unwrap_err();
    assert!(matches!(lost, SampleError::Diverged), "{lost}");
}
