//! Small graphs, divided.

use super::*;
use crate::{
    Graph, TensorInfo,
    message::{Attribute, INT64},
};

fn node(operator: &str, inputs: &[&str], output: &str) -> Node {
    let inputs = inputs.iter().map(ToString::to_string).collect();
    Node { operator: operator.into(), inputs, outputs: vec![output.into()], ..Node::default() }
}

fn encoded<M: prost::Message>(messages: &[M]) -> Vec<Bytes> {
    messages.iter().map(|message| message.encode_to_vec().into()).collect()
}

/// A model with inputs `x`, `t` and `o`, a constant `w`, and these nodes.
fn model(nodes: &[Node], constant: &Tensor) -> Vec<u8> {
    let tensor = Some(TensorType { element: FLOAT, shape: None });
    let value = |name: &str| ValueInfo { name: name.into(), kind: Some(Type { tensor: tensor.clone() }) };
    let graph = GraphProto {
        nodes: encoded(nodes),
        name: "g".into(),
        initializers: encoded(&[constant.clone(), integers("axes", vec![1], 1), integers("zero", vec![], 0), matrix()]),
        inputs: encoded(&["x", "t", "o"].map(value)),
        outputs: encoded(&["y"].map(value)),
        sparse_initializers: vec![],
    };
    let operator_sets = vec![Bytes::from_static(&[0x10, 21])];
    Model { ir_version: 10, graph: Some(graph), operator_sets, functions: vec![] }.encode_to_vec()
}

fn integers(name: &str, dims: Vec<i64>, number: i64) -> Tensor {
    Tensor { name: name.into(), dims, data_type: INT64, ints: vec![number], ..Tensor::default() }
}

/// Four rows, two columns.
fn matrix() -> Tensor {
    Tensor { name: "m".into(), dims: vec![4, 2], data_type: FLOAT, floats: vec![0.5; 8], ..Tensor::default() }
}

fn constant() -> Tensor {
    Tensor { name: "w".into(), dims: vec![1], data_type: FLOAT, floats: vec![0.5], ..Tensor::default() }
}

/// `y = x·w + sin(t)·cos(o)`.
fn nodes() -> Vec<Node> {
    vec![
        node("Unsqueeze", &["t", "axes"], "column"),
        node("Sin", &["column"], "sine"),
        node("Cos", &["o"], "cosine"),
        node("Mul", &["x", "w"], "scaled"),
        node("Mul", &["sine", "cosine"], "shift"),
        node("Add", &["scaled", "shift"], "y"),
    ]
}

fn names(infos: &[TensorInfo]) -> Vec<&str> {
    infos.iter().map(|info| info.name.as_str()).collect()
}

fn written(graph: &Graph) -> Vec<&str> {
    graph.nodes().iter().flat_map(|node| &node.outputs).map(String::as_str).collect()
}

const NAMES: DenoiserNames<'_> =
    DenoiserNames { sample: "x", timestep: "t", observation: Some(("o", &[3])), prediction: "y" };

fn divided(nodes: &[Node], constant: &Tensor) -> Option<Partition> {
    Partition::new(model(nodes, constant), &NAMES, "batch")
}

#[test]
fn each_part_has_what_it_needs() {
    let partition = divided(&nodes(), &constant()).unwrap();
    // The product of both is no sum: it is the rest's, and what it is made of is computed before.
    let found: Vec<_> = partition.boundary().iter().map(|value| (value.name.as_str(), value.len())).collect();
    assert_eq!(found, [("cosine", 3), ("sine", 1)]);

    let of_timestep = Graph::read(partition.of_timestep().unwrap().to_vec()).unwrap();
    assert_eq!((names(&of_timestep.inputs), names(&of_timestep.outputs)), (vec!["t"], vec!["sine"]));
    assert_eq!(written(&of_timestep), ["column", "sine"]);
    let of_observation = Graph::read(partition.of_observation().unwrap().to_vec()).unwrap();
    assert_eq!((names(&of_observation.inputs), names(&of_observation.outputs)), (vec!["o"], vec!["cosine"]));

    let rest = Graph::read(partition.rest().to_vec()).unwrap();
    assert_eq!((names(&rest.inputs), names(&rest.outputs)), (vec!["x", "cosine", "sine"], vec!["y"]));
    assert_eq!(rest.inputs[1].to_string(), "`cosine` Tensor<f32>(batch, 3)");
    assert_eq!(written(&rest), ["scaled", "shift", "y"]);
    assert_eq!(rest.constants(), [constant()]);
}

#[test]
fn what_is_not_understood_is_kept() {
    // A field of number 100 that no message lists.
    let mut bytes = node("Mul", &["x", "w"], "scaled").encode_to_vec();
    bytes.extend([0xa2, 0x06, 1, 7]);
    let file = model(&nodes(), &constant());
    let mut whole = Model::decode(&file[..]).unwrap();
    whole.graph.as_mut().unwrap().nodes[3] = bytes.clone().into();
    let partition = Partition::new(whole.encode_to_vec(), &NAMES, "batch").unwrap();
    let part = Model::decode(partition.rest()).unwrap();
    assert_eq!((part.ir_version, part.operator_sets), (10, whole.operator_sets));
    assert_eq!(part.graph.unwrap().nodes[0], bytes);
}

#[test]
fn some_graphs_are_not_divided() {
    let refused = |nodes: &[Node], constant: &Tensor| divided(nodes, constant).is_none();
    assert!(!refused(&nodes(), &constant()));
    assert!(refused(&nodes(), &Tensor { location: 1, ..constant() }), "numbers in another file");
    assert!(refused(&[node("Mul", &["x", "w"], "y")], &constant()), "an empty boundary");
    assert!(refused(&[node("Mul", &["x", "o"], "y")], &constant()), "only an input at the boundary");
    assert!(refused(&[node("Sin", &["o"], "y")], &constant()), "a prediction that does not depend on the sample");
    let attribute = Attribute { name: "body".into(), graph: Some(Bytes::new()), ..Attribute::default() };
    let mut nested = nodes();
    nested[0].attributes.push(attribute);
    assert!(refused(&nested, &constant()), "a nested graph");
    assert!(Partition::new(&b"no model"[..], &NAMES, "batch").is_none());
}

/// What the boundary's values are made of, by name: of the timestep, of the observation.
fn made_of(nodes: &[Node]) -> Vec<(String, bool, bool)> {
    let all: Vec<_> = [node("Unsqueeze", &["t", "axes"], "column")].into_iter().chain(nodes.iter().cloned()).collect();
    let values = divided(&all, &constant()).map(|partition| partition.boundary().to_vec()).unwrap_or_default();
    let sides = |value: BoundaryValue| (value.name, value.of_timestep.is_some(), value.of_observation.is_some());
    values.into_iter().map(sides).collect()
}

fn with(mut node: Node, name: &str, int: i64) -> Node {
    node.attributes.push(Attribute { name: name.into(), int, kind: 2, ..Attribute::default() });
    node
}

fn boundary(names: &[(&str, bool, bool)]) -> Vec<(String, bool, bool)> {
    names.iter().map(|&(name, t, o)| (name.to_owned(), t, o)).collect()
}

#[test]
fn functions_of_both_sides_are_cut_before_they_mix() {
    // y = x·σ(sin(t) + clip(o)): of the sum nothing is proven but that it is one.
    let clipped = [
        node("Concat", &["column", "column", "column"], "wide"),
        node("Sin", &["wide"], "sine"),
        node("Clip", &["o"], "clipped"),
        node("Add", &["sine", "clipped"], "sum"),
        node("Sigmoid", &["sum"], "gate"),
        node("Mul", &["x", "gate"], "y"),
    ]
    .map(|node| if node.operator == "Concat" { with(node, "axis", 1) } else { node });
    assert_eq!(made_of(&clipped), boundary(&[("sum", true, true)]));

    // A sum that is scaled is added first: large numbers round as they do in the whole graph.
    let mut scaled = clipped.clone();
    scaled[4] = node("Mul", &["sum", "w"], "gate");
    assert_eq!(made_of(&scaled), boundary(&[("sum", true, true)]));
}

#[test]
fn a_product_with_joined_values_is_a_sum() {
    let joined = |last: Node| {
        [
            with(node("Concat", &["column", "o"], "joined"), "axis", -1),
            node("Mish", &["joined"], "mish"),
            node("MatMul", &["mish", "m"], "product"),
            node("Add", &["product", "w"], "film"),
            last,
            node("Mul", &["x", "gate"], "y"),
        ]
    };
    assert_eq!(made_of(&joined(node("Unsqueeze", &["film", "axes"], "gate"))), boundary(&[("gate", true, true)]));
    assert_eq!(made_of(&joined(node("Relu", &["film"], "gate"))), boundary(&[("film", true, true)]));
}

#[test]
fn nothing_is_proven_of_rows_that_mix() {
    let of = |first: Node| made_of(&[first, node("Sin", &["a"], "b"), node("Mul", &["x", "b"], "y")]);
    let proven = boundary(&[("b", false, true)]);
    assert_eq!(of(node("Cos", &["o"], "a")), proven);
    assert_eq!(of(with(node("Softmax", &["o"], "a"), "axis", 1)), proven);
    assert_eq!(of(with(node("Softmax", &["o"], "a"), "axis", 0)), []);
    assert_eq!(of(node("ReduceMean", &["o"], "a")), []);
    assert_eq!(of(node("Gather", &["o", "zero"], "a")), []);
    assert_eq!(of(with(node("Gather", &["o", "zero"], "a"), "axis", 1)), proven);
    assert_eq!(of(node("Frobnicate", &["o"], "a")), []);
    let foreign = Node { domain: "com.example".into(), ..node("Cos", &["o"], "a") };
    assert_eq!(of(foreign), []);
}

/// Nodes of the rest that read what is precomputed, but nothing that depends on the sample: they could be precomputed too.
fn late(file: &str, seen: &[usize]) -> Vec<String> {
    let path = format!("{}/../../{file}", env!("CARGO_MANIFEST_DIR"));
    let names = DenoiserNames {
        sample: "sample",
        timestep: "timestep",
        observation: Some(("observation", seen)),
        prediction: "prediction",
    };
    let partition = Partition::new(std::fs::read(path).unwrap(), &names, "batch").unwrap();
    let rest = Graph::read(partition.rest().to_vec()).unwrap();
    let mut of_sample = HashSet::from(["sample".to_owned()]);
    let mut early: HashSet<String> = partition.boundary().iter().map(|value| value.name.clone()).collect();
    let mut found = vec![];
    for node in rest.nodes() {
        if node.inputs.iter().any(|name| of_sample.contains(name)) {
            of_sample.extend(node.outputs.iter().cloned());
        } else if node.inputs.iter().any(|name| early.contains(name)) {
            found.push(node.operator.clone());
            early.extend(node.outputs.iter().cloned());
        }
    }
    found
}

/// What makes U-Nets and transformers fast: nothing of the timestep and the observation alone is left to the batches.
#[test]
fn networks_of_diffusion_policy_are_cut_where_the_sample_enters() {
    let files: [(&str, &[usize]); 12] = [
        ("plain", &[2, 5]),
        ("fast", &[2, 5]),
        ("traced", &[2, 5]),
        ("deep", &[1, 4]),
        ("flat", &[2, 3]),
        ("bias", &[2, 3]),
        ("slices", &[2, 2]),
        ("tokens", &[2, 5]),
        ("turned", &[2, 5]),
        ("placed", &[1, 7]),
        ("both", &[3, 2]),
        ("last", &[2, 4]),
    ];
    for (file, seen) in files {
        let late = late(&format!("crates/engine/tests/data/{file}.onnx"), seen);
        assert!(late.is_empty(), "{file}: {late:?}");
    }
    assert_eq!(late("models/pusht/denoiser.onnx", &[2, 20]), [] as [String; 0]);
}
