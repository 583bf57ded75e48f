//! Graphs of the engine's tests, each changed in one place: an attribute, a constant, an input. The engine must answer what
//! ONNX Runtime answers, or refuse the graph: then nothing that a node says is passed over.

use std::fs;

use parapolicy_engine::{Engine, Graph, Names, Precision as Bits, kernel::Kernel};
use parapolicy_onnx::message::{Attribute, FLOAT, INT64, Model, NodeBytes, OperatorSet, Tensor};
use prost::{Message as _, bytes::Bytes};

use super::{
    tests::{data, described_as, floats, numbers, runtime},
    *,
};

/// What is changed of a file.
struct Mutant {
    what: String,
    change: Change,
}

enum Change {
    Node(usize, NodeBytes),
    Constant(usize, Tensor),
}

impl Mutant {
    /// The changed file.
    fn of(&self, model: &Model) -> Vec<u8> {
        let mut graph = model.graph.clone().unwrap();
        match &self.change {
            Change::Node(at, node) => graph.nodes[*at] = node.encode_to_vec().into(),
            Change::Constant(at, tensor) => graph.initializers[*at] = tensor.encode_to_vec().into(),
        }
        Model { graph: Some(graph), ..model.clone() }.encode_to_vec()
    }
}

/// What an attribute is changed to.
fn changed(attribute: &Attribute) -> Vec<Attribute> {
    let base = attribute.clone();
    match attribute.kind {
        1 => vec![Attribute { float: attribute.float * 1.5 + 0.25, ..base }],
        2 => [-1, 1, 2].map(|by| Attribute { int: attribute.int + by, ..base.clone() }).into(),
        3 => vec![Attribute { string: Bytes::from_static(b"tanh"), ..base }],
        4 => attribute
            .tensor
            .as_ref()
            .and_then(other)
            .map(|tensor| Attribute { tensor: Some(tensor), ..base })
            .into_iter()
            .collect(),
        7 => {
            let each = |at: usize| {
                let mut ints = attribute.ints.clone();
                ints[at] += 1;
                Attribute { ints, ..base.clone() }
            };
            (0..attribute.ints.len()).map(each).collect()
        }
        _ => vec![],
    }
}

/// A constant with another first number.
fn other(tensor: &Tensor) -> Option<Tensor> {
    let mut raw = tensor.raw.to_vec();
    let (mut floats, mut ints) = (tensor.floats.clone(), tensor.ints.clone());
    match (tensor.data_type, raw.is_empty()) {
        (FLOAT, true) => *floats.first_mut()? += 0.25,
        (FLOAT, false) => {
            let first: [u8; 4] = raw.get(..4)?.try_into().ok()?;
            raw[..4].copy_from_slice(&(f32::from_le_bytes(first) + 0.25).to_le_bytes());
        }
        (INT64, true) => {
            let first = ints.first_mut()?;
            *first = first.wrapping_add(1);
        }
        (INT64, false) => {
            let first: [u8; 8] = raw.get(..8)?.try_into().ok()?;
            raw[..8].copy_from_slice(&i64::from_le_bytes(first).wrapping_add(1).to_le_bytes());
        }
        _ => return None,
    }
    Some(Tensor { raw: raw.into(), floats, ints, ..tensor.clone() })
}

/// Every change of a node.
fn of_node(node: &NodeBytes) -> Vec<(String, NodeBytes)> {
    let mut found = vec![];
    let label = format!("{} `{}`", node.operator, node.outputs.first().map_or("", String::as_str));
    for (at, bytes) in node.attributes.iter().enumerate() {
        let attribute = Attribute::decode(bytes.clone()).unwrap();
        let mut without = node.clone();
        without.attributes.remove(at);
        found.push((format!("{label} without {}", attribute.name), without));
        for changed in changed(&attribute) {
            let mut other = node.clone();
            other.attributes[at] = changed.encode_to_vec().into();
            found.push((format!("{label} with another {} ({changed:?})", attribute.name), other));
        }
    }
    for (at, name) in node.inputs.iter().enumerate().filter(|(_, name)| !name.is_empty()) {
        let mut without = node.clone();
        // With an empty name it is refused before ONNX Runtime sees it, where that would die of it.
        if at + 1 == without.inputs.len() {
            without.inputs.pop();
        } else {
            without.inputs[at].clear();
        }
        found.push((format!("{label} without `{name}`"), without));
    }
    let mut swapped = node.clone();
    swapped.inputs.reverse();
    if swapped.inputs != node.inputs {
        found.push((format!("{label} with its inputs in another order"), swapped));
    }
    // Attributes with defaults that exporters do not write.
    for (name, int) in [("axis", 0), ("axis", 1), ("transA", 1), ("group", 2), ("training_mode", 1), ("allowzero", 1)] {
        let attribute = Attribute { name: name.into(), int, kind: 2, ..Attribute::default() };
        let mut more = node.clone();
        more.attributes.push(attribute.encode_to_vec().into());
        found.push((format!("{label} with {name} = {int}"), more));
    }
    found
}

fn mutants(model: &Model) -> Vec<Mutant> {
    let graph = model.graph.as_ref().unwrap();
    let mut found = vec![];
    for (at, bytes) in graph.nodes.iter().enumerate() {
        for (what, node) in of_node(&NodeBytes::decode(bytes.clone()).unwrap()) {
            found.push(Mutant { what, change: Change::Node(at, node) });
        }
    }
    for (at, bytes) in graph.initializers.iter().enumerate() {
        let tensor = Tensor::decode(bytes.clone()).unwrap();
        if let Some(other) = other(&tensor) {
            let what = format!("another number in `{}`", tensor.name);
            found.push(Mutant { what, change: Change::Constant(at, other) });
        }
    }
    found
}

/// What the engine answers, unless it refuses the graph.
fn engines(bytes: &[u8], [samples, observations]: [&[f32]; 2], timesteps: &[f32]) -> Option<Vec<f32>> {
    let names = Names { sample: "sample", timestep: "timestep", observation: "observation", prediction: "prediction" };
    let graph = Graph::read(bytes.to_vec()).ok()?;
    let mut engine = Engine::on(graph, &names, Kernel::fastest(Bits::F32), 1).ok()?;
    let plans: Vec<_> = (0..timesteps.len()).collect();
    let mut prediction = vec![0.0; samples.len()];
    engine.bind(observations).ok()?;
    engine.run(&plans, samples, timesteps, &mut prediction).ok()?;
    Some(prediction)
}

/// What ONNX Runtime answers, unless the file is no graph to it.
fn onnx_runtimes(
    file: &Path,
    shapes: [Vec<usize>; 2],
    runtime: &Runtime,
    [samples, observations]: [&[f32]; 2],
    timesteps: &[f32],
) -> Option<Vec<f32>> {
    let file = GraphFile::read(file).ok()?;
    let reading = open(&file, runtime, 1, Idle::Spin).ok()?;
    let (layout, inputs) = described_as(shapes, &tensors(&reading));
    let mut whole = Onnx {
        path: file.path().to_path_buf(),
        sha256: file.sha256().to_owned(),
        sessions: Sessions::open_size(reading),
        layout,
        timestep: inputs.timestep_type,
        conditioning: Conditioning::Inputs(inputs),
    };
    let plans: Vec<_> = (0..timesteps.len()).collect();
    let mut prediction = ndarray::Array2::zeros((timesteps.len(), samples.len() / timesteps.len()));
    whole.run(Batch { plans: &plans, observations, samples, timesteps }, prediction.view_mut()).ok()?;
    Some(prediction.into_raw_vec_and_offset().0)
}

/// The norm of the difference, relative to the expected norm.
fn deviation(found: &[f32], expected: &[f32]) -> f32 {
    let norm = |numbers: &mut dyn Iterator<Item = f32>| numbers.map(|x| x * x).sum::<f32>().sqrt();
    let difference = norm(&mut found.iter().zip(expected).map(|(found, expected)| found - expected));
    difference / norm(&mut expected.iter().copied())
}

/// What a graph is asked.
struct Question {
    samples: Vec<f32>,
    observations: Vec<f32>,
    timesteps: Vec<f32>,
    /// Of a plan, and of an observation.
    shapes: [Vec<usize>; 2],
}

/// How many mutants of a graph of the engine's tests the engine ran, of every so many that there are.
fn compare(graph: &str, every: usize, runtime: &Runtime) -> usize {
    let [samples, observations] = ["sample", "observation"].map(|key| floats(&numbers(graph, key)));
    let timesteps = numbers(graph, "timestep").iter().map(|&timestep| timestep as f32).collect();
    let shapes = ["sample", "observation"].map(|key| numbers(graph, key).shape()[1..].to_vec());
    let question = Question { samples, observations, timesteps, shapes };
    compare_file(graph, &fs::read(data(&format!("{graph}.onnx"))).unwrap(), &question, every, runtime)
}

/// The same of the shipped one.
fn compare_shipped(every: usize, runtime: &Runtime) -> usize {
    const ROWS: usize = 2;
    let wave = |count: usize| (0..count).map(|place| (0.37 * place as f32).sin()).collect();
    let (samples, observations) = (wave(ROWS * 16 * 2), wave(ROWS * 2 * 20));
    let question = Question { samples, observations, timesteps: vec![3.0, 90.0], shapes: [vec![16, 2], vec![2, 20]] };
    let shipped = fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/pusht/denoiser.onnx")).unwrap();
    compare_file("pusht", &shipped, &question, every, runtime)
}

fn compare_file(graph: &str, original: &[u8], question: &Question, every: usize, runtime: &Runtime) -> usize {
    let Question { samples, observations, timesteps, shapes } = question;
    let model = Model::decode(original).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("mutant.onnx");
    let (mut run, mut of_none, mut wrong) = (0, 0, vec![]);
    for mutant in mutants(&model).iter().step_by(every) {
        let (what, bytes) = (&mutant.what, mutant.of(&model));
        let Some(found) = engines(&bytes, [samples, observations], timesteps) else { continue };
        fs::write(&file, &bytes).unwrap();
        let Some(expected) = onnx_runtimes(&file, shapes.clone(), runtime, [samples, observations], timesteps) else {
            of_none += 1;
            continue;
        };
        run += 1;
        let deviation = deviation(&found, &expected);
        let is_right = deviation < 1e-4;
        if !is_right {
            wrong.push(format!("{what}: {deviation:e}"));
        }
    }
    println!("{graph}: {run} run, {of_none} that ONNX Runtime refuses");
    assert!(wrong.is_empty(), "{graph}: {wrong:#?}");
    run
}

#[test]
fn a_change_of_a_graph_changes_the_answer_as_onnx_runtimes_or_is_refused() {
    let runtime = runtime();
    for graph in ["plain", "traced", "tokens", "turned"] {
        assert!(compare(graph, 17, &runtime) > 10, "{graph}");
    }
    assert!(compare_shipped(101, &runtime) > 3);
}

#[test]
#[ignore = "minutes"]
fn a_change_of_any_graph_changes_the_answer_or_is_refused() {
    let runtime = runtime();
    for graph in [
        "plain", "traced", "tokens", "fast", "deep", "flat", "bias", "slices", "reshaped", "centred", "encoded",
        "causal", "turned", "placed", "both", "last",
    ] {
        compare(graph, 1, &runtime);
    }
    compare_shipped(1, &runtime);
}

/// Each row with a plan, an observation and a timestep of its own.
#[test]
fn the_engine_answers_what_onnx_runtime_answers_of_batches_of_any_size() {
    let runtime = runtime();
    let wave = |count: usize, step: f32| -> Vec<f32> { (0..count).map(|at| (step * at as f32).sin()).collect() };
    for graph in ["tokens", "turned", "placed", "both", "last"] {
        let bytes = fs::read(data(&format!("{graph}.onnx"))).unwrap();
        let shapes = ["sample", "observation"].map(|key| numbers(graph, key).shape()[1..].to_vec());
        let [plan, seen] = shapes.each_ref().map(|shape| shape.iter().product::<usize>());
        for rows in [1, 2, 3, 8, 21] {
            let (samples, observations) = (wave(rows * plan, 0.37), wave(rows * seen, 0.71));
            let timesteps: Vec<_> = (0..rows).map(|row| (row * 29 % 100) as f32).collect();
            let found = engines(&bytes, [&samples, &observations], &timesteps).unwrap();
            let file = data(&format!("{graph}.onnx"));
            let expected =
                onnx_runtimes(&file, shapes.clone(), &runtime, [&samples, &observations], &timesteps).unwrap();
            let deviation = deviation(&found, &expected);
            println!("{graph}, {rows} rows: {deviation:.1e}");
            assert!(deviation < 1e-5, "{graph}, {rows} rows: {deviation:e}");
        }
    }
}

#[test]
fn versions_that_were_not_tested_are_refused_by_name() {
    let names = Names { sample: "sample", timestep: "timestep", observation: "observation", prediction: "prediction" };
    let mut model = Model::decode(&fs::read(data("plain.onnx")).unwrap()[..]).unwrap();
    for version in [9, 10, 24, 1000] {
        let set = OperatorSet { domain: String::new(), version };
        model.operator_sets = vec![set.encode_to_vec().into()];
        let refusal = Engine::new(Graph::read(model.encode_to_vec()).unwrap(), &names).unwrap_err().to_string();
        assert!(refusal.contains(&format!("uses version {version} of ONNX's operators")), "{refusal}");
    }
    model.ir_version = 14;
    let refusal = Engine::new(Graph::read(model.encode_to_vec()).unwrap(), &names).unwrap_err().to_string();
    assert!(refusal.contains("written in version 14 of ONNX's file format"), "{refusal}");
    model.ir_version = 8;
    model.operator_sets.clear();
    let refusal = Engine::new(Graph::read(model.encode_to_vec()).unwrap(), &names).unwrap_err().to_string();
    assert!(refusal.contains("uses no version"), "{refusal}");
}
