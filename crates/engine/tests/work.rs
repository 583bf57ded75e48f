//! The work of the shipped network, as the graph states it and as the engine computes it.
#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::path::Path;

use parapolicy_engine::kernel::Kernel;
use parapolicy_engine::{Engine, Graph, Names, Work, WorkByStage};

const NAMES: Names<'_> =
    Names { sample: "sample", timestep: "timestep", observation: "observation", prediction: "prediction" };

/// By the shapes that `onnx.shape_inference` finds: the numbers of each convolution's weights times the positions to which they
/// are applied, and the numbers of each matrix.
const PRODUCTS: usize = 18_900_992;
/// Numbers of the graph's weights and biases, without those of normalisations; and of all its initializers.
const WEIGHTS: [usize; 2] = [4_552_258, 4_560_562];

fn shipped() -> Graph {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/pusht/denoiser.onnx");
    Graph::read(std::fs::read(file).unwrap()).unwrap()
}

fn whole(graph: &Graph, bytes: usize, rows: usize) -> Work {
    let WorkByStage { condition, layers } = WorkByStage::of(graph, &NAMES, bytes, rows).unwrap();
    condition + layers
}

#[test]
fn a_graph_is_counted_as_onnx_counts_it() {
    let work = |bytes, rows| whole(&shipped(), bytes, rows);
    let one = work(4, 1);
    assert_eq!((one.products, one.flop()), (PRODUCTS, 2 * PRODUCTS));
    let [least, most] = WEIGHTS.map(|numbers| 4 * numbers);
    assert!((least..=most).contains(&one.weights), "{one:?}");
    let many = work(2, 8);
    assert_eq!(
        (many.products, 2 * many.weights, many.activations),
        (8 * one.products, one.weights, 4 * one.activations)
    );
}

#[test]
fn the_engine_does_less() {
    let graph = shipped();
    let engine = Engine::on(graph.clone(), &NAMES, Kernel::Portable, 1).unwrap();
    for rows in [1, 2, 8, 32] {
        let (engine, graph) = (engine.work(rows), whole(&graph, 4, rows));
        assert!(engine.products < graph.products, "{engine:?} {graph:?}");
        assert_eq!(engine.activations, graph.activations);
        assert_eq!(rows == 1, engine.weights < graph.weights, "filtered weights are more: {engine:?} {graph:?}");
    }
}
