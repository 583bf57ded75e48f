//! Time of a control step and of its parts: `cargo bench -p parapolicy-pusht`.

use divan::{Bencher, black_box};
use parapolicy_pusht::{OBSERVATION_SIZE, Renderer, State, World, coverage};

fn main() {
    divan::main();
}

/// The agent beside the block, driven into it.
const TOUCHING: [f64; 5] = [256.0, 190.0, 256.0, 220.0, 0.4];

/// The agent far from the block.
const APART: [f64; 5] = [60.0, 60.0, 300.0, 300.0, 0.4];

#[divan::bench(args = [("touching", TOUCHING), ("apart", APART)])]
fn control_step(bencher: Bencher<'_, '_>, (_, start): &(&str, [f64; 5])) {
    let mut world = World::new();
    world.set_state(&State::from_array(*start)).unwrap();
    let start_of_step = world.snapshot();
    bencher.bench_local(|| {
        world.restore(&start_of_step);
        let outcome = world.step(black_box([250.0, 200.0]));
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
    let mut renderer = Renderer::new(OBSERVATION_SIZE).unwrap();
    let state = State::from_array(TOUCHING);
    bencher.bench_local(|| renderer.draw(black_box(&state), &[]));
}
