//! A graph divided in two: what does not depend on the sample, and the rest.
//!
//! A denoiser is a function `ε(x, t, o)` of sample, timestep and observation. Everything that depends on the timestep and
//! the observation alone becomes a graph `c(t, o)`, the conditioning graph, and the rest is `ε(x, c)`. Nodes and constants
//! are copied as the bytes that they are in the file; only their names have to be understood.

#[cfg(test)]
mod tests;

use std::{collections::HashSet, iter};

use prost::{Message as _, bytes::Bytes};

use crate::message::{
    Axis, AxisSize, FLOAT, GraphProto, Model, Node, Shape, Tensor, TensorType, Type, ValueInfo, decoded,
};

/// A value at the boundary: the conditioning graph computes it, and the rest reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoundaryValue {
    /// Its name.
    pub name: String,
    /// Its sizes after the batch.
    pub sizes: Vec<usize>,
}

impl BoundaryValue {
    /// Numbers in a batch row of it.
    #[expect(clippy::len_without_is_empty, reason = "a value without numbers is not in use")]
    pub fn len(&self) -> usize {
        self.sizes.iter().product()
    }
}

/// A graph divided in two.
#[derive(Clone, Debug)]
pub struct Partition {
    model: Model,
    graph: GraphProto,
    nodes: Vec<Node>,
    constants: Vec<Tensor>,
    inputs: Vec<ValueInfo>,
    boundary: Vec<String>,
}

impl Partition {
    /// Divides the graph of a model file by what depends on the input `sample`.
    ///
    /// `None` if the bytes are not a model; if no value is at the boundary, or the timestep or the observation itself is; if
    /// the prediction does not depend on the sample; or if something cannot be copied on its own: nodes with nested graphs,
    /// numbers in other files.
    pub fn new(bytes: impl Into<Bytes>, sample: &str, prediction: &str) -> Option<Self> {
        let mut model = Model::decode(bytes.into()).ok()?;
        let graph = model.graph.take()?;
        let nodes: Vec<Node> = decoded(&graph.nodes).ok()?;
        let constants: Vec<Tensor> = decoded(&graph.initializers).ok()?;
        let inputs: Vec<ValueInfo> = decoded(&graph.inputs).ok()?;
        let boundary = boundary(&nodes, &inputs, sample, prediction)?;

        let in_other_file = constants.iter().any(|constant| constant.location != 0);
        let is_copyable = !nodes.iter().any(Node::has_graph) && !in_other_file && graph.sparse_initializers.is_empty();
        let has_input = inputs.iter().any(|input| boundary.contains(&input.name));
        let can_divide = is_copyable && !has_input && !boundary.is_empty();
        can_divide.then_some(Self { model, graph, nodes, constants, inputs, boundary })
    }

    /// Names of the values that the conditioning graph computes and the rest reads, sorted.
    pub fn boundary(&self) -> &[String] {
        &self.boundary
    }

    /// What does not depend on the sample, as a model file. Its outputs are the boundary.
    pub fn conditioning_graph(&self) -> Vec<u8> {
        self.subgraph(&[], &self.boundary)
    }

    /// The rest, as a model file. Its inputs are the sample and these values, whose first size is open and named `batch`.
    pub fn rest(&self, values: &[BoundaryValue], batch: &str, prediction: &str) -> Vec<u8> {
        let more_inputs: Vec<_> = values.iter().map(|value| value.input(batch)).collect();
        self.subgraph(&more_inputs, &[prediction.to_owned()])
    }

    /// The nodes, the constants and the inputs that these outputs need, if the values `more_inputs` are inputs too.
    fn subgraph(&self, more_inputs: &[ValueInfo], outputs: &[String]) -> Vec<u8> {
        let GraphProto { nodes, initializers, inputs, .. } = &self.graph;
        let is_input = |name: &String| more_inputs.iter().any(|value| value.name == *name);
        let mut needed: HashSet<&String> = outputs.iter().collect();
        let mut kept = Vec::new();
        // A node comes after those that compute what it reads.
        for (node, bytes) in self.nodes.iter().zip(nodes).rev() {
            if node.outputs.iter().any(|name| needed.contains(name) && !is_input(name)) {
                needed.extend(&node.inputs);
                kept.push(bytes.clone());
            }
        }
        kept.reverse();
        let constants = self.constants.iter().zip(initializers);
        let constants = constants.filter(|(constant, _)| needed.contains(&constant.name));
        let inputs = self.inputs.iter().zip(inputs).filter(|(input, _)| needed.contains(&input.name));
        let more_inputs = more_inputs.iter().map(|value| value.encode_to_vec().into());
        // The type of an output can be inferred.
        let output = |name: &String| ValueInfo { name: name.clone(), kind: None }.encode_to_vec().into();
        let graph = GraphProto {
            nodes: kept,
            initializers: constants.map(|(_, bytes)| bytes.clone()).collect(),
            inputs: inputs.map(|(_, bytes)| bytes.clone()).chain(more_inputs).collect(),
            outputs: outputs.iter().map(output).collect(),
            ..self.graph.clone()
        };
        Model { graph: Some(graph), ..self.model.clone() }.encode_to_vec()
    }
}

/// Names of the values that do not depend on the sample, and that nodes read which do; `None` if the prediction does not
/// depend on the sample.
fn boundary(nodes: &[Node], inputs: &[ValueInfo], sample: &str, prediction: &str) -> Option<Vec<String>> {
    let (mut dependent, mut independent): (HashSet<_>, HashSet<_>) =
        inputs.iter().map(|input| input.name.as_str()).partition(|name| *name == sample);
    let mut names: Vec<String> = Vec::new();
    for Node { inputs, outputs, .. } in nodes {
        let outputs = outputs.iter().map(String::as_str);
        if inputs.iter().any(|name| dependent.contains(name.as_str())) {
            names.extend(inputs.iter().filter(|name| independent.contains(name.as_str())).cloned());
            dependent.extend(outputs);
        } else if inputs.iter().any(|name| independent.contains(name.as_str())) {
            independent.extend(outputs);
        }
    }
    names.sort_unstable();
    names.dedup();
    dependent.contains(prediction).then_some(names)
}

impl BoundaryValue {
    /// An input of 32-bit floating point.
    fn input(&self, batch: &str) -> ValueInfo {
        let axis = |size| Axis { size: Some(size) };
        let batch = axis(AxisSize::Named(batch.into()));
        let sizes = self.sizes.iter().map(|&size| axis(AxisSize::Fixed(size as i64)));
        let shape = Shape { axes: iter::once(batch).chain(sizes).collect() };
        let tensor = TensorType { element: FLOAT, shape: Some(shape) };
        ValueInfo { name: self.name.clone(), kind: Some(Type { tensor: Some(tensor) }) }
    }
}
