//! Small graphs, divided.

use super::*;
use crate::{Graph, TensorInfo, message::Attribute};

fn node(operator: &str, inputs: &[&str], output: &str) -> Node {
    let inputs = inputs.iter().map(ToString::to_string).collect();
    Node { operator: operator.into(), inputs, outputs: vec![output.into()], ..Node::default() }
}

fn encoded<M: prost::Message>(messages: &[M]) -> Vec<Bytes> {
    messages.iter().map(|message| message.encode_to_vec().into()).collect()
}

/// A model with inputs `x`, `t` and `o`, a constant `w`, and these nodes.
fn model(nodes: &[Node], constant: &Tensor) -> Vec<u8> {
    let value = |name: &str| ValueInfo { name: name.into(), kind: None };
    let graph = GraphProto {
        nodes: encoded(nodes),
        name: "g".into(),
        initializers: encoded(std::slice::from_ref(constant)),
        inputs: encoded(&["x", "t", "o"].map(value)),
        outputs: encoded(&["y"].map(value)),
        sparse_initializers: vec![],
    };
    let operator_sets = vec![Bytes::from_static(&[0x10, 21])];
    Model { ir_version: 10, graph: Some(graph), operator_sets, functions: vec![] }.encode_to_vec()
}

fn constant() -> Tensor {
    Tensor { name: "w".into(), dims: vec![1], data_type: FLOAT, floats: vec![0.5], ..Tensor::default() }
}

/// `y = x·w + sin(t)·o`.
fn nodes() -> Vec<Node> {
    vec![
        node("Sin", &["t"], "sine"),
        node("Mul", &["x", "w"], "scaled"),
        node("Mul", &["sine", "o"], "shift"),
        node("Add", &["scaled", "shift"], "y"),
    ]
}

fn names(infos: &[TensorInfo]) -> Vec<&str> {
    infos.iter().map(|info| info.name.as_str()).collect()
}

fn written(graph: &Graph) -> Vec<&str> {
    graph.nodes().iter().flat_map(|node| &node.outputs).map(String::as_str).collect()
}

#[test]
fn each_part_has_what_it_needs() {
    let partition = Partition::new(model(&nodes(), &constant()), "x", "y").unwrap();
    assert_eq!(partition.boundary(), ["shift"]);

    let conditioning = Graph::read(partition.conditioning_graph()).unwrap();
    assert_eq!((names(&conditioning.inputs), names(&conditioning.outputs)), (vec!["t", "o"], vec!["shift"]));
    assert_eq!(written(&conditioning), ["sine", "shift"]);
    assert!(conditioning.constants().is_empty());

    let values = [BoundaryValue { name: "shift".into(), sizes: vec![3, 2] }];
    assert_eq!(values[0].len(), 6);
    let rest = Graph::read(partition.rest(&values, "batch", "y")).unwrap();
    assert_eq!((names(&rest.inputs), names(&rest.outputs)), (vec!["x", "shift"], vec!["y"]));
    assert_eq!(rest.inputs[1].to_string(), "`shift` Tensor<f32>(batch, 3, 2)");
    assert_eq!(written(&rest), ["scaled", "y"]);
    assert_eq!(rest.constants(), [constant()]);
}

#[test]
fn what_is_not_understood_is_kept() {
    // A field of number 100 that no message lists.
    let mut bytes = node("Sin", &["t"], "sine").encode_to_vec();
    bytes.extend([0xa2, 0x06, 1, 7]);
    let file = model(&nodes(), &constant());
    let mut whole = Model::decode(&file[..]).unwrap();
    whole.graph.as_mut().unwrap().nodes[0] = bytes.clone().into();
    let partition = Partition::new(whole.encode_to_vec(), "x", "y").unwrap();
    let part = Model::decode(&partition.conditioning_graph()[..]).unwrap();
    assert_eq!((part.ir_version, part.operator_sets), (10, whole.operator_sets));
    assert_eq!(part.graph.unwrap().nodes[0], bytes);
}

#[test]
fn some_graphs_are_not_divided() {
    let refused = |nodes: &[Node], constant: &Tensor| Partition::new(model(nodes, constant), "x", "y").is_none();
    assert!(!refused(&nodes(), &constant()));
    assert!(refused(&nodes(), &Tensor { location: 1, ..constant() }), "numbers in another file");
    assert!(refused(&[node("Mul", &["x", "w"], "y")], &constant()), "an empty boundary");
    assert!(refused(&[node("Mul", &["x", "t"], "y")], &constant()), "an input at the boundary");
    assert!(refused(&[node("Mul", &["t", "o"], "y")], &constant()), "a prediction that does not depend on the sample");
    let attribute = Attribute { name: "body".into(), graph: Some(Bytes::new()), ..Attribute::default() };
    let mut nested = nodes();
    nested[0].attributes.push(attribute);
    assert!(refused(&nested, &constant()), "a nested graph");
    assert!(Partition::new(&b"no model"[..], "x", "y").is_none());
}
