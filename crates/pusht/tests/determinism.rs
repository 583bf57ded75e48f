//! Same seed and actions, same bytes: from any thread, one by one or together, and across snapshot and restore.

#![allow(clippy::unwrap_used, reason = "what fails in a helper fails the test")]

use std::path::Path;
use std::thread;

use parapolicy_pusht::{Scenario, Snapshot, Task, Transition, VectorWorld};

const STEPS: usize = 150;

fn scenario(name: &str) -> Scenario {
    Scenario::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sims").join(name)).unwrap()
}

/// Actions that hunt the block around the table, so that every kind of contact comes up.
fn action(task: &Task, step: usize) -> [f64; 2] {
    let block = task.world().state().block.position;
    let (sine, cosine) = (step as f64 * 0.7).sin_cos();
    [block.x + 90.0 * cosine, block.y + 90.0 * sine]
}

fn bytes(transition: &Transition) -> Vec<u64> {
    let outcome = transition.outcome;
    let numbers = transition.observation.to_array().into_iter().chain([outcome.reward, outcome.coverage]);
    numbers.map(f64::to_bits).collect()
}

fn episode(name: &str, seed: u64) -> Vec<Vec<u64>> {
    let mut task = Task::new(scenario(name));
    task.reset(seed);
    (0..STEPS).map(|step| bytes(&task.step(action(&task, step)).unwrap())).collect()
}

#[test]
fn any_thread_gives_the_same_bytes() {
    for name in ["nominal.toml", "perturbed.toml"] {
        let here = episode(name, 100_003);
        let there: Vec<_> = (0..3).map(|_| thread::spawn(move || episode(name, 100_003))).collect();
        for thread in there {
            assert_eq!(here, thread.join().unwrap(), "{name}");
        }
    }
}

#[test]
fn a_used_task_replays_an_episode_exactly() {
    let mut task = Task::new(scenario("perturbed.toml"));
    for _ in 0..2 {
        task.reset(100_005);
        let again: Vec<_> = (0..STEPS).map(|step| bytes(&task.step(action(&task, step)).unwrap())).collect();
        assert_eq!(episode("perturbed.toml", 100_005), again);
    }
}

#[test]
fn a_restored_world_goes_on_as_before() {
    let mut task = Task::new(scenario("nominal.toml"));
    task.reset(100_004);
    for step in 0..60 {
        task.step(action(&task, step)).unwrap();
    }
    let mut world = parapolicy_pusht::World::new();
    let snapshot = task.world().snapshot();
    // A world with another past, and one that is restored twice.
    world.step([0.0, 512.0]).unwrap();
    for _ in 0..2 {
        world.restore(&snapshot);
        assert_eq!(world.snapshot(), snapshot);
        let mut original = parapolicy_pusht::World::new();
        original.restore(&snapshot);
        for step in 60..STEPS {
            let target = [256.0 + 200.0 * (step as f64).sin(), 256.0 + 200.0 * (step as f64 * 0.6).cos()];
            assert_eq!(original.step(target).unwrap(), world.step(target).unwrap());
            assert_eq!(original.snapshot(), world.snapshot());
        }
    }
}

/// The world is as it would be had it never been stored, as numbers in a file at that.
#[test]
fn a_snapshot_holds_everything() {
    let mut task = Task::new(scenario("nominal.toml"));
    task.reset(100_006);
    let mut other = parapolicy_pusht::World::new();
    for step in 0..STEPS {
        other.restore(&Snapshot::from_array(task.world().snapshot().to_array()).unwrap());
        assert_eq!(task.world().touched(), other.touched());
        let target = action(&task, step);
        let outcome = task.step(target).unwrap().outcome;
        assert_eq!(outcome, other.step(target).unwrap());
        assert_eq!(task.world().snapshot(), other.snapshot());
    }
}

#[test]
fn together_is_the_same_as_one_by_one() {
    let seeds: Vec<u64> = (100_000..100_013).collect();
    let scenario = scenario("perturbed.toml");
    let mut together = VectorWorld::new(&scenario, seeds.len());
    together.reset(&seeds).unwrap();
    let mut alone: Vec<Task> = seeds.iter().map(|_| Task::new(scenario.clone())).collect();
    for (task, &seed) in alone.iter_mut().zip(&seeds) {
        task.reset(seed);
    }
    // Halfway, one of them begins anew where the others do not.
    let start = alone[3].world().state();
    for step in 0..STEPS {
        if step == STEPS / 2 {
            assert_eq!(alone[3].reset_to(&start).unwrap(), together.reset_to(3, &start).unwrap());
        }
        let actions: Vec<_> = alone.iter().map(|task| action(task, step)).collect();
        let transitions = together.step(&actions).unwrap();
        for ((task, &action), transition) in alone.iter_mut().zip(&actions).zip(&transitions) {
            assert_eq!(bytes(&task.step(action).unwrap()), bytes(transition));
        }
    }
}
