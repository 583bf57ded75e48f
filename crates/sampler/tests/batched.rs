//! Plans drawn together are the plans drawn one by one, bit for bit, and cost the calls of the longest.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

#[path = "support/mixture.rs"]
mod support;

use std::error::Error as _;

use ndarray::{ArrayView2, ArrayViewMut2, Axis};
use parapolicy_sampler::{
    BatchedDenoiser, BatchedSampler, BoxError, Budget, Denoiser, Ended, Noise, Sample, Sampler, SchedulerConfig,
    Solver, Statistics, Strategies, Strategy, Table, WindowConfig,
};
use proptest::prelude::*;
use support::{DIM, Mixture};

const STEPS: usize = 30;

type Seen = (Vec<u32>, Statistics, Option<f64>, Ended);

/// A mixture of its own for every plan.
struct Mixtures(Vec<Mixture>);

impl Mixtures {
    fn new(table: &Table, plans: usize) -> Self {
        let mixture = |plan| {
            let mut mixture = Mixture::example(table);
            mixture.means *= 1.0 - 0.3 * plan as f64;
            mixture
        };
        Self((0..plans).map(mixture).collect())
    }
}

impl BatchedDenoiser for Mixtures {
    fn predict_batched(
        &mut self,
        plans: &[usize],
        samples: ArrayView2<'_, f32>,
        timesteps: &[f32],
        mut prediction: ArrayViewMut2<'_, f32>,
    ) -> Result<(), BoxError> {
        assert!(samples.is_standard_layout() && prediction.is_standard_layout());
        assert!(plans.is_sorted());
        for (row, &plan) in plans.iter().enumerate() {
            let (_, samples) = samples.split_at(Axis(0), row);
            let (samples, _) = samples.split_at(Axis(0), 1);
            let prediction = prediction.view_mut().split_at(Axis(0), row).1.split_at(Axis(0), 1).0;
            self.0[plan].predict(samples, &timesteps[row..=row], prediction)?;
        }
        Ok(())
    }
}

fn table(solver: Solver) -> Table {
    Table::new(&SchedulerConfig::default(), solver, STEPS).unwrap()
}

fn noises(seed: u64, plans: usize) -> Vec<Noise> {
    (0..plans as u64).map(|plan| Noise::draw(seed.wrapping_add(plan), STEPS, DIM)).collect()
}

/// All that can be seen of a sample, its values to the bit.
fn seen(sample: Sample<'_>) -> Seen {
    let bits = sample.trajectory().iter().map(|value| value.to_bits()).collect();
    (bits, sample.statistics().clone(), sample.residual(), sample.ended())
}

fn one_by_one(strategy: Strategy, table: &Table, budget: Budget, noises: &[Noise]) -> Vec<Seen> {
    let mut sampler = Sampler::new(table.clone(), strategy, DIM).unwrap();
    let mixtures = Mixtures::new(table, noises.len()).0;
    let draw =
        |(mut mixture, noise): (Mixture, &Noise)| seen(sampler.sample_within(budget, &mut mixture, noise).unwrap());
    mixtures.into_iter().zip(noises).map(draw).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn together_is_one_by_one(
        seed: u64, plans in 1..7_usize, room in 0..3_usize, window in 1..40_usize, tolerance in 0.0..1.0, rounds in 1..40_usize,
    ) {
        let table = table(Solver::Ddpm);
        let noises = noises(seed, plans);
        for strategy in Strategies::default().iter() {
            let strategy = strategy.with_window(WindowConfig { window, tolerance });
            let mut sampler = BatchedSampler::new(table.clone(), strategy, DIM, plans + room).unwrap();
            // Without a limit, then with one, in the same buffers.
            for budget in [Budget::default(), Budget { rounds: Some(rounds), ..Budget::default() }] {
                let expected = one_by_one(strategy, &table, budget, &noises);
                let samples = sampler.sample_within(budget, &mut Mixtures::new(&table, plans), &noises).unwrap();
                prop_assert_eq!(samples.iter().map(seen).collect::<Vec<_>>(), &expected[..]);

                let whole = samples.statistics();
                let each = || expected.iter().map(|(_, statistics, ..)| statistics);
                prop_assert_eq!(whole.rounds, each().map(|one| one.rounds).max().unwrap());
                prop_assert_eq!(whole.evaluations, each().map(|one| one.evaluations).sum::<usize>());
                for (round, rows) in whole.windows.iter().enumerate() {
                    let asked = each().filter_map(|one| one.windows.get(round)).sum::<usize>();
                    prop_assert_eq!(*rows, asked);
                }
            }
        }
    }
}

#[test]
fn plans_for_one_observation_share_its_denoiser() {
    for solver in [Solver::Ddim { eta: 0.0 }, Solver::DpmSolverPlusPlus] {
        let table = table(solver);
        let (noises, strategy) = (noises(5, 3), Strategy::picard(WindowConfig::default()));
        let mut mixture = Mixture::example(&table);
        let mut alone = Sampler::new(table.clone(), strategy, DIM).unwrap();
        let expected: Vec<_> = noises.iter().map(|noise| seen(alone.sample(&mut mixture, noise).unwrap())).collect();
        let mut sampler = BatchedSampler::new(table, strategy, DIM, 3).unwrap();
        let samples = sampler.sample(&mut mixture, &noises).unwrap();
        assert_eq!(samples.iter().map(seen).collect::<Vec<_>>(), expected);
        assert_ne!(expected[0].0, expected[1].0);
    }
}

/// Answers what is left to be asked with `answer`, once plan 1 is asked about its second round.
struct Faulty(fn(ArrayViewMut2<'_, f32>) -> Result<(), BoxError>);

impl BatchedDenoiser for Faulty {
    fn predict_batched(
        &mut self,
        plans: &[usize],
        samples: ArrayView2<'_, f32>,
        _timesteps: &[f32],
        mut prediction: ArrayViewMut2<'_, f32>,
    ) -> Result<(), BoxError> {
        prediction.assign(&samples);
        let first = plans.iter().position(|plan| *plan == 1).ok_or("plan 1 is in every call")?;
        (self.0)(prediction.split_at(Axis(0), first).1)
    }
}

#[test]
fn errors_name_the_plan() {
    let table = table(Solver::Ddpm);
    let mut sampler = BatchedSampler::new(table.clone(), Strategy::sequential(), DIM, 3).unwrap();
    let mut refusal = |noises: &[Noise], answer| {
        let error = sampler.sample(&mut Faulty(answer), noises).err().unwrap();
        let cause = error.source().map(ToString::to_string);
        [Some(error.to_string()), cause].into_iter().flatten().collect::<Vec<_>>().join(": ")
    };
    let mut wide = noises(1, 3);
    wide[2] = Noise::draw(0, STEPS, DIM + 1);
    let errors = [
        refusal(&[], |_| Ok(())),
        refusal(&noises(1, 4), |_| Ok(())),
        refusal(&wide, |_| Ok(())),
        refusal(&noises(1, 3), |mut rest| {
            rest[[0, DIM - 1]] = f32::NAN;
            Ok(())
        }),
        refusal(&noises(1, 3), |_| Err("out of memory".into())),
    ];
    let expected = [
        "noise for 0 plans was given, but the sampler draws 1 to 3 at once",
        "noise for 4 plans was given, but the sampler draws 1 to 3 at once",
        "plan 2: initial_noise has 7 values, but the sampler needs 6",
        "plan 1: the denoiser's prediction at timestep 957 holds a value that is not finite",
        "the denoiser failed on 3 rows of plans drawn together: out of memory",
    ];
    assert_eq!(errors, expected);
    let none = BatchedSampler::new(table, Strategy::sequential(), DIM, 0).err().unwrap();
    assert_eq!(none.to_string(), "plans is 0, but must be at least 1");
}

#[test]
fn a_plan_that_fails_leaves_no_trace() {
    let table = table(Solver::Ddpm);
    let strategy = Strategy::picard(WindowConfig::default());
    let mut sampler = BatchedSampler::new(table.clone(), strategy, DIM, 2).unwrap();
    let noises = noises(8, 2);
    sampler.sample(&mut Faulty(|_| Err("no answer".into())), &noises).err().unwrap();
    let samples = sampler.sample(&mut Mixtures::new(&table, 2), &noises).unwrap();
    let found: Vec<_> = samples.iter().map(seen).collect();
    assert_eq!(found, one_by_one(strategy, &table, Budget::default(), &noises));
}
