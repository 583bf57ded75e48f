//! Every strategy draws from the distribution that `sequential` draws from: how often each mode of a mixture of
//! Gaussians is reached, and an energy-distance permutation test (Székely and Rizzo 2004) on the samples themselves.
//! No two samples share noise.
//!
//! `cargo test --release -p parapolicy-sampler --test distribution -- --ignored` takes 20,000 samples a strategy.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]
#![allow(clippy::doc_markdown, reason = "subscripts of formulas are not identifiers")]

#[path = "support/mixture.rs"]
mod support;

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, ArrayViewMut2};
use parapolicy_sampler::{
    BoxError, Denoiser, Noise, PredictionType, Sampler, SchedulerConfig, Solver, Strategies, Strategy, Table,
};
use support::{DIM, Mixture};

const STEPS: usize = 40;
/// Random divisions of the samples that the true one is compared with.
const PERMUTATIONS: usize = 99;
/// Samples whose distances are taken together.
const BLOCK: usize = 512;
/// Two-sided 99 % quantile of the normal distribution.
const QUANTILE: f64 = 2.576;

fn table(solver: Solver) -> Table {
    let config = SchedulerConfig { num_train_timesteps: 100, clip_sample: false, ..SchedulerConfig::default() };
    Table::new(&config, solver, STEPS).unwrap()
}

/// `count` samples of noise with the seeds from `first` on, `[count, D]`.
fn draw(strategy: Strategy, solver: Solver, first: u64, count: usize) -> Array2<f32> {
    let table = table(solver);
    let mut denoiser = Mixture::example(&table);
    let mut sampler = Sampler::new(table, strategy, DIM).unwrap();
    let mut samples = Array2::zeros((count, DIM));
    for (mut row, seed) in samples.rows_mut().into_iter().zip(first..) {
        row.assign(&sampler.sample(&mut denoiser, &Noise::draw(seed, STEPS, DIM)).unwrap().sample());
    }
    samples
}

fn squared_distance<A: Copy + Into<f64>>(a: ArrayView1<'_, f32>, b: ArrayView1<'_, A>) -> f64 {
    a.iter().zip(b).map(|(a, b)| (f64::from(*a) - (*b).into()).powi(2)).sum()
}

/// Share of the samples nearest to each mode.
fn frequencies(samples: &Array2<f32>) -> Vec<f64> {
    let modes = Mixture::example(&table(Solver::Ddpm)).means;
    let mut counts = vec![0; modes.nrows()];
    for sample in samples.rows() {
        let distances: Vec<f64> = modes.rows().into_iter().map(|mode| squared_distance(sample, mode)).collect();
        let nearest = (0..distances.len()).min_by(|a, b| distances[*a].total_cmp(&distances[*b])).unwrap();
        counts[nearest] += 1;
    }
    counts.into_iter().map(|count| f64::from(count) / samples.nrows() as f64).collect()
}

/// Share of divisions of `a` and `b` together whose energy distance is at least that of `a` and `b`.
///
/// For halves of equal size `n` and signs s = ±1 of their members, the energy distance 2 E‖A−B‖ − E‖A−A'‖ − E‖B−B'‖ is
/// −Σ_{ij} s_i s_j ‖x_i − x_j‖ / n², so all divisions share one pass over the distances.
fn p_value(a: &Array2<f32>, b: &Array2<f32>) -> f64 {
    let all = ndarray::concatenate![ndarray::Axis(0), *a, *b];
    let signs = divisions(all.nrows());
    let mut energies = vec![0.0_f64; PERMUTATIONS + 1];
    let mut sums = vec![0.0_f32; PERMUTATIONS + 1];
    // In blocks of rows whose signs stay in the cache.
    for block in (0..all.nrows()).step_by(BLOCK) {
        let end = (block + BLOCK).min(all.nrows());
        for i in 0..end {
            sums.fill(0.0);
            for j in block.max(i + 1)..end {
                let distance = squared_distance(all.row(i), all.row(j)).sqrt() as f32;
                let row = signs.row(j).to_slice().unwrap();
                sums.iter_mut().zip(row).for_each(|(sum, sign)| *sum += sign * distance);
            }
            for ((energy, sum), sign) in energies.iter_mut().zip(&sums).zip(signs.row(i)) {
                *energy -= f64::from(sum * sign);
            }
        }
    }
    energies.iter().filter(|energy| **energy >= energies[0]).count() as f64 / energies.len() as f64
}

/// Signs of `count` samples, `[count, 1 + PERMUTATIONS]`: first half against second in the first column, random halves
/// in the others, by the order of standard normal keys.
fn divisions(count: usize) -> Array2<f32> {
    let half = |place: usize| if place < count / 2 { 1.0 } else { -1.0 };
    let mut signs = Array2::from_shape_fn((count, PERMUTATIONS + 1), |(row, _)| half(row));
    for division in 1..=PERMUTATIONS {
        let keys = Noise::draw(u64::MAX - division as u64, 0, count);
        let mut order: Vec<usize> = (0..count).collect();
        order.sort_by(|a, b| keys.initial()[*a].total_cmp(&keys.initial()[*b]));
        order.into_iter().enumerate().for_each(|(place, row)| signs[[row, division]] = half(place));
    }
    signs
}

fn strategies_draw_from_one_distribution(count: usize) {
    agree(&Strategies::default().names().collect::<Vec<_>>(), Solver::Ddpm, count);
}

fn agree(names: &[&str], solver: Solver, count: usize) {
    let expected = draw(Strategy::sequential(), solver, 0, count);
    for (index, name) in names.iter().enumerate() {
        let found = draw(name.parse().unwrap(), solver, ((index + 1) * count) as u64, count);
        let (p, q) = (frequencies(&expected), frequencies(&found));
        let value = p_value(&expected, &found);
        println!("{name} {solver}: modes {q:.4?} of {p:.4?}, energy distance p = {value:.3}");
        for (p, q) in p.iter().zip(&q) {
            let bound = QUANTILE * (2.0 * p * (1.0 - p) / count as f64).sqrt();
            assert!((p - q).abs() <= bound, "{name} {solver}: {p} and {q} of the samples, {bound} allowed");
        }
        assert!(value > 0.01, "{name} {solver}: {value}");
    }
}

#[test]
fn few_samples() {
    strategies_draw_from_one_distribution(2_000);
    // With its corrector, which takes back part of what the steps of DDIM get wrong: 20,000 samples tell the two apart
    // (p = 0.01), though not by how often they reach each mode.
    agree(&["blocks"], Solver::Ddim { eta: 0.0 }, 2_000);
}

/// x̂0 that depends on the timestep alone, and changes fast: all states of a sample are sums of it and of the noise, so their
/// mean is the path without noise.
struct Scheduled;

impl Denoiser for Scheduled {
    fn predict(
        &mut self,
        _samples: ArrayView2<'_, f32>,
        timesteps: &[f32],
        mut prediction: ArrayViewMut2<'_, f32>,
    ) -> Result<(), BoxError> {
        for (mut row, timestep) in prediction.rows_mut().into_iter().zip(timesteps) {
            row.indexed_iter_mut().for_each(|(place, value)| *value = 2.0 * (0.09 * timestep + place as f32).cos());
        }
        Ok(())
    }
}

/// A solver of second or third order weighs the x̂0 of the steps before, not the same one again.
#[test]
fn drafts_of_several_steps_have_the_mean_of_the_steps() {
    const COUNT: u64 = 3_000;
    for solver_order in [1, 2, 3] {
        let config = SchedulerConfig {
            num_train_timesteps: 100,
            prediction_type: PredictionType::Sample,
            clip_sample: false,
            solver_order,
            ..SchedulerConfig::default()
        };
        let table = Table::new(&config, Solver::SdeDpmSolverPlusPlus, STEPS / 2).unwrap();
        let steps = table.steps();
        let still = Noise::from_parts(Array1::zeros(DIM), Array2::zeros((steps, DIM))).unwrap();
        let mut sampler = Sampler::new(table.clone(), Strategy::sequential(), DIM).unwrap();
        let expected = sampler.sample(&mut Scheduled, &still).unwrap().trajectory().mapv(f64::from);
        let mut sampler = Sampler::new(table, Strategy::speculative(8), DIM).unwrap();
        let (mut sum, mut squares) = (Array2::<f64>::zeros((steps + 1, DIM)), Array2::<f64>::zeros((steps + 1, DIM)));
        let mut rounds = 0;
        for seed in 0..COUNT {
            let sample = sampler.sample(&mut Scheduled, &Noise::draw(seed, steps, DIM)).unwrap();
            let off = sample.trajectory().mapv(f64::from) - &expected;
            rounds += sample.statistics().rounds as u64;
            squares += &off.mapv(|off| off * off);
            sum += &off;
        }
        assert!(rounds < COUNT * steps as u64, "some drafts are kept");
        // Without the last state, which is the last x̂0.
        for ((place, sum), square) in sum.indexed_iter().zip(&squares).filter(|((place, _), _)| place.0 < steps) {
            let (mean, bound) = (sum / COUNT as f64, 5.0 * square.sqrt() / COUNT as f64);
            assert!(mean.abs() <= bound, "order {solver_order}, state {place:?}: {mean} off, {bound} allowed");
        }
    }
}

#[test]
#[ignore = "a minute: 20,000 samples a strategy"]
fn many_samples() {
    strategies_draw_from_one_distribution(20_000);
}

#[test]
fn another_distribution_is_found_out() {
    let expected = draw(Strategy::sequential(), Solver::Ddpm, 0, 500);
    let mut shifted = draw(Strategy::sequential(), Solver::Ddpm, 500, 500);
    shifted += 0.1;
    assert!(p_value(&expected, &shifted) <= 0.01);
}
