//! Time of a control step and of its parts: `cargo bench -p parapolicy-pusht`.

#![allow(clippy::unwrap_used, reason = "what fails here is the benchmark")]

use divan::{Bencher, black_box};
use parapolicy_pusht::{OBSERVATION_SIZE, Renderer, State, World, coverage};

fn main() {
    divan::main();
}

/// A situation to step: its name, the state and the agent's target.
type Situation = (&'static str, [f64; 5], [f64; 2]);

const SITUATIONS: [Situation; 3] = [
    ("apart", [60.0, 60.0, 300.0, 300.0, 0.4], [50.0, 70.0]),
    ("pushing", [256.0, 206.0, 256.0, 220.0, 0.4], [250.0, 216.0]),
    ("squeezing the block against a wall", [300.0, 51.0, 256.0, 7.0, 0.0], [295.0, 20.0]),
];

#[divan::bench(args = SITUATIONS)]
fn control_step(bencher: Bencher<'_, '_>, (_, state, target): &Situation) {
    let mut world = World::new();
    world.set_state(&State::from_array(*state)).unwrap();
    let before = world.snapshot();
    bencher.bench_local(|| {
        world.restore(&before);
        let outcome = world.step(black_box(*target));
        (outcome, world.state().to_array())
    });
}

#[divan::bench]
fn coverage_near_the_goal(bencher: Bencher<'_, '_>) {
    let block = State::from_array([0.0, 0.0, 250.0, 260.0, 0.7]).block;
    bencher.bench_local(|| coverage(black_box(&block)));
}

#[divan::bench]
fn image_observation(bencher: Bencher<'_, '_>) {
    let mut renderer = Renderer::new(OBSERVATION_SIZE, OBSERVATION_SIZE).unwrap();
    let state = State::from_array(SITUATIONS[1].1);
    bencher.bench_local(|| renderer.draw(black_box(&state), &[]));
}
