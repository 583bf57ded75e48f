//! The shipped policy of images: frames of the simulator through the encoder into the loop, by every strategy.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::path::{Path, PathBuf};

use parapolicy_control::DiffusionPolicy;
use parapolicy_eval::{Episode, Recorder, run_episode};
use parapolicy_ort::backends;
use parapolicy_policy::{Inference, Network};
use parapolicy_pusht::{PushT, PushTScene, Scenario};
use parapolicy_sampler::{Sampler, Solver, Strategies, Strategy, Table};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

struct Setup {
    policy: Network,
    environment: PushT,
}

impl Setup {
    /// Episodes of so many control steps; the engine runs denoiser and encoder.
    fn new(max_control_steps: usize) -> Self {
        let engine = Inference { threads: 2, ..backends().inference() };
        let policy = Network::load(&root().join("models/pusht-image"), &engine.open(&()).unwrap()).unwrap();
        let nominal = Scenario::load(&root().join("sims/nominal.toml")).unwrap();
        let environment = PushT::new(Scenario { max_control_steps, ..nominal }, policy.manifest()).unwrap();
        Self { policy, environment }
    }

    /// An episode, and where agent and block were on the way: x and y of each.
    fn episode(&mut self, strategy: &str, solver: Solver, steps: usize, seed: u64) -> (Episode, Vec<[f64; 4]>) {
        let manifest = self.policy.manifest();
        let table = Table::new(&manifest.scheduler, solver, steps).unwrap();
        let strategy: Strategy = strategy.parse().unwrap();
        let mut sampler = Sampler::new(table, strategy, manifest.sample_dim()).unwrap();
        let mut driver = DiffusionPolicy::new(&mut self.policy, &mut sampler);
        let recorder = Recorder::of(seed);
        let episode =
            run_episode(&mut driver, &mut self.environment, seed, &recorder.sampler(strategy.name())).unwrap();
        let place = |scene: &[f64]| {
            let [x, y, block_x, block_y, _] = PushTScene::read(scene).unwrap().state.to_array();
            [x, y, block_x, block_y]
        };
        (episode, recorder.recordings().first[0].moments.iter().map(|moment| place(&moment.scene)).collect())
    }
}

/// All but `speculative`, whose plans are others of the same distribution, go where `sequential` goes.
#[test]
fn every_strategy_drives_it() {
    const CONTROL_STEPS: usize = 16;
    let mut setup = Setup::new(CONTROL_STEPS);
    let (_, expected) = setup.episode("sequential", Solver::Ddpm, 50, 100_000);
    for strategy in Strategies::default().names() {
        let (episode, places) = setup.episode(strategy, Solver::Ddpm, 50, 100_000);
        assert_eq!((episode.plans.len(), places.len()), (2, CONTROL_STEPS), "{strategy}");
        let apart = places.iter().flatten().zip(expected.iter().flatten()).map(|(a, b)| (a - b).abs());
        let apart = apart.fold(0.0, f64::max);
        assert!(places.iter().flatten().all(|place| (0.0..=512.0).contains(place)), "{strategy}: {places:?}");
        assert!(strategy == "speculative" || apart < 2.0, "{strategy}: {apart} px apart");
    }
    let first = expected[0];
    assert!(
        expected[CONTROL_STEPS - 1].iter().zip(first).any(|(place, first)| (place - first).abs() > 50.0),
        "{first:?}"
    );
}

/// Pixels out of order, another scale or an encoder that does not see leave the block far from the goal.
#[test]
fn it_solves_the_task() {
    let mut setup = Setup::new(300);
    let play = |seed| setup.episode("picard", Solver::Ddim { eta: 0.0 }, 10, seed).0.reward;
    let rewards: Vec<f64> = (100_000..100_004).map(play).collect();
    assert!(rewards.iter().sum::<f64>() / rewards.len() as f64 > 0.8, "{rewards:?}");
}

#[test]
fn the_same_seed_gives_the_same_episode_to_the_bit() {
    let [first, again] = [(); 2].map(|()| Setup::new(24).episode("picard", Solver::Ddpm, 20, 100_003).1);
    assert_eq!(first, again);
}
