//! Plans drawn together on the trained network: how far they are from plans drawn one by one. The mathematics is the same
//! to the bit; ONNX Runtime sums a batch of another size in another order.
//!
//! `cargo test --release -p parapolicy-tests --test many_on_network -- --nocapture` prints the figures.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

#[path = "support/shipped.rs"]
mod support;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};

use ndarray::{Array1, Array2};
use parapolicy_control::{BatchedDiffusionPolicy, DiffusionPolicy, Environment, EpisodeObserver, Observer, PlanEvent};
use parapolicy_eval::{Episode, run_episode, run_episodes};
use parapolicy_pusht::{PushT, Scenario};
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

/// Keeps the actions of the first plan of every episode, by its seed.
#[derive(Clone, Default)]
struct FirstPlans(Arc<Mutex<BTreeMap<u64, Array2<f64>>>>);

/// The first plan of an episode.
struct FirstPlan(u64, FirstPlans);

impl Observer for FirstPlans {
    fn begin(&self, seed: u64) -> Arc<dyn EpisodeObserver> {
        Arc::new(FirstPlan(seed, self.clone()))
    }
}

impl EpisodeObserver for FirstPlan {
    fn plan(&self, event: &PlanEvent<'_>) {
        let Self(seed, FirstPlans(all)) = self;
        all.lock().unwrap().entry(*seed).or_insert_with(|| event.plan.actions.clone());
    }
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
    let first_alone = FirstPlans::default();
    let alone: Vec<Episode> = seeds
        .clone()
        .map(|seed| {
            let mut driver = DiffusionPolicy::new(&mut policy, &mut sampler);
            run_episode(&mut driver, &mut environment().unwrap(), seed, &first_alone).unwrap()
        })
        .collect();

    let mut sampler = BatchedSampler::new(table, Strategy::sequential(), dim, 3).unwrap();
    let mut environments: Vec<Box<dyn Environment>> = (0..3).map(|_| Box::new(environment().unwrap()) as _).collect();
    let mut driver = BatchedDiffusionPolicy::new(&mut policy, &mut sampler);
    let first_together = FirstPlans::default();
    let together = run_episodes(&mut driver, &mut environments, seeds.clone(), &first_together).unwrap();
    let [first_alone, first_together] = [&first_alone, &first_together].map(|first| first.0.lock().unwrap());
    assert!(first_alone.keys().copied().eq(seeds.clone()) && first_together.keys().copied().eq(seeds.clone()));
    for (seed, actions) in first_together.iter() {
        // In pixels.
        let difference = actions - &first_alone[seed];
        assert!(difference.iter().all(|value| value.abs() < 0.05), "seed {seed}: {difference}");
    }
    println!("rewards one by one {:.4?}, together {:.4?}", rewards(&alone), rewards(&together));
    assert_eq!(together.iter().map(|episode| episode.seed).collect::<Vec<_>>(), seeds.collect::<Vec<_>>());
    let same = alone.iter().zip(&together).filter(|(alone, together)| (alone.reward - together.reward).abs() < 0.01);
    assert!(same.count() >= 4, "{:?} {:?}", rewards(&alone), rewards(&together));
    assert!(together.iter().flat_map(|episode| &episode.plans).all(|plan| plan.together <= 3));
}
