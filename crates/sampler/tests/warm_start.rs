//! Samples that begin with what the one before ended with.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

#[path = "support/mixture.rs"]
mod support;

use parapolicy_sampler::{Noise, Sampler, SchedulerConfig, Solver, Strategies, Strategy, Table, WindowConfig};
use support::{DIM, Mixture};

const STEPS: usize = 50;

fn table(solver: Solver) -> Table {
    Table::new(&SchedulerConfig::default(), solver, STEPS).unwrap()
}

/// The noise of a plan and that of the plan one action (two values) later.
fn consecutive(seed: u64) -> [Noise; 2] {
    let first = Noise::draw(seed, STEPS, DIM);
    let mut second = first.clone();
    second.shift(2, seed + 1000);
    [first, second]
}

#[test]
fn shifted_noise_is_the_old_noise_and_fresh_noise_after_it() {
    let [before, after] = consecutive(1);
    for (before, after) in std::iter::once((before.initial(), after.initial()))
        .chain(before.steps().rows().into_iter().zip(after.steps().rows()))
    {
        assert_eq!(before.iter().skip(2).collect::<Vec<_>>(), after.iter().take(DIM - 2).collect::<Vec<_>>());
        assert!(before.iter().all(|value| *value != after[DIM - 1]), "the end is new");
    }
    assert_ne!(before.uniforms(), after.uniforms());
    let rebuilt = Noise::from_parts(after.initial().to_owned(), after.steps().to_owned()).unwrap();
    assert_eq!(rebuilt, after, "what follows from the noise follows from the shifted noise");
    let mut fresh = before.clone();
    fresh.shift(usize::MAX, 7);
    assert_eq!(fresh, Noise::draw(7, STEPS, DIM), "shifted out of sight, it is drawn anew");
}

#[test]
fn a_warm_start_does_not_move_the_fixed_point() {
    for solver in [Solver::Ddpm, Solver::Ddim { eta: 0.0 }, Solver::DpmSolverPlusPlus] {
        let table = table(solver);
        let mut denoiser = Mixture::example(&table);
        let [first, second] = consecutive(3);
        let mut sequential = Sampler::new(table.clone(), Strategy::sequential(), DIM).unwrap();
        let expected = sequential.sample(&mut denoiser, &second).unwrap().trajectory().to_owned();
        let exact = WindowConfig { window: 20, tolerance: 0.0 };
        for strategy in Strategies::default().iter().map(|strategy| strategy.with_window(exact)) {
            // Its drafts depend on how fast x̂0 has changed so far.
            if strategy.name() == "speculative" {
                continue;
            }
            let Ok(mut sampler) = Sampler::new(table.clone(), strategy, DIM) else { continue };
            let mut draw = |warm: bool| {
                sampler.sample(&mut denoiser, &first).unwrap();
                if warm {
                    sampler.warm_start(2, 2);
                }
                sampler.sample(&mut denoiser, &second).unwrap().trajectory().to_owned()
            };
            let (cold, warm) = (draw(false), draw(true));
            if strategy.name() == "picard" {
                assert_eq!(warm, expected, "{solver}");
            }
            assert_eq!(warm, cold, "{strategy} {solver}");
        }
    }
}

/// Rounds of `picard` for the second of two plans, summed over noises.
fn rounds(begin: impl Fn(&mut Sampler)) -> usize {
    let table = table(Solver::Ddpm);
    let mut denoiser = Mixture::example(&table);
    let mut sampler = Sampler::new(table, Strategy::picard(WindowConfig::default()), DIM).unwrap();
    let mut second = |seed| {
        let [first, second] = consecutive(seed);
        sampler.sample(&mut denoiser, &first).unwrap();
        begin(&mut sampler);
        sampler.sample(&mut denoiser, &second).unwrap().statistics().rounds
    };
    (0..20).map(&mut second).sum()
}

#[test]
fn what_was_forgotten_is_no_guess() {
    let cold = rounds(|_| {});
    let forgotten = rounds(|sampler| {
        sampler.warm_start(2, 2);
        sampler.cold_start();
        sampler.warm_start(2, 2);
    });
    assert_eq!(forgotten, cold);
    assert_ne!(rounds(|sampler| sampler.warm_start(2, 2)), cold);
}

#[test]
fn a_warm_start_allocates_nothing() {
    let table = table(Solver::Ddpm);
    let mut denoiser = Mixture::example(&table);
    let mut sampler = Sampler::new(table, Strategy::picard(WindowConfig::default()), DIM).unwrap();
    let mut noise = Noise::draw(0, STEPS, DIM);
    sampler.sample(&mut denoiser, &noise).unwrap();
    let counted = allocation_counter::measure(|| {
        noise.shift(2, 1);
        sampler.warm_start(2, 2);
        sampler.sample(&mut denoiser, &noise).unwrap();
    });
    assert_eq!(counted.count_total, 0);
}

/// A sample noised again and denoised by the rest of the steps: the fewer they are, the less it moves.
#[test]
fn the_rest_of_a_table_denoises_a_sample_again() {
    let table = table(Solver::Ddpm);
    let mut denoiser = Mixture::example(&table);
    let mut whole = Sampler::new(table.clone(), Strategy::sequential(), DIM).unwrap();
    let moved = [STEPS / 4, STEPS - 2].map(|skipped| {
        let rest = table.skip(skipped).unwrap();
        let mut again = Sampler::new(rest.clone(), Strategy::sequential(), DIM).unwrap();
        let mut distance = |seed: u64, denoiser: &mut Mixture, whole: &mut Sampler| {
            let sample = whole.sample(denoiser, &Noise::draw(seed, STEPS, DIM)).unwrap().sample().to_owned();
            let noise = Noise::draw(seed + 100, rest.steps(), DIM).around(sample.view(), &rest);
            let other = again.sample(denoiser, &noise).unwrap();
            assert_eq!(other.statistics().rounds, STEPS - skipped);
            (&other.sample() - &sample).fold(0.0_f32, |most, value| most.max(value.abs()))
        };
        (0..20).map(|seed| distance(seed, &mut denoiser, &mut whole)).sum::<f32>()
    });
    assert!(moved[0] > moved[1], "{moved:?}");
    let none = table.skip(STEPS).unwrap_err().to_string();
    assert_eq!(none, "skipped steps is 50, but must be less than the number of steps (50)");
}
