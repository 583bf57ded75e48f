//! Damaged and manipulated files are refused by name, or they run: nothing panics, and nothing is allocated because of a
//! number that is merely stated.
//!
//! `cargo test -p parapolicy-engine --test hostile -- --ignored --nocapture` does 10⁵ mutations of the small graphs, and as
//! many of the shipped one; `MUTANTS` says how many instead.
#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

#[path = "common/graphs.rs"]
mod common;
#[path = "common/encoders.rs"]
mod encoders;
#[path = "mutation/mutant.rs"]
mod mutation;

use std::fs;

use common::{GRAPHS, NAMES, bytes, data};
use encoders::ENCODERS;
use mutation::Mutant;
use parapolicy_engine::{Encoder, Engine, EngineError, Graph, OnnxError, Precision, kernel::Kernel};
use proptest::prelude::*;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

/// How many mutants had which outcome.
#[derive(Debug, Default)]
struct Outcomes {
    no_model: usize,
    no_network: usize,
    refused: usize,
    ran: usize,
}

/// Opens a file and, if it is still a network, runs a batch.
fn attempt(file: Vec<u8>, outcomes: &mut Outcomes) {
    let graph = Graph::read(file).map_err(EngineError::from);
    let loaded = graph.and_then(|graph| Engine::on(graph, &NAMES, Kernel::fastest(Precision::F32), 1));
    match loaded {
        Ok(mut engine) => {
            let mut prediction = vec![0.0; 2 * engine.sample_dim()];
            engine.bind(&vec![0.5; engine.observation_dim()]).unwrap();
            engine.run(&[0, 0], &vec![0.1; 2 * engine.sample_dim()], &[f32::MAX, -1.0], &mut prediction).unwrap();
            outcomes.ran += 1;
        }
        Err(error) => refused(&error, outcomes),
    }
}

/// Opens a file and, if it is still an encoder, encodes two frames.
fn attempt_encoder(file: Vec<u8>, outcomes: &mut Outcomes) {
    let graph = Graph::read(file).map_err(EngineError::from);
    match graph.and_then(|graph| Encoder::new(graph, &encoders::NAMES, Kernel::fastest(Precision::F32), 1)) {
        Ok(mut encoder) => {
            let mut features = vec![0.0; 2 * encoder.size()];
            encoder.run(&vec![f32::MAX; 2 * encoder.frame_dim()], &mut features).unwrap();
            outcomes.ran += 1;
        }
        Err(error) => refused(&error, outcomes),
    }
}

fn refused(error: &EngineError, outcomes: &mut Outcomes) {
    match error {
        EngineError::Onnx(OnnxError::NotOnnx(_)) => outcomes.no_model += 1,
        EngineError::Onnx(_) | EngineError::Model(_) => {
            assert!(!error.to_string().is_empty());
            outcomes.no_network += 1;
        }
        EngineError::Refused { problem, .. } => {
            assert!(!problem.is_empty());
            outcomes.refused += 1;
        }
        other => unreachable!("{other}"),
    }
}

/// Mutates each of the files in turn.
fn mutate(files: &[Vec<u8>], attempt: fn(Vec<u8>, &mut Outcomes), times: usize, seed: u64) -> Outcomes {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let mut outcomes = Outcomes::default();
    let mutants: Vec<_> = files.iter().map(|file| Mutant::new(file)).collect();
    for turn in 0..times {
        let file = mutants[turn % files.len()].draw(&mut rng);
        attempt(file, &mut outcomes);
        if turn % 5000 == 4999 {
            println!("{}: {outcomes:?}", turn + 1);
        }
    }
    outcomes
}

/// The same on a few threads.
fn mutate_many(files: &[Vec<u8>], attempt: fn(Vec<u8>, &mut Outcomes), seed: u64) -> Vec<Outcomes> {
    const THREADS: usize = 4;
    let times = std::env::var("MUTANTS").map_or(100_000, |mutants| mutants.parse().unwrap()) / THREADS;
    std::thread::scope(|scope| {
        let seeds = (0..THREADS as u64).map(|thread| seed + 1000 * thread);
        let threads: Vec<_> = seeds.map(|seed| scope.spawn(move || mutate(files, attempt, times, seed))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn encoders() -> Vec<Vec<u8>> {
    ENCODERS.iter().map(|encoder| encoders::bytes(encoder)).collect()
}

fn small() -> Vec<Vec<u8>> {
    GRAPHS.iter().map(|graph| bytes(graph)).collect()
}

#[test]
fn mutants_are_refused_or_run() {
    let outcomes = mutate(&small(), attempt, 1500, 1);
    println!("{outcomes:?}");
    let Outcomes { no_model, refused, ran, .. } = outcomes;
    assert!(no_model.min(refused).min(ran) > 100, "each way is taken");
}

#[test]
fn mutants_of_encoders_are_refused_or_run() {
    let outcomes = mutate(&encoders(), attempt_encoder, 900, 5);
    println!("{outcomes:?}");
    let Outcomes { no_model, refused, ran, .. } = outcomes;
    assert!(no_model.min(refused).min(ran) > 50, "each way is taken");
}

#[test]
#[ignore = "takes minutes"]
fn many_mutants_of_small_encoders_are_refused_or_run() {
    println!("small encoders: {:#?}", mutate_many(&encoders(), attempt_encoder, 6));
}

#[test]
#[ignore = "takes minutes"]
fn many_mutants_of_small_graphs_are_refused_or_run() {
    println!("small graphs: {:#?}", mutate_many(&small(), attempt, 2));
}

#[test]
#[ignore = "takes an hour"]
fn many_mutants_of_the_shipped_graph_are_refused_or_run() {
    let shipped = fs::read(data("../../../../models/pusht/denoiser.onnx")).unwrap();
    println!("the shipped one: {:#?}", mutate_many(&[shipped], attempt, 3));
}

#[test]
fn files_cut_short_are_refused() {
    let file = bytes("fast");
    for len in (0..file.len()).step_by(file.len() / 300) {
        let mut outcomes = Outcomes::default();
        attempt(file[..len].to_vec(), &mut outcomes);
        assert_eq!(outcomes.ran, 0, "{len} of {} bytes", file.len());
    }
}

#[test]
fn nothing_is_allocated_because_of_a_stated_number() {
    let files = small();
    let mut rng = ChaCha8Rng::seed_from_u64(4);
    let mutants: Vec<_> = files.iter().map(|file| Mutant::new(file)).collect();
    for turn in 0..300 {
        let file = mutants[turn % files.len()].draw(&mut rng);
        let len = file.len();
        let allocated = allocation_counter::measure(|| attempt(file, &mut Outcomes::default()));
        assert!(allocated.bytes_max < 64 << 20, "{} bytes for a file of {len}", allocated.bytes_max);
    }
    let files = encoders();
    let mutants: Vec<_> = files.iter().map(|file| Mutant::new(file)).collect();
    for turn in 0..200 {
        let file = mutants[turn % files.len()].draw(&mut rng);
        let len = file.len();
        let allocated = allocation_counter::measure(|| attempt_encoder(file, &mut Outcomes::default()));
        assert!(allocated.bytes_max < 1 << 30, "{} bytes for a file of {len}", allocated.bytes_max);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_are_refused(file in prop::collection::vec(any::<u8>(), 0..400)) {
        let mut outcomes = Outcomes::default();
        attempt(file, &mut outcomes);
        prop_assert_eq!(outcomes.ran, 0);
    }
}
