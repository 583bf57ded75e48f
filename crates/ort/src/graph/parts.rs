//! A graph in two parts: what does not look at samples, and the rest.
//!
//! Of a network `ε(x, t, o)` everything that follows from the timestep and the observation alone is a graph `c(t, o)`, and
//! the rest is `ε(x, c)`. Nodes and constants are copied as they lie in the file, so that nothing of them has to be
//! understood but their names.

use std::{collections::HashSet, fs, iter, path::Path};

use prost::{Message, bytes::Bytes};

/// A model of `onnx.proto3` (<https://github.com/onnx/onnx>), and in it what is copied as bytes.
#[derive(Clone, PartialEq, Message)]
struct Model {
    #[prost(int64, tag = "1")]
    ir_version: i64,
    #[prost(message, optional, tag = "7")]
    graph: Option<Graph>,
    #[prost(bytes = "bytes", repeated, tag = "8")]
    operator_sets: Vec<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "25")]
    functions: Vec<Bytes>,
}

#[derive(Clone, PartialEq, Message)]
struct Graph {
    #[prost(bytes = "bytes", repeated, tag = "1")]
    nodes: Vec<Bytes>,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(bytes = "bytes", repeated, tag = "5")]
    constants: Vec<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "11")]
    inputs: Vec<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "12")]
    outputs: Vec<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "15")]
    sparse_constants: Vec<Bytes>,
}

/// What of a node matters here.
#[derive(Clone, PartialEq, Message)]
struct Node {
    #[prost(string, repeated, tag = "1")]
    inputs: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    outputs: Vec<String>,
    #[prost(message, repeated, tag = "5")]
    attributes: Vec<Attribute>,
}

/// Graphs in a node, which may look at any value outside.
#[derive(Clone, PartialEq, Message)]
struct Attribute {
    #[prost(bytes = "bytes", optional, tag = "6")]
    graph: Option<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "11")]
    graphs: Vec<Bytes>,
}

/// What of a constant matters here.
#[derive(Clone, PartialEq, Message)]
struct Constant {
    #[prost(string, tag = "8")]
    name: String,
    /// 1 where its numbers are in another file.
    #[prost(int32, tag = "14")]
    location: i32,
}

/// An input or an output; its type is not needed where it can be inferred.
#[derive(Clone, PartialEq, Message)]
struct ValueInfo {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, optional, tag = "2")]
    kind: Option<Kind>,
}

#[derive(Clone, PartialEq, Message)]
struct Kind {
    #[prost(message, optional, tag = "1")]
    tensor: Option<Tensor>,
}

#[derive(Clone, PartialEq, Message)]
struct Tensor {
    #[prost(int32, tag = "1")]
    element: i32,
    #[prost(message, optional, tag = "2")]
    shape: Option<Shape>,
}

#[derive(Clone, PartialEq, Message)]
struct Shape {
    #[prost(message, repeated, tag = "1")]
    sizes: Vec<Size>,
}

#[derive(Clone, PartialEq, Message)]
struct Size {
    #[prost(int64, optional, tag = "1")]
    fixed: Option<i64>,
    #[prost(string, optional, tag = "2")]
    name: Option<String>,
}

/// `TensorProto.FLOAT`.
const FLOAT: i32 = 1;

/// A value that the rest takes over: its name, and its sizes after the batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Value {
    pub name: String,
    pub sizes: Vec<usize>,
}

impl Value {
    /// Its numbers in a row.
    pub fn len(&self) -> usize {
        self.sizes.iter().product()
    }
}

/// A graph that falls into two parts.
#[derive(Debug)]
pub(super) struct Parts {
    model: Model,
    graph: Graph,
    nodes: Vec<Node>,
    constants: Vec<Constant>,
    inputs: Vec<ValueInfo>,
    taken_over: Vec<String>,
}

impl Parts {
    /// The parts of the graph in a file; none if the rest would take over nothing, or the timestep or the observation as it
    /// is, if the prediction does not look at the sample, or if something cannot be copied on its own: graphs in nodes,
    /// numbers in other files.
    pub fn read(file: &Path, sample: &str, prediction: &str) -> Option<Self> {
        let mut model = Model::decode(Bytes::from(fs::read(file).ok()?)).ok()?;
        let graph = model.graph.take()?;
        let nodes: Vec<Node> = decoded(&graph.nodes)?;
        let constants: Vec<Constant> = decoded(&graph.constants)?;
        let inputs: Vec<ValueInfo> = decoded(&graph.inputs)?;
        let taken_over = taken_over(&nodes, &inputs, sample, prediction)?;

        let nested = nodes.iter().flat_map(|node| &node.attributes).any(Attribute::has_graph);
        let elsewhere = constants.iter().any(|constant| constant.location != 0) || !graph.sparse_constants.is_empty();
        let as_it_is = inputs.iter().any(|input| taken_over.contains(&input.name));
        let falls = !(nested || elsewhere || as_it_is || taken_over.is_empty());
        falls.then_some(Self { model, graph, nodes, constants, inputs, taken_over })
    }

    /// Names of the values that the rest takes over.
    pub fn taken_over(&self) -> &[String] {
        &self.taken_over
    }

    /// What does not look at samples, as a file.
    pub fn condition(&self) -> Vec<u8> {
        self.part(&[], &self.taken_over)
    }

    /// The rest, as a file: it takes these values, whose first size has this name, beside samples.
    pub fn rest(&self, values: &[Value], batch: &str, prediction: &str) -> Vec<u8> {
        let given: Vec<_> = values.iter().map(|value| ValueInfo::of(value, batch)).collect();
        self.part(&given, &[prediction.to_owned()])
    }

    /// The nodes, the constants and the graph's own inputs that these outputs need, where some values are given.
    fn part(&self, given: &[ValueInfo], outputs: &[String]) -> Vec<u8> {
        let Graph { nodes, constants, inputs, .. } = &self.graph;
        let is_given = |name: &String| given.iter().any(|value| value.name == *name);
        let mut needed: HashSet<&String> = outputs.iter().collect();
        let mut kept = Vec::new();
        // They lie in the order in which they are computed.
        for (node, bytes) in self.nodes.iter().zip(nodes).rev() {
            if node.outputs.iter().any(|name| needed.contains(name) && !is_given(name)) {
                needed.extend(&node.inputs);
                kept.push(bytes.clone());
            }
        }
        kept.reverse();
        let constants = self.constants.iter().zip(constants).filter(|(constant, _)| needed.contains(&constant.name));
        let inputs = self.inputs.iter().zip(inputs).filter(|(input, _)| needed.contains(&input.name));
        let given = given.iter().map(|value| value.encode_to_vec().into());
        let output = |name: &String| ValueInfo { name: name.clone(), kind: None }.encode_to_vec().into();
        let graph = Graph {
            nodes: kept,
            constants: constants.map(|(_, bytes)| bytes.clone()).collect(),
            inputs: inputs.map(|(_, bytes)| bytes.clone()).chain(given).collect(),
            outputs: outputs.iter().map(output).collect(),
            ..self.graph.clone()
        };
        Model { graph: Some(graph), ..self.model.clone() }.encode_to_vec()
    }
}

/// Names of the values that follow from other inputs alone, and that are needed with the sample; none if the prediction is
/// one of them.
fn taken_over(nodes: &[Node], inputs: &[ValueInfo], sample: &str, prediction: &str) -> Option<Vec<String>> {
    let (mut with, mut without): (HashSet<_>, HashSet<_>) =
        inputs.iter().map(|input| input.name.as_str()).partition(|name| *name == sample);
    let mut names: Vec<String> = Vec::new();
    for Node { inputs, outputs, .. } in nodes {
        let outputs = outputs.iter().map(String::as_str);
        if inputs.iter().any(|name| with.contains(name.as_str())) {
            names.extend(inputs.iter().filter(|name| without.contains(name.as_str())).cloned());
            with.extend(outputs);
        } else if inputs.iter().any(|name| without.contains(name.as_str())) {
            without.extend(outputs);
        }
    }
    names.sort_unstable();
    names.dedup();
    with.contains(prediction).then_some(names)
}

fn decoded<T: Message + Default>(all: &[Bytes]) -> Option<Vec<T>> {
    all.iter().map(|bytes| T::decode(bytes.clone()).ok()).collect()
}

impl Attribute {
    fn has_graph(&self) -> bool {
        self.graph.is_some() || !self.graphs.is_empty()
    }
}

impl ValueInfo {
    /// An input of 32-bit floating point.
    fn of(Value { name, sizes }: &Value, batch: &str) -> Self {
        let batch = Size { fixed: None, name: Some(batch.into()) };
        let fixed = |&size: &usize| Size { fixed: Some(size as i64), name: None };
        let shape = Shape { sizes: iter::once(batch).chain(sizes.iter().map(fixed)).collect() };
        let tensor = Tensor { element: FLOAT, shape: Some(shape) };
        Self { name: name.clone(), kind: Some(Kind { tensor: Some(tensor) }) }
    }
}
