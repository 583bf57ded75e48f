//! The parallel strategies on the trained network: what they cost, and how far they end from the sequential answer
//! under the same noise. Differences are the largest of a sample, in normalised action units.
//!
//! `cargo test --release -p parapolicy-tests --test sampler_on_network -- --nocapture` prints the figures.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

#[path = "support/shipped.rs"]
mod support;

use ndarray::Array1;
use parapolicy_sampler::{Denoiser, Noise, Sampler, Solver, Strategy, Table, WindowConfig};
use support::{observation, policy};

const OBSERVATIONS: usize = 100;
const STEPS: usize = 100;

/// What a strategy came to over all observations.
#[derive(Default)]
struct Outcome {
    rounds: usize,
    evaluations: usize,
    deviations: Vec<f32>,
}

impl Outcome {
    fn add(&mut self, sampler: &mut Sampler, denoiser: &mut dyn Denoiser, noise: &Noise, expected: &Array1<f32>) {
        let sample = sampler.sample(denoiser, noise).unwrap();
        let difference = &sample.sample() - expected;
        self.rounds += sample.statistics().rounds;
        self.evaluations += sample.statistics().evaluations;
        self.deviations.push(difference.fold(0.0, |most, value| value.abs().max(most)));
    }

    /// Mean rounds, mean evaluations, deviation p50, p90 and max.
    fn summary(mut self, name: &str) -> (f64, f64, [f32; 3]) {
        self.deviations.sort_by(f32::total_cmp);
        let count = self.deviations.len();
        let deviations = [count / 2, count * 9 / 10, count - 1].map(|index| self.deviations[index]);
        let [rounds, evaluations] = [self.rounds, self.evaluations].map(|sum| sum as f64 / count as f64);
        println!("{name}: rounds {rounds:.2}, evaluations {evaluations:.1}, deviation p50, p90, max {deviations:.5?}");
        (rounds, evaluations, deviations)
    }
}

/// Draws one sample an observation with each strategy.
fn compare<const N: usize>(strategies: [Strategy; N], observations: usize) -> [Outcome; N] {
    let mut policy = policy();
    let dim = policy.manifest().sample_dim();
    let table = Table::new(&policy.manifest().scheduler, Solver::Ddpm, STEPS).unwrap();
    let mut reference = Sampler::new(table.clone(), Strategy::sequential(), dim).unwrap();
    let mut samplers = strategies.map(|strategy| Sampler::new(table.clone(), strategy, dim).unwrap());
    let mut outcomes = strategies.map(|_| Outcome::default());
    for seed in 0..observations as u64 {
        let noise = Noise::draw(1000 + seed, STEPS, dim);
        let mut denoiser = policy.bind(observation(seed).view()).unwrap();
        let expected = reference.sample(&mut denoiser, &noise).unwrap().sample().to_owned();
        for (sampler, outcome) in samplers.iter_mut().zip(&mut outcomes) {
            outcome.add(sampler, &mut denoiser, &noise, &expected);
        }
    }
    outcomes
}

#[test]
fn parallel_strategies_keep_their_promises() {
    let windows = WindowConfig { window: 20, tolerance: 0.1 };
    let [paradigms, picard] = compare([Strategy::paradigms(windows), Strategy::picard(windows)], OBSERVATIONS);
    let (paradigms, picard) = (paradigms.summary("paradigms"), picard.summary("picard"));

    // Published for PushT: 25 rounds, 390 evaluations (Shih et al. 2023, arXiv 2305.16317).
    let (rounds, evaluations, _) = paradigms;
    assert!((22.5..=27.5).contains(&rounds) && (351.0..=429.0).contains(&evaluations));

    let (rounds, evaluations, [_, p90, max]) = picard;
    assert!(rounds <= 6.5 && evaluations <= 105.0);
    assert!(p90 <= 0.005 && max <= 0.1);
}

#[test]
fn window_1_and_tolerance_0_are_sequential_up_to_rounding() {
    let [narrow, strict] = [WindowConfig { window: 1, tolerance: 0.1 }, WindowConfig { window: 7, tolerance: 0.0 }];
    let strategies =
        [Strategy::paradigms(narrow), Strategy::picard(narrow), Strategy::paradigms(strict), Strategy::picard(strict)];
    for (strategy, outcome) in strategies.into_iter().zip(compare(strategies, 3)) {
        let (_, _, [.., max]) =
            outcome.summary(&format!("{strategy} {:?} {:?}", strategy.window(), strategy.tolerance()));
        // A batch of another size is summed in another order.
        assert!(max <= 1e-4, "{strategy}: {max}");
    }
}
