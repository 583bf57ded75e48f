//! A sample that is cut short: what comes back, and what it says of itself.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::time::Duration;

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2};
use parapolicy_sampler::{
    BatchedSampler, BoxError, Budget, Denoiser, Ended, Noise, Sampler, SchedulerConfig, Solver, Strategies, Strategy,
    Table, WindowConfig,
};
use proptest::prelude::*;

#[path = "support/mixture.rs"]
mod support;

const STEPS: usize = 40;
const DIM: usize = 6;

/// Knows that the data is Gaussian with mean 0.4 and variance 0.05.
struct Gaussian(Vec<(f32, f32)>);

impl Gaussian {
    fn new() -> Self {
        let table = Table::new(&SchedulerConfig::default(), Solver::Ddpm, 1000).unwrap();
        let mut levels: Vec<(f32, f32, f32)> =
            table.rows().iter().map(|step| (step.timestep, step.alpha, step.sigma)).collect();
        levels.sort_by(|a, b| a.0.total_cmp(&b.0));
        Self(levels.into_iter().map(|(_, alpha, sigma)| (alpha, sigma)).collect())
    }
}

impl Denoiser for Gaussian {
    fn predict(
        &mut self,
        samples: ArrayView2<'_, f32>,
        timesteps: &[f32],
        mut prediction: ArrayViewMut2<'_, f32>,
    ) -> Result<(), BoxError> {
        for ((row, mut out), timestep) in samples.rows().into_iter().zip(prediction.rows_mut()).zip(timesteps) {
            let (alpha, sigma) = self.0[*timestep as usize];
            let gain = sigma / (alpha * alpha * 0.05 + sigma * sigma);
            out.iter_mut().zip(row).for_each(|(out, x)| *out = gain * (x - alpha * 0.4));
        }
        Ok(())
    }
}

fn sampler(strategy: Strategy) -> Sampler {
    Sampler::new(Table::new(&SchedulerConfig::default(), Solver::Ddpm, STEPS).unwrap(), strategy, DIM).unwrap()
}

fn rounds(rounds: usize) -> Budget {
    Budget { rounds: Some(rounds), ..Budget::default() }
}

fn strategies() -> impl Iterator<Item = Strategy> {
    Strategies::default().iter().collect::<Vec<_>>().into_iter()
}

#[test]
fn a_budget_that_suffices_changes_nothing() {
    let noise = Noise::draw(3, STEPS, DIM);
    for strategy in strategies() {
        let mut sampler = sampler(strategy);
        let whole = sampler.sample(&mut Gaussian::new(), &noise).unwrap();
        let (trajectory, needed) = (whole.trajectory().to_owned(), whole.statistics().rounds);
        let within = sampler.sample_within(rounds(needed), &mut Gaussian::new(), &noise).unwrap();
        assert_eq!((within.trajectory(), within.residual()), (trajectory.view(), None), "{strategy}");
        assert_eq!(within.ended(), Ended::Drawn, "{strategy}");
    }
}

#[test]
fn an_observer_sees_the_sample_of_every_budget_of_rounds_and_changes_nothing() {
    let noise = Noise::draw(3, STEPS, DIM);
    for strategy in strategies() {
        let mut sampler = sampler(strategy);
        let whole = sampler.sample(&mut Gaussian::new(), &noise).unwrap();
        let (trajectory, needed) = (whole.trajectory().to_owned(), whole.statistics().rounds);
        let mut shown = Vec::new();
        let mut observer = |guess: ArrayView1<'_, f32>| shown.push(guess.to_owned());
        let observed = sampler.sample_observed(Budget::default(), &mut Gaussian::new(), &noise, &mut observer).unwrap();
        assert_eq!((observed.trajectory(), observed.residual()), (trajectory.view(), None), "{strategy}");
        assert_eq!(shown.len(), needed, "{strategy}");
        for (spent, shown) in (1..).zip(&shown) {
            let cut = sampler.sample_within(rounds(spent), &mut Gaussian::new(), &noise).unwrap();
            assert_eq!(cut.sample(), shown, "{strategy} after {spent} rounds");
        }
    }
}

/// Mean over noises of how far a sample ends from the whole one when it is cut short after a share of its rounds.
fn deviation(strategy: Strategy, share: f64) -> f64 {
    let mut sampler = sampler(strategy);
    let mut total = 0.0;
    for seed in 0..30 {
        let noise = Noise::draw(seed, STEPS, DIM);
        let whole = sampler.sample(&mut Gaussian::new(), &noise).unwrap();
        let (answer, needed) = (whole.sample().to_owned(), whole.statistics().rounds);
        let spent = ((share * needed as f64) as usize).clamp(1, needed - 1);
        let cut = sampler.sample_within(rounds(spent), &mut Gaussian::new(), &noise).unwrap();
        assert_eq!((cut.statistics().rounds, cut.ended()), (spent, Ended::OutOfRounds), "{strategy}");
        assert!(cut.residual().unwrap() > 0.0, "{strategy} after {spent} rounds");
        total += f64::from((&cut.sample() - &answer).iter().fold(0.0f32, |most, value| most.max(value.abs())));
    }
    total / 30.0
}

#[test]
fn a_sample_cut_short_says_so_and_comes_closer_with_what_is_spent() {
    for strategy in strategies() {
        let [early, half, late] = [0.0, 0.5, 0.95].map(|share| deviation(strategy, share));
        assert!(early.min(half) > late, "{strategy}: {early} {half} {late}");
    }
}

/// Rows that are far apart know little of what lies between them, and what is guessed there must not run away.
#[test]
fn a_sample_cut_short_stays_within_the_clipping_range() {
    let steps = 100;
    let table = Table::new(&SchedulerConfig::default(), Solver::Ddpm, steps).unwrap();
    let mut denoiser = support::Mixture::example(&table);
    for strategy in strategies() {
        for window in [4, 8, 20] {
            let strategy = strategy.with_window(WindowConfig { window, tolerance: 0.1 });
            let mut sampler = Sampler::new(table.clone(), strategy, support::DIM).unwrap();
            for seed in 0..20 {
                let noise = Noise::draw(seed, steps, support::DIM);
                for spent in 1..6 {
                    let cut = sampler.sample_within(rounds(spent), &mut denoiser, &noise).unwrap();
                    let most = cut.sample().iter().fold(0.0f32, |most, value| most.max(value.abs()));
                    assert!(most < 1.01, "{strategy}, window {window}, seed {seed}, {spent} rounds: {most}");
                }
            }
        }
    }
}

#[test]
fn a_deadline_leaves_one_round() {
    let noise = Noise::draw(5, STEPS, DIM);
    let budget = Budget { deadline: Some(Duration::from_nanos(1)), ..Budget::default() };
    for strategy in strategies() {
        let mut sampler = sampler(strategy);
        let cut = sampler.sample_within(budget, &mut Gaussian::new(), &noise).unwrap();
        assert_eq!(cut.statistics().rounds, 1, "{strategy}");
        assert!(cut.residual().is_some(), "{strategy}");
        assert_eq!(cut.ended(), Ended::OutOfTime, "{strategy}");
    }
}

#[test]
fn no_room_at_all_is_refused_by_name() {
    let noise = Noise::draw(6, STEPS, DIM);
    let mut sampler = sampler(Strategy::sequential());
    let none = sampler.sample_within(rounds(0), &mut Gaussian::new(), &noise).unwrap_err();
    assert_eq!(none.to_string(), "rounds is 0, but must be at least 1");
    let at_once = Budget { deadline: Some(Duration::ZERO), ..Budget::default() };
    let none = sampler.sample_within(at_once, &mut Gaussian::new(), &noise).unwrap_err();
    assert_eq!(none.to_string(), "deadline is 0, but must be more than 0");
}

/// Whatever the budget: a whole, finite sample, within it, and the same again.
fn is_kept(strategy: Strategy, window: usize, limit: usize, seed: u64) {
    let config = WindowConfig { window, ..WindowConfig::default() };
    let mut sampler = sampler(strategy.with_window(config));
    let noise = Noise::draw(seed, STEPS, DIM);
    let mut draw = || {
        let sample = sampler.sample_within(rounds(limit), &mut Gaussian::new(), &noise).unwrap();
        assert!((1..=limit).contains(&sample.statistics().rounds), "{strategy}");
        (sample.trajectory().to_owned(), sample.residual())
    };
    let (trajectory, residual) = draw();
    assert!(trajectory.iter().all(|value| value.is_finite()), "{strategy}");
    assert!(residual.is_none_or(|residual| residual.is_finite() && residual >= 0.0), "{strategy}");
    assert_eq!(draw(), (trajectory, residual), "{strategy}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn every_budget_is_kept(window in 1..60_usize, limit in 1..60_usize, seed: u64) {
        for strategy in strategies() {
            is_kept(strategy, window, limit, seed);
        }
    }
}

/// The residual is the root mean square of what the last round changed in the sample.
#[test]
fn the_residual_is_how_far_the_last_round_moved_the_sample() {
    let noise = Noise::draw(8, STEPS, DIM);
    for strategy in strategies() {
        let mut sampler = sampler(strategy);
        let [before, after] = [2, 3].map(|limit| {
            let sample = sampler.sample_within(rounds(limit), &mut Gaussian::new(), &noise).unwrap();
            (sample.sample().to_owned(), sample.residual().unwrap())
        });
        let squares = (&after.0 - &before.0).mapv(|change| f64::from(change).powi(2));
        assert!((squares.mean().unwrap().sqrt() - after.1).abs() < 1e-6, "{strategy}");
    }
}

/// Answers so many times, and then fails.
struct Lost(Gaussian, usize);

impl Denoiser for Lost {
    fn predict(
        &mut self,
        samples: ArrayView2<'_, f32>,
        timesteps: &[f32],
        prediction: ArrayViewMut2<'_, f32>,
    ) -> Result<(), BoxError> {
        self.1 = self.1.checked_sub(1).ok_or("lost")?;
        self.0.predict(samples, timesteps, prediction)
    }
}

/// The plan of a network that fails is the plan of as many rounds as it answered, where the budget keeps it.
#[test]
fn a_network_that_is_lost_leaves_the_best_guess() {
    let (noise, keeps) = (Noise::draw(3, STEPS, DIM), Budget { keep_on_failure: true, ..Budget::default() });
    for strategy in strategies() {
        let mut sampler = sampler(strategy);
        let whole = sampler.sample(&mut Gaussian::new(), &noise).unwrap();
        let (trajectory, needed) = (whole.trajectory().to_owned(), whole.statistics().rounds);
        let undisturbed = sampler.sample_within(keeps, &mut Gaussian::new(), &noise).unwrap();
        assert_eq!((undisturbed.trajectory(), undisturbed.ended()), (trajectory.view(), Ended::Drawn), "{strategy}");
        for answered in 1..needed {
            let cut = sampler.sample_within(rounds(answered), &mut Gaussian::new(), &noise).unwrap();
            let (expected, residual) = (cut.sample().to_owned(), cut.residual());
            let lost = sampler.sample_within(keeps, &mut Lost(Gaussian::new(), answered), &noise).unwrap();
            assert_eq!((lost.sample(), lost.residual()), (expected.view(), residual), "{strategy} after {answered}");
            assert_eq!((lost.ended(), lost.statistics().rounds), (Ended::Failed, answered), "{strategy}");
        }
        for (budget, answered) in [(keeps, 0), (Budget::default(), 1), (rounds(3), 1)] {
            let failed = sampler.sample_within(budget, &mut Lost(Gaussian::new(), answered), &noise);
            assert!(failed.is_err() || needed <= answered, "{strategy}");
        }
    }
}

#[test]
fn plans_drawn_together_are_kept_together() {
    let noises = [3, 4].map(|seed| Noise::draw(seed, STEPS, DIM));
    let table = Table::new(&SchedulerConfig::default(), Solver::Ddpm, STEPS).unwrap();
    let mut sampler = BatchedSampler::new(table, Strategy::sequential(), DIM, 2).unwrap();
    let cut = sampler.sample_within(rounds(5), &mut Gaussian::new(), &noises).unwrap();
    let expected: Vec<_> = cut.iter().map(|sample| (sample.sample().to_owned(), sample.residual())).collect();
    let keeps = Budget { keep_on_failure: true, ..Budget::default() };
    let lost = sampler.sample_within(keeps, &mut Lost(Gaussian::new(), 5), &noises).unwrap();
    let found: Vec<_> = lost.iter().map(|sample| (sample.sample().to_owned(), sample.residual())).collect();
    assert_eq!(found, expected);
    assert!(lost.iter().all(|sample| sample.ended() == Ended::Failed));
    assert!(sampler.sample_within(keeps, &mut Lost(Gaussian::new(), 0), &noises).is_err());
}
