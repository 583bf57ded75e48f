//! At window 1 and at tolerance 0 the parallel strategies return the sequential answer bit for bit.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

#[path = "support/mixture.rs"]
mod support;

use ndarray::Array2;
use parapolicy_sampler::{
    BetaSchedule, FlowConvention, Noise, PredictionType, Sampler, SchedulerConfig, Solver, Statistics, Strategies,
    Strategy, Table, TimestepSpacing, WindowConfig,
};
use proptest::prelude::*;
use support::{DIM, Mixture};

/// The last, which takes steps in pairs, is left out where their number is odd.
const SOLVERS: [Solver; 6] = [
    Solver::Ddpm,
    Solver::Ddim { eta: 0.0 },
    Solver::Ddim { eta: 0.5 },
    Solver::DpmSolverPlusPlus,
    Solver::Euler,
    Solver::Midpoint,
];
/// What slides a window and works with every solver.
const SLIDING: [Strategy; 3] = [Strategy::paradigms(WINDOW), Strategy::picard(WINDOW), Strategy::anderson(WINDOW)];
const WINDOW: WindowConfig = WindowConfig { window: 20, tolerance: 0.1 };

fn is_noisy(solver: Solver) -> bool {
    matches!(solver, Solver::Ddpm | Solver::Ddim { eta: 0.5 })
}

/// Everything that has a window and takes the steps of `solver` alone.
fn windowed(solver: Solver) -> impl Iterator<Item = Strategy> {
    let noisy = [Strategy::blocks(WINDOW), Strategy::speculative(20)];
    SLIDING.into_iter().chain(noisy.into_iter().filter(move |_| is_noisy(solver)))
}

/// Everything that comes closer to the answer of `solver` the smaller the tolerance is.
fn iterating(solver: Solver) -> impl Iterator<Item = Strategy> {
    let parareal = Strategy::parareal(WINDOW.tolerance);
    let blocks = is_noisy(solver) || solver == Solver::Euler;
    SLIDING.into_iter().chain([parareal]).chain(blocks.then_some(Strategy::blocks(WINDOW)))
}

fn table(solver: Solver, clip_sample: bool, steps: usize) -> Table {
    let config = SchedulerConfig {
        num_train_timesteps: 100,
        beta_schedule: BetaSchedule::SquaredcosCapV2,
        clip_sample,
        ..SchedulerConfig::default()
    };
    let flow = SchedulerConfig {
        prediction_type: PredictionType::Flow,
        timestep_spacing: TimestepSpacing::Trailing,
        flow: Some(FlowConvention::DIFFUSERS),
        ..config.clone()
    };
    let is_flow = matches!(solver, Solver::Euler | Solver::Midpoint);
    Table::new(if is_flow { &flow } else { &config }, solver, steps).unwrap()
}

fn draw(table: &Table, strategy: Strategy, seed: u64) -> (Array2<f32>, Statistics) {
    let noise = Noise::draw(seed, table.steps(), DIM);
    let mut sampler = Sampler::new(table.clone(), strategy, DIM).unwrap();
    let sample = sampler.sample(&mut Mixture::example(table), &noise).unwrap();
    (sample.trajectory().to_owned(), sample.statistics().clone())
}

fn bits(trajectory: &Array2<f32>) -> Vec<u32> {
    trajectory.iter().map(|value| value.to_bits()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn window_1_is_sequential(seed: u64, solver in 0..6_usize, clip: bool, tolerance in 0.0..10.0) {
        let table = table(SOLVERS[solver], clip, 40);
        let (expected, _) = draw(&table, Strategy::sequential(), seed);
        for strategy in windowed(SOLVERS[solver]) {
            let (found, statistics) = draw(&table, strategy.with_window(WindowConfig { window: 1, tolerance }), seed);
            prop_assert_eq!(bits(&found), bits(&expected));
            prop_assert_eq!((statistics.rounds, statistics.evaluations), (40, 40));
        }
    }

    #[test]
    fn tolerance_0_is_sequential(
        seed: u64, solver in 0..6_usize, clip: bool, window in 2..120_usize, steps in 1..60_usize,
    ) {
        let steps = if SOLVERS[solver] == Solver::Midpoint { 2 * steps } else { steps };
        let table = table(SOLVERS[solver], clip, steps.min(100));
        let (expected, _) = draw(&table, Strategy::sequential(), seed);
        for strategy in iterating(SOLVERS[solver]) {
            let strategy = strategy.with_window(WindowConfig { window, tolerance: 0.0 });
            let (found, statistics) = draw(&table, strategy, seed);
            prop_assert_eq!(bits(&found), bits(&expected), "{}", strategy);
            prop_assert_eq!(statistics.largest_residual, 0.0);
        }
    }

    /// After Selvam et al. 2024 (arXiv 2412.08292): √N p + √N − p for p iterations.
    #[test]
    fn parareal_takes_what_its_formula_says(seed: u64, solver in 0..5_usize, root in 1..=9_usize, tolerance in 0.0..1.0) {
        let table = table(SOLVERS[solver], true, root * root);
        let (_, statistics) = draw(&table, Strategy::parareal(tolerance), seed);
        prop_assert!((1..=root).any(|p| root * p + root - p == statistics.rounds), "{:?}", statistics);
    }

    #[test]
    fn one_block_without_noise_is_ddim(seed: u64, clip: bool, window in 40..60_usize) {
        let table = table(Solver::Ddim { eta: 0.0 }, clip, 40);
        let (expected, _) = draw(&table, Strategy::sequential(), seed);
        let (found, _) = draw(&table, Strategy::blocks(WindowConfig { window, tolerance: 0.0 }), seed);
        prop_assert_eq!(bits(&found), bits(&expected));
    }

    #[test]
    fn statistics_add_up(seed: u64, solver in 0..6_usize, window in 1..120_usize, tolerance in 0.0..1.0) {
        let table = table(SOLVERS[solver], true, 40);
        for strategy in windowed(SOLVERS[solver]) {
            let (_, statistics) = draw(&table, strategy.with_window(WindowConfig { window, tolerance }), seed);
            prop_assert_eq!(statistics.rounds, statistics.windows.len());
            prop_assert_eq!(statistics.evaluations, statistics.windows.iter().sum::<usize>());
            prop_assert!(statistics.rounds <= 40);
            prop_assert!(statistics.windows.iter().all(|size| (1..=window).contains(size)));
            // What `paradigms` accepts on trust changed by less than τ standard deviations of noise, which are under 1.
            let paradigms = strategy.name() == "paradigms";
            prop_assert!(!paradigms || statistics.largest_residual <= tolerance);
        }
    }
}

/// A sample in twenty may end in another mode: where two are still open, any change at all may decide.
#[test]
fn every_strategy_is_close_to_sequential_and_none_slides_slower_than_paradigms() {
    for solver in SOLVERS {
        let table = table(solver, true, 90);
        let mut rounds = vec![0; iterating(solver).count()];
        let mut far = rounds.clone();
        for seed in 0..20 {
            let (expected, _) = draw(&table, Strategy::sequential(), seed);
            for ((strategy, rounds), far) in iterating(solver).zip(&mut rounds).zip(&mut far) {
                let (found, statistics) = draw(&table, strategy, seed);
                let last = (&found.row(90) - &expected.row(90)).fold(0.0_f32, |most, value| most.max(value.abs()));
                *far += usize::from(last > 0.1);
                *rounds += statistics.rounds;
            }
        }
        assert!(far.iter().all(|far| *far <= 1), "{solver}: {far:?}");
        let slowest = rounds[0];
        // On flows `anderson` does, on DDIM with noise `picard`: by less than a tenth.
        let is_flow = matches!(solver, Solver::Euler | Solver::Midpoint);
        let sliding = if is_flow { 1..2 } else { 1..SLIDING.len() };
        assert!(rounds[sliding].iter().all(|other| 10 * other < 11 * slowest), "{solver}: {rounds:?}");
        assert!(rounds.iter().all(|rounds| *rounds < 90 * 20), "{solver}: {rounds:?}");
    }
}

#[test]
fn a_sampler_used_again_gives_the_same_bytes() {
    let solver = Solver::Ddim { eta: 0.5 };
    for strategy in Strategies::default().iter() {
        let table = table(solver, true, 50);
        let mut denoiser = Mixture::example(&table);
        let mut sampler = Sampler::new(table, strategy, DIM).unwrap();
        let mut draw = |seed| {
            let sample = sampler.sample(&mut denoiser, &Noise::draw(seed, 50, DIM)).unwrap();
            (bits(&sample.trajectory().to_owned()), sample.statistics().clone())
        };
        let first = draw(1);
        let other = draw(2);
        assert_ne!(first, other);
        assert_eq!(draw(1), first);
    }
}
