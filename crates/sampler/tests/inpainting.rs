//! Samples some of whose values are known: held in every strategy, the same sample as one step after the other, and how
//! far the rest is from being drawn given them.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

#[path = "support/mixture.rs"]
mod support;

use ndarray::{Array1, Array2, ArrayView2, ArrayViewMut2, arr1, aview1};
use parapolicy_sampler::{
    BatchedSampler, BetaSchedule, BoxError, Budget, Denoiser, Known, Noise, Sampler, SchedulerConfig, Solver,
    Strategies, Strategy, Table, WindowConfig,
};
use proptest::prelude::*;
use support::{DIM, Mixture};

const STEPS: usize = 40;
const SOLVERS: [Solver; 4] =
    [Solver::Ddpm, Solver::Ddim { eta: 0.0 }, Solver::Ddim { eta: 0.5 }, Solver::DpmSolverPlusPlus];

fn table(solver: Solver, clip_sample: bool) -> Table {
    let beta_schedule = BetaSchedule::SquaredcosCapV2;
    let config = SchedulerConfig { num_train_timesteps: 100, beta_schedule, clip_sample, ..SchedulerConfig::default() };
    Table::new(&config, solver, STEPS).unwrap()
}

/// Two values held, one half-way.
fn known() -> [Array1<f32>; 2] {
    [arr1(&[0.7, -0.3, 0.2, 0.0, 0.0, 0.0]), arr1(&[1.0, 1.0, 0.5, 0.0, 0.0, 0.0])]
}

fn strategies() -> impl Iterator<Item = Strategy> {
    Strategies::default().iter().collect::<Vec<_>>().into_iter()
}

/// Draws with the known values held; none if the strategy is not defined for the solver.
fn draw(table: &Table, strategy: Strategy, noise: &Noise) -> Option<Array2<f32>> {
    let mut sampler = Sampler::new(table.clone(), strategy, DIM).ok()?;
    let [values, weights] = known();
    sampler.inpaint(values.view(), weights.view()).unwrap();
    Some(sampler.sample(&mut Mixture::example(table), noise).unwrap().trajectory().to_owned())
}

/// One step after the other in double precision, by the formulas alone.
fn serial(table: &Table, noise: &Noise) -> Vec<f64> {
    let [values, weights] = known().map(|array| array.mapv(f64::from));
    let mut mixture = Mixture::example(table);
    let mut x: Vec<f64> = noise.initial().iter().map(|value| f64::from(*value)).collect();
    let hold = |x: &mut [f64]| (0..DIM).filter(|i| weights[*i] == 1.0).for_each(|i| x[i] = values[i]);
    hold(&mut x);
    let mut previous: Option<Vec<f64>> = None;
    for (step, row) in table.rows().iter().enumerate() {
        let (alpha, sigma) = (f64::from(row.alpha), f64::from(row.sigma));
        let mut raw = [0.0; DIM];
        mixture.posterior_mean(&x, alpha, sigma, &mut raw);
        let mut held = vec![0.0; DIM];
        let mut next = vec![0.0; DIM];
        for i in 0..DIM {
            let clipped = table.clip().map_or(raw[i], |range| raw[i].clamp(-f64::from(range), f64::from(range)));
            held[i] = (1.0 - weights[i]) * clipped + weights[i] * values[i];
            // What the network says of ε, and what the known value says of it.
            let epsilon = (1.0 - weights[i]) * (x[i] - alpha * raw[i]) + weights[i] * (x[i] - alpha * values[i]);
            let excess = (epsilon - (x[i] - alpha * held[i])) / sigma;
            let before = previous.as_ref().map_or(held[i], |previous| previous[i]);
            next[i] = f64::from(row.state) * x[i]
                + f64::from(row.denoised) * held[i]
                + f64::from(row.previous) * before
                + f64::from(row.noise) * f64::from(noise.steps()[[step, i]])
                + f64::from(row.excess) * excess;
        }
        hold(&mut next);
        (x, previous) = (next, Some(held));
    }
    x
}

fn largest_difference(found: &Array2<f32>, expected: impl IntoIterator<Item = f64>) -> f64 {
    let found = found.row(found.nrows() - 1);
    found.iter().zip(expected).fold(0.0, |most, (found, value)| (f64::from(*found) - value).abs().max(most))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn one_after_the_other_it_is_the_formula(seed: u64, solver in 0..4_usize, clip: bool) {
        let (table, noise) = (table(SOLVERS[solver], clip), Noise::draw(seed, STEPS, DIM));
        let found = draw(&table, Strategy::sequential(), &noise).unwrap();
        let difference = largest_difference(&found, serial(&table, &noise));
        // Where modes are still open, rounding may decide.
        prop_assert!(difference < 1e-3, "{}", difference);
    }

    #[test]
    fn at_tolerance_0_every_strategy_draws_the_same_sample(
        seed: u64, solver in 0..4_usize, clip: bool, window in 2..50_usize,
    ) {
        let (solver, noise) = (SOLVERS[solver], Noise::draw(seed, STEPS, DIM));
        let table = table(solver, clip);
        let expected = draw(&table, Strategy::sequential(), &noise).unwrap();
        for strategy in strategies() {
            // `speculative` is exact in distribution alone, but for window 1; so is `blocks` with its corrector.
            let window = match strategy.name() {
                "speculative" => 1,
                "blocks" if !strategy.follows_sequential(solver) => STEPS,
                _ => window,
            };
            let strategy = strategy.with_window(WindowConfig { window, tolerance: 0.0 });
            if let Some(found) = draw(&table, strategy, &noise) {
                prop_assert_eq!(&found, &expected, "{} {}", strategy, solver);
            }
        }
    }
}

#[test]
fn known_values_are_kept_to_the_bit() {
    let [values, _] = known();
    for solver in SOLVERS {
        for set_alpha_to_one in [true, false] {
            let config = SchedulerConfig { set_alpha_to_one, clip_sample: false, ..SchedulerConfig::default() };
            let table = Table::new(&config, solver, STEPS).unwrap();
            for strategy in strategies() {
                let Some(found) = draw(&table, strategy, &Noise::draw(3, STEPS, DIM)) else { continue };
                assert_eq!(found.row(STEPS).to_vec()[..2], values.to_vec()[..2], "{strategy} {solver}");
            }
        }
    }
}

#[test]
fn plans_cut_short_keep_known_values_too() {
    let ([values, weights], table) = (known(), table(Solver::Ddpm, true));
    for strategy in strategies() {
        for rounds in [1, 2, 3, 5] {
            let mut sampler = Sampler::new(table.clone(), strategy, DIM).unwrap();
            sampler.inpaint(values.view(), weights.view()).unwrap();
            let budget = Budget { rounds: Some(rounds), ..Budget::default() };
            let noise = Noise::draw(rounds as u64, STEPS, DIM);
            let sample = sampler.sample_within(budget, &mut Mixture::example(&table), &noise).unwrap();
            assert_eq!(sample.sample().to_vec()[..2], values.to_vec()[..2], "{strategy} {rounds}");
        }
    }
}

/// As without known values (`exactness.rs`), a sample in twenty may end in another mode.
#[test]
fn within_the_tolerance_strategies_are_close_to_one_after_the_other() {
    for solver in SOLVERS {
        let table = table(solver, true);
        for strategy in strategies() {
            if matches!(strategy.name(), "speculative" | "blocks") {
                continue;
            }
            let far = |seed: &u64| {
                let noise = Noise::draw(*seed, STEPS, DIM);
                let expected = draw(&table, Strategy::sequential(), &noise).unwrap();
                let found = draw(&table, strategy, &noise).unwrap();
                largest_difference(&found, expected.row(STEPS).iter().map(|value| f64::from(*value))) > 0.1
            };
            assert!((0..20).filter(far).count() <= 1, "{strategy} {solver}");
        }
    }
}

#[test]
fn what_was_known_of_one_sample_is_not_known_of_the_next() {
    let ([values, weights], table) = (known(), table(Solver::Ddpm, true));
    for strategy in strategies() {
        let mut denoiser = Mixture::example(&table);
        let mut sampler = Sampler::new(table.clone(), strategy, DIM).unwrap();
        let mut draw = |sampler: &mut Sampler| {
            sampler.sample(&mut denoiser, &Noise::draw(9, STEPS, DIM)).unwrap().trajectory().to_owned()
        };
        let free = draw(&mut sampler);
        sampler.inpaint(values.view(), weights.view()).unwrap();
        assert_ne!(draw(&mut sampler), free);
        assert_eq!(draw(&mut sampler), free, "{strategy}");
        sampler.inpaint(values.view(), Array1::zeros(DIM).view()).unwrap();
        assert_eq!(draw(&mut sampler), free, "{strategy}: held by nothing");
    }
}

#[test]
fn plans_drawn_together_have_known_values_of_their_own() {
    let ([values, weights], table) = (known(), table(Solver::Ddpm, true));
    let noises: Vec<Noise> = (0..3).map(|seed| Noise::draw(seed, STEPS, DIM)).collect();
    let mut denoiser = Mixture::example(&table);
    for strategy in strategies() {
        let mut together = BatchedSampler::new(table.clone(), strategy, DIM, 3).unwrap();
        together.inpaint(1, values.view(), weights.view()).unwrap();
        let samples = together.sample(&mut denoiser, &noises).unwrap();
        let found: Vec<_> = samples.iter().map(|sample| sample.trajectory().to_owned()).collect();
        let mut alone = Sampler::new(table.clone(), strategy, DIM).unwrap();
        for (plan, (noise, found)) in noises.iter().zip(found).enumerate() {
            if plan == 1 {
                alone.inpaint(values.view(), weights.view()).unwrap();
            }
            assert_eq!(alone.sample(&mut denoiser, noise).unwrap().trajectory(), found, "{strategy}, plan {plan}");
        }
    }
}

#[test]
fn saying_what_is_known_allocates_nothing() {
    let ([values, weights], table) = (known(), table(Solver::Ddpm, true));
    let mut denoiser = Mixture::example(&table);
    let mut sampler = Sampler::new(table, Strategy::picard(WindowConfig::default()), DIM).unwrap();
    let noise = Noise::draw(0, STEPS, DIM);
    sampler.sample(&mut denoiser, &noise).unwrap();
    let counted = allocation_counter::measure(|| {
        sampler.inpaint(values.view(), weights.view()).unwrap();
        sampler.sample(&mut denoiser, &noise).unwrap();
    });
    assert_eq!(counted.count_total, 0);
}

#[test]
fn what_cannot_be_known_is_refused_by_name() {
    let mut sampler = Sampler::new(table(Solver::Ddpm, true), Strategy::sequential(), 2).unwrap();
    let mut refusal =
        |values: &[f32], weights: &[f32]| sampler.inpaint(aview1(values), aview1(weights)).unwrap_err().to_string();
    let refusals = [
        refusal(&[0.0], &[1.0, 1.0]),
        refusal(&[0.0, 0.0], &[1.0]),
        refusal(&[0.0, f32::NAN], &[1.0, 1.0]),
        refusal(&[0.0, 0.0], &[1.0, 1.5]),
        refusal(&[0.0, 0.0], &[f32::NAN, 1.0]),
    ];
    let expected = [
        "known values is 1 numbers, but must be 2 numbers",
        "weights of the known values is 1 numbers, but must be 2 numbers",
        "known values is NaN, but must be finite",
        "weights of the known values is 1.5, but must be from 0 to 1",
        "weights of the known values is NaN, but must be from 0 to 1",
    ];
    assert_eq!(refusals, expected);
    let mut batched = BatchedSampler::new(table(Solver::Ddpm, true), Strategy::sequential(), 2, 3).unwrap();
    let none = batched.inpaint(3, aview1(&[0.0; 2]), aview1(&[1.0; 2])).unwrap_err();
    assert_eq!(none.to_string(), "plan is 3, but must be less than 3");
}

/// Two values of variance `VARIANCE` and correlation ρ: all that is known of data in closed form.
struct Pair {
    table: Table,
    correlation: f64,
}

const VARIANCE: f64 = 0.1;

impl Denoiser for Pair {
    /// ε = σ (α² Σ + σ² I)⁻¹ x.
    fn predict(
        &mut self,
        samples: ArrayView2<'_, f32>,
        timesteps: &[f32],
        mut prediction: ArrayViewMut2<'_, f32>,
    ) -> Result<(), BoxError> {
        for (row, timestep) in timesteps.iter().enumerate() {
            let step = self.table.rows().iter().find(|step| step.timestep == *timestep).ok_or("unknown timestep")?;
            let (signal, sigma) = (f64::from(step.alpha).powi(2) * VARIANCE, f64::from(step.sigma));
            let (own, both) = (signal + sigma * sigma, signal * self.correlation);
            let factor = sigma / (own * own - both * both);
            let x = [0, 1].map(|i| f64::from(samples[[row, i]]));
            prediction[[row, 0]] = (factor * (own * x[0] - both * x[1])) as f32;
            prediction[[row, 1]] = (factor * (own * x[1] - both * x[0])) as f32;
        }
        Ok(())
    }
}

/// The free value's mean, over the known one's value, and its variance; to rounding, as all is linear in the noise: the
/// mean is the sample of no noise, and each number of the noise adds the square of its own sample.
fn moments(solver: Solver, steps: usize, correlation: f64) -> [f64; 2] {
    let config = SchedulerConfig {
        num_train_timesteps: 100,
        beta_schedule: BetaSchedule::SquaredcosCapV2,
        clip_sample: false,
        ..SchedulerConfig::default()
    };
    let table = Table::new(&config, solver, steps).unwrap();
    let mut pair = Pair { table: table.clone(), correlation };
    let mut sampler = Sampler::new(table, Strategy::sequential(), 2).unwrap();
    let mut free = |value: f32, number: Option<usize>| {
        let mut initial = Array1::zeros(2);
        let mut noise = Array2::zeros((steps, 2));
        match number {
            Some(number @ 0..2) => initial[number] = 1.0,
            Some(number) => noise[[number / 2 - 1, number % 2]] = 1.0,
            None => {}
        }
        let noise = Noise::from_parts(initial, noise).unwrap();
        sampler.inpaint(aview1(&[value, 0.0]), aview1(&[1.0, 0.0])).unwrap();
        f64::from(sampler.sample(&mut pair, &noise).unwrap().sample()[1])
    };
    let mean = free(1.0, None);
    [mean, (0..2 * (steps + 1)).map(|number| free(0.0, Some(number)).powi(2)).sum()]
}

/// In closed form the free value, given the known one, has mean ρ·known and variance (1 − ρ²)·VARIANCE. It hears half of
/// that where the two have little to do with each other, and nearly all where they go together.
#[test]
fn the_free_value_hears_of_the_known_one_but_not_all() {
    let mut heard = 0.5;
    for correlation in [0.3, 0.6, 0.9, 0.99] {
        let [mean, variance] = moments(Solver::Ddpm, 100, correlation);
        let exact = (1.0 - correlation * correlation) * VARIANCE;
        println!(
            "ρ = {correlation}: mean {:.3}, variance {:.3} of the closed form's",
            mean / correlation,
            variance / exact
        );
        assert!(mean / correlation > heard && mean < correlation, "{mean}");
        heard = mean / correlation;
        // DDPM itself leaves a tenth of the variance out.
        assert!(variance > 0.9 * exact && variance < VARIANCE, "{variance}");
    }
    assert!(heard > 0.8, "{heard}");
    let [mean, variance] = moments(Solver::Ddpm, 100, 0.0);
    assert!(mean.abs() < 1e-6 && (variance / VARIANCE - 0.9).abs() < 0.02, "nothing to hear of: {mean} {variance}");
}

/// A network that knows a part of every sample.
struct Knows(Mixture, [Array1<f32>; 2]);

impl Denoiser for Knows {
    fn predict(
        &mut self,
        samples: ArrayView2<'_, f32>,
        timesteps: &[f32],
        prediction: ArrayViewMut2<'_, f32>,
    ) -> Result<(), BoxError> {
        self.0.predict(samples, timesteps, prediction)
    }

    fn known(&self) -> Option<Known<'_>> {
        let [values, weights] = &self.1;
        Some(Known { values: values.view(), weights: weights.view() })
    }
}

#[test]
fn what_the_network_knows_is_held_as_if_the_sampler_were_told() {
    let table = table(Solver::Ddpm, true);
    let noise = Noise::draw(3, STEPS, DIM);
    let [values, weights] = known();
    // The network knows the last of the values, the sampler the others, and wrongly the last.
    let by_network = arr1(&[0.0, 0.0, 0.5, 0.0, 0.0, 0.0]);
    let mut wrong = values.clone();
    wrong[2] = -1.0;
    for strategy in strategies() {
        let Some(told) = draw(&table, strategy, &noise) else { continue };
        let mut network = Knows(Mixture::example(&table), [values.clone(), weights.clone()]);
        let mut sampler = Sampler::new(table.clone(), strategy, DIM).unwrap();
        // Every time anew.
        for _ in 0..2 {
            assert_eq!(sampler.sample(&mut network, &noise).unwrap().trajectory(), told, "{strategy}");
        }
        let mut batched = BatchedSampler::new(table.clone(), strategy, DIM, 2).unwrap();
        let noises = [noise.clone(), noise.clone()];
        for sample in batched.sample(&mut network, &noises).unwrap().iter() {
            assert_eq!(sample.trajectory(), told, "{strategy}");
        }
        network.1[1] = by_network.clone();
        sampler.inpaint(wrong.view(), weights.view()).unwrap();
        assert_eq!(sampler.sample(&mut network, &noise).unwrap().trajectory(), told, "{strategy}");
    }
}

#[test]
fn nonsense_that_the_network_knows_is_refused() {
    let table = table(Solver::Ddpm, true);
    let mut network = Knows(Mixture::example(&table), known());
    network.1[0] = Array1::zeros(2);
    let mut sampler = Sampler::new(table, Strategy::sequential(), DIM).unwrap();
    let error = sampler.sample(&mut network, &Noise::draw(0, STEPS, DIM)).unwrap_err().to_string();
    assert!(error.contains("known values"), "{error}");
}
