//! Plans drawn together on the trained network: how far they are from plans drawn one by one. The mathematics is the same
//! to the bit; ONNX Runtime sums a batch of another size in another order.
//!
//! `cargo test --release -p parapolicy-tests --test many_on_network -- --nocapture` prints the figures.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

mod support;

use std::path::Path;

use ndarray::{Array1, Array2};
use parapolicy_control::{DiffusionPolicy, Episode, BatchedDiffusionPolicy, PushT, run_episode, run_episodes};
use parapolicy_pusht::Scenario;
use parapolicy_sampler::{BatchedSampler, Noise, Sampler, Solver, Strategy, Table};
use support::{observation, policy};

const PLANS: usize = 12;
const STEPS: usize = 100;

/// Draws plans for as many observations one by one, then together; returns their deviations (the largest of a plan, in
/// normalised action units), and rounds and evaluations of each way.
fn compare(strategy: Strategy) -> (Vec<f32>, [(usize, usize); 2]) {
    let mut policy = policy();
    let dim = policy.manifest().sample_dim();
    let table = Table::new(&policy.manifest().scheduler, Solver::Ddpm, STEPS).unwrap();
    let noises: Vec<Noise> = (0..PLANS as u64).map(|seed| Noise::draw(1000 + seed, STEPS, dim)).collect();
    let observations: Vec<Array2<f64>> = (0..PLANS as u64).map(observation).collect();

    let mut alone = Sampler::new(table.clone(), strategy, dim).unwrap();
    let mut cost = [(0, 0); 2];
    let one_by_one: Vec<Array1<f32>> = observations
        .iter()
        .zip(&noises)
        .map(|(observation, noise)| {
            let sample = alone.sample(&mut policy.bind(observation.view()).unwrap(), noise).unwrap();
            cost[0].0 += sample.statistics().rounds;
            cost[0].1 += sample.statistics().evaluations;
            sample.sample().to_owned()
        })
        .collect();

    let mut many = BatchedSampler::new(table, strategy, dim, PLANS).unwrap();
    let mut denoiser = policy.bind_batched(observations.iter().map(|one| one.view())).unwrap();
    let samples = many.sample(&mut denoiser, &noises).unwrap();
    cost[1] = (samples.statistics().rounds, samples.statistics().evaluations);
    let deviation = |(sample, alone): (parapolicy_sampler::Sample<'_>, &Array1<f32>)| {
        (&sample.sample() - alone).fold(0.0_f32, |most, value| value.abs().max(most))
    };
    let mut deviations: Vec<f32> = samples.iter().zip(&one_by_one).map(deviation).collect();
    deviations.sort_by(f32::total_cmp);
    println!(
        "{strategy}: deviation p50 {:.1e}, max {:.1e}; calls, rows one by one {:?}, together {:?}",
        deviations[PLANS / 2],
        deviations[PLANS - 1],
        cost[0],
        cost[1]
    );
    (deviations, cost)
}

#[test]
fn sequential_plans_together_are_one_by_one_up_to_rounding() {
    let (deviations, cost) = compare(Strategy::sequential());
    assert!(deviations[PLANS - 1] <= 1e-4, "{deviations:?}");
    assert_eq!(cost, [(PLANS * STEPS, PLANS * STEPS), (STEPS, PLANS * STEPS)]);
}

/// Whether a step is accepted may turn on the last bit; the plan then differs by what the tolerance allows.
#[test]
fn picard_plans_together_are_one_by_one_within_the_tolerance() {
    let (deviations, [(_, alone), (rounds, together)]) = compare("picard".parse().unwrap());
    assert!(deviations[PLANS / 2] <= 1e-3 && deviations[PLANS - 1] <= 0.1, "{deviations:?}");
    assert!(rounds < STEPS / 4 && together.abs_diff(alone) <= alone / 20);
}

fn rewards(episodes: &[Episode]) -> Vec<f64> {
    episodes.iter().map(|episode| episode.reward).collect()
}

/// Three environments play five episodes; each begins as it does alone, and earns what it earns alone but for what
/// contacts make of the last bits.
#[test]
fn the_loop_of_many_environments_plays_the_episodes_of_one() {
    let mut policy = policy();
    let dim = policy.manifest().sample_dim();
    let sims = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sims");
    let environment = || PushT::new(Scenario::load(&sims.join("nominal.toml")).unwrap(), support::policy().manifest());
    let table = Table::new(&policy.manifest().scheduler, Solver::Ddim { eta: 0.0 }, 10).unwrap();
    let seeds = 100_000..100_005_u64;

    let mut sampler = Sampler::new(table.clone(), Strategy::sequential(), dim).unwrap();
    let mut first_actions = Vec::new();
    let alone: Vec<Episode> = seeds
        .clone()
        .map(|seed| {
            let mut driver = DiffusionPolicy::new(&mut policy, &mut sampler);
            run_episode(&mut driver, &mut environment().unwrap(), seed, |_, step| {
                if step.index == 0 {
                    first_actions.push(step.plan.actions.clone());
                }
            })
            .unwrap()
        })
        .collect();

    let mut sampler = BatchedSampler::new(table, Strategy::sequential(), dim, 3).unwrap();
    let mut environments: Vec<PushT> = (0..3).map(|_| environment().unwrap()).collect();
    let mut driver = BatchedDiffusionPolicy::new(&mut policy, &mut sampler);
    let together = run_episodes(&mut driver, &mut environments, seeds.clone(), |seed, _, step| {
        if step.index == 0 {
            // In pixels.
            let difference = &step.plan.actions - &first_actions[(seed - seeds.start) as usize];
            assert!(difference.iter().all(|value| value.abs() < 0.05), "seed {seed}: {difference}");
        }
    })
    .unwrap();
    println!("rewards one by one {:.4?}, together {:.4?}", rewards(&alone), rewards(&together));
    assert_eq!(together.iter().map(|episode| episode.seed).collect::<Vec<_>>(), seeds.collect::<Vec<_>>());
    let same = alone.iter().zip(&together).filter(|(alone, together)| (alone.reward - together.reward).abs() < 0.01);
    assert!(same.count() >= 4, "{:?} {:?}", rewards(&alone), rewards(&together));
    assert!(together.iter().flat_map(|episode| &episode.plans).all(|plan| plan.together <= 3));
}
