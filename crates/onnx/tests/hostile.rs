//! Mutants of graphs, read, divided and searched for weights elsewhere. `MUTANTS` says how many. The engine's test of the same
//! name recognises and runs them besides.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::io::{Seek as _, Write as _};
use std::path::Path;
use std::time::Duration;

use parapolicy_hostile::{Bounds, Outcome, run};
use parapolicy_onnx::{DenoiserNames, Graph, Partition, external_tensor, left_out};

/// A mutant has 128 KiB at most; a message of two bytes takes 200 in memory.
const BOUNDS: Bounds = Bounds { bytes: 64 << 20, time: Duration::from_secs(5) };

/// What the inputs and the output of the seeds are called.
const NAMES: DenoiserNames<'_> = DenoiserNames {
    sample: "sample",
    timestep: "timestep",
    observation: Some(("observation", &[2, 5])),
    prediction: "prediction",
};

fn attempt(bytes: &[u8]) -> Outcome {
    let _either = (external_tensor(bytes.to_vec()), left_out(bytes.to_vec()));
    let _divided = Partition::new(bytes.to_vec(), &NAMES, "batch");
    let graph = Graph::read(bytes.to_vec());
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    if let Ok(streamed) = Graph::read_from(file, bytes.len(), |_| ()) {
        let whole = graph.as_ref().unwrap();
        assert_eq!((streamed.nodes(), streamed.constants()), (whole.nodes(), whole.constants()));
    }
    let Ok(graph) = graph else { return Outcome::Refused };
    for tensor in graph.inputs.iter().chain(&graph.outputs) {
        let _named = tensor.to_string();
    }
    for constant in graph.constants() {
        let _either = constant.constant();
    }
    Outcome::Read
}

#[test]
fn mutants_of_graphs_are_read_or_refused() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../engine/tests/data");
    let names = ["plain", "tokens", "slices"];
    let seeds: Vec<_> = names.iter().map(|name| std::fs::read(data.join(format!("{name}.onnx"))).unwrap()).collect();
    let summary = run("graph", &seeds, 3000, BOUNDS, attempt);
    assert!(summary.read.min(summary.refused) > 0, "each way is taken: {summary:?}");
}
