//! Each form of the network is recognised, and its predictions are `PyTorch`'s.
#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

#[path = "common/graphs.rs"]
mod common;

use common::{Expected, GRAPHS, NAMES, bytes, deviation, engine, expected};
use parapolicy_engine::{Engine, Graph, kernel::Kernel};

#[test]
fn predictions_are_pytorchs() {
    for graph in GRAPHS {
        let mut engine = engine(graph);
        let Expected { samples, timesteps, observations, prediction } = expected(graph);
        engine.bind(&observations).unwrap();
        let plans: Vec<_> = (0..timesteps.len()).collect();
        let mut found = vec![0.0; prediction.len()];
        engine.run(&plans, &samples, &timesteps, &mut found).unwrap();
        let deviation = deviation(&found, &prediction);
        println!("{graph}: {deviation:.1e}");
        assert!(deviation < 2e-6, "{graph}: {deviation:e}");
    }
}

/// Nor on the order of rows. A single row of a U-Net is summed as it is written, several by minimal filtering.
#[test]
fn predictions_depend_neither_on_threads_nor_on_other_rows() {
    const ROWS: usize = 17;
    for (graph, kernel) in GRAPHS.into_iter().flat_map(|graph| Kernel::ALL.map(|kernel| (graph, kernel))) {
        if !kernel.is_available() {
            continue;
        }
        let Expected { samples, timesteps, observations, .. } = expected(graph);
        let given: Vec<_> = (0..ROWS).map(|row| row * row % timesteps.len()).collect();
        let answers = (1..=3).map(|threads| {
            let mut engine = Engine::on(Graph::read(bytes(graph)).unwrap(), &NAMES, kernel, threads).unwrap();
            engine.bind(&observations).unwrap();
            let dim = engine.sample_dim();
            [0..ROWS, 3..5, 2..13].map(|rows| {
                let plans = &given[rows];
                let samples = plans.iter().flat_map(|plan| &samples[plan * dim..][..dim]).copied().collect::<Vec<_>>();
                let timesteps: Vec<_> = plans.iter().map(|&plan| timesteps[plan]).collect();
                let mut found = vec![0.0; samples.len()];
                engine.run(plans, &samples, &timesteps, &mut found).unwrap();
                found
            })
        });
        let answers: Vec<_> = answers.collect();
        let dim = answers[0][0].len() / ROWS;
        assert_eq!(answers[0][0][3 * dim..5 * dim], answers[0][1], "{graph}, {kernel:?}");
        assert_eq!(answers[0][0][2 * dim..13 * dim], answers[0][2], "{graph}, {kernel:?}");
        assert!(answers[1..].iter().all(|other| *other == answers[0]), "{graph}, {kernel:?}");
    }
}

/// Products of bf16 pairs read whole rows, with what an earlier batch left after the last channel.
#[test]
fn plans_of_nan_leave_nothing_behind() {
    for (graph, kernel) in GRAPHS.into_iter().flat_map(|graph| Kernel::ALL.map(|kernel| (graph, kernel))) {
        if !kernel.is_available() {
            continue;
        }
        let mut engine = Engine::on(Graph::read(bytes(graph)).unwrap(), &NAMES, kernel, 2).unwrap();
        let Expected { samples, timesteps, observations, .. } = expected(graph);
        engine.bind(&observations).unwrap();
        let plans: Vec<_> = (0..timesteps.len()).collect();
        let mut answer = |samples: &[f32]| {
            let mut found = vec![0.0; samples.len()];
            engine.run(&plans, samples, &timesteps, &mut found).unwrap();
            found
        };
        let before = answer(&samples);
        assert!(answer(&vec![f32::NAN; samples.len()]).iter().all(|x| x.is_nan()), "{graph}, {kernel:?}");
        assert_eq!(answer(&samples), before, "{graph}, {kernel:?}");
    }
}
