//! A strategy written outside of the crate is chosen by name and ends where `sequential` ends.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

#[allow(dead_code, reason = "the example has a main function and a network of its own")]
#[path = "../examples/outside_strategy.rs"]
mod outside_strategy;
#[path = "support/mixture.rs"]
mod support;

use ndarray::ArrayView2;
use outside_strategy::{FixedPoint, strategies};
use parapolicy_sampler::strategy::{Diffusion, Method, Rows, Settings, StrategyKind};
use parapolicy_sampler::window::Path;
use parapolicy_sampler::{
    BatchedSampler, Budget, ConfigError, Ended, Noise, Sampler, SchedulerConfig, Solver, Statistics, Strategy, Table,
    WindowConfig,
};
use support::{DIM, Mixture};

const STEPS: usize = 30;
const SOLVERS: [Solver; 4] =
    [Solver::Ddpm, Solver::Ddim { eta: 0.0 }, Solver::Ddim { eta: 0.5 }, Solver::DpmSolverPlusPlus];

fn table(solver: Solver) -> Table {
    Table::new(&SchedulerConfig::default(), solver, STEPS).unwrap()
}

fn exact() -> Strategy {
    Strategy::of(&FixedPoint).with_window(WindowConfig { window: 1, tolerance: 0.0 })
}

#[test]
fn at_tolerance_0_it_is_sequential_to_the_bit() {
    for solver in SOLVERS {
        let table = table(solver);
        let mut denoiser = Mixture::example(&table);
        let mut sequential = Sampler::new(table.clone(), Strategy::sequential(), DIM).unwrap();
        let mut outside = Sampler::new(table, exact(), DIM).unwrap();
        for seed in 0..5 {
            let noise = Noise::draw(seed, STEPS, DIM);
            let expected = sequential.sample(&mut denoiser, &noise).unwrap();
            let found = outside.sample(&mut denoiser, &noise).unwrap();
            assert_eq!(found.trajectory(), expected.trajectory(), "{solver}");
            assert_eq!((found.ended(), found.residual()), (Ended::Drawn, None));
            assert!(found.statistics().rounds <= STEPS + 1);
        }
    }
}

#[test]
fn it_is_chosen_by_name_and_stored_by_it() {
    let strategies = strategies().unwrap();
    let chosen = strategies.parse("fixed-point").unwrap();
    assert_eq!(chosen, Strategy::of(&FixedPoint));
    assert_eq!((chosen.to_string().as_str(), chosen.window(), chosen.tolerance()), ("fixed-point", None, Some(1e-3)));
    assert_ne!(chosen, exact(), "another tolerance");
    assert_eq!(strategies.names().last(), Some("fixed-point"));
    let unknown = strategies.parse("newton").unwrap_err().to_string();
    assert!(unknown.ends_with("parareal, blocks, fixed-point"), "{unknown}");
    assert!("fixed-point".parse::<Strategy>().is_err(), "not built in");
    let twice = strategies.with(&FixedPoint).unwrap_err().to_string();
    assert_eq!(twice, "strategy: `fixed-point` is there already");
}

#[test]
fn its_settings_are_validated_like_those_of_others() {
    let wild = Strategy::of(&FixedPoint).with_window(WindowConfig { window: 1, tolerance: -1.0 });
    let refused = Sampler::new(table(Solver::Ddpm), wild, DIM).err().unwrap().to_string();
    assert_eq!(refused, "tolerance is -1, but must be finite and not negative");
}

#[test]
fn it_works_in_batches_within_a_budget_and_without_allocation() {
    let table = table(Solver::Ddpm);
    let mut denoiser = Mixture::example(&table);
    let noises: Vec<Noise> = (0..3).map(|seed| Noise::draw(seed, STEPS, DIM)).collect();
    let budget = Budget { rounds: Some(4), ..Budget::default() };
    let mut alone = Sampler::new(table.clone(), exact(), DIM).unwrap();
    let mut batched = BatchedSampler::new(table, exact(), DIM, 3).unwrap();
    let samples = batched.sample_within(budget, &mut denoiser, &noises).unwrap();
    for (sample, noise) in samples.iter().zip(&noises) {
        let expected = alone.sample_within(budget, &mut denoiser, noise).unwrap();
        assert_eq!(sample.trajectory(), expected.trajectory());
        assert_eq!((sample.ended(), sample.residual()), (Ended::OutOfRounds, expected.residual()));
    }
    let counted = allocation_counter::measure(|| {
        alone.sample(&mut denoiser, &noises[0]).unwrap();
    });
    assert_eq!(counted.count_total, 0);
}

/// Asks for rows of no steps at all.
#[derive(Debug)]
struct Faulty;

impl StrategyKind for Faulty {
    fn name(&self) -> &'static str {
        "faulty"
    }

    fn summary(&self) -> &'static str {
        "asks for nothing"
    }

    fn defaults(&self) -> Settings {
        Settings::NONE
    }

    fn method(&self, _table: &Table, _dim: usize, _settings: Settings) -> Result<Box<dyn Method>, ConfigError> {
        Ok(Box::new(Self))
    }
}

impl Method for Faulty {
    fn begin(&mut self, _diffusion: &Diffusion<'_>, _warm: bool) {}

    fn ask<'a>(&'a mut self, diffusion: &Diffusion<'a>, path: &'a mut Path) -> Rows<'a> {
        Rows::of_path(diffusion.table(), path, 0..0)
    }

    fn tell(
        &mut self,
        _diffusion: &Diffusion<'_>,
        _path: &mut Path,
        _predictions: ArrayView2<'_, f32>,
        _statistics: &mut Statistics,
    ) -> bool {
        false
    }

    fn complete(&mut self, _diffusion: &Diffusion<'_>, _path: &mut Path) {}
}

#[test]
fn a_strategy_that_asks_for_nothing_is_an_error() {
    let table = table(Solver::Ddpm);
    let mut denoiser = Mixture::example(&table);
    let noise = Noise::draw(0, STEPS, DIM);
    let mut sampler = Sampler::new(table, Strategy::of(&Faulty), DIM).unwrap();
    let refused = sampler.sample(&mut denoiser, &noise).unwrap_err().to_string();
    let expected = "the strategy asked for 0 rows of 6 values and 0 timesteps, but must ask for 1 to 30 rows of 6 \
                    contiguous values, each with a timestep";
    assert_eq!(refused, expected);
}
