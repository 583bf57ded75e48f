//! Allocations of a call for which memory is already there.
#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

#[path = "common/graphs.rs"]
mod common;

use common::{Expected, bytes, expected};
use parapolicy_engine::{Engine, Graph, Precision, kernel::Kernel};

#[test]
fn a_call_allocates_nothing() {
    for graph in ["slices", "turned"] {
        let Expected { samples, timesteps, observations, mut prediction } = expected(graph);
        let file = Graph::read(bytes(graph)).unwrap();
        let mut engine = Engine::on(file, &common::NAMES, Kernel::fastest(Precision::F32), 1).unwrap();
        engine.bind(&observations).unwrap();
        engine.run(&[0, 1, 2], &samples, &timesteps, &mut prediction).unwrap();
        let again = allocation_counter::measure(|| {
            for rows in [3, 1, 2] {
                let numbers = ..rows * engine.sample_dim();
                engine
                    .run(&[2, 1, 0][..rows], &samples[numbers], &timesteps[..rows], &mut prediction[numbers])
                    .unwrap();
            }
        });
        assert_eq!(again.count_total, 0, "{graph}");
    }
}
