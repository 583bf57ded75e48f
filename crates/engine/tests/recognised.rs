//! Each form of the network is recognised, and answers what `PyTorch` answers.
#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

mod common;

use common::{Expected, GRAPHS, deviation, engine, expected};

#[test]
fn answers_what_pytorch_answers() {
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
