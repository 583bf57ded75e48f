//! Finds inputs that are left out where ONNX Runtime does not expect it.
//!
//! A node leaves an optional input out by giving it an empty name. Kernels of ONNX Runtime read some of those all the same, and
//! the process dies. Nodes are searched wherever they may be: in the graph, in graphs that nodes contain, and in the model's
//! functions.

use prost::{Message, bytes::Bytes};

use crate::OnnxError;

/// Graphs in graphs, at most; as many levels as readers of Protocol Buffers take.
const DEEPEST: usize = 100;

/// Operators, and the first input that must not have an empty name. Found by giving each input of every operator that policies
/// use an empty name in turn (ONNX Runtime 1.31).
const NEEDED: [(&str, usize); 6] =
    [("LayerNormalization", 2), ("Min", 0), ("Max", 0), ("Mean", 0), ("Sum", 0), ("Einsum", 0)];

/// An input with an empty name that ONNX Runtime would read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The node's name, or the name of its first output if it has none.
    pub node: String,
    /// Its operator.
    pub operator: String,
    /// Which of its inputs, from 0.
    pub input: usize,
}

/// The first input of a model that is left out where ONNX Runtime does not expect it, if there is one.
///
/// # Errors
/// Bytes that are not a model, or one whose graphs are nested too deeply.
pub fn left_out(model: impl Into<Bytes>) -> Result<Option<LeftOut>, OnnxError> {
    let Model { mut graphs, functions } = Model::decode(model.into())?;
    let mut nodes: Vec<Node> = functions.into_iter().flat_map(|function| function.nodes).collect();
    for _ in 0..DEEPEST {
        for bytes in std::mem::take(&mut graphs) {
            nodes.extend(Graph::decode(bytes)?.nodes);
        }
        for node in std::mem::take(&mut nodes) {
            if let Some(input) = node.left_out() {
                return Ok(Some(LeftOut { node: node.label(), operator: node.operator, input }));
            }
            let nested = |attribute: Attribute| attribute.graphs.into_iter().chain(attribute.more_graphs);
            graphs.extend(node.attributes.into_iter().flat_map(nested));
        }
        if graphs.is_empty() {
            return Ok(None);
        }
    }
    Err(OnnxError::TooDeep)
}

// The messages of `onnx.proto3` once more, with no field but those that are looked at.

#[derive(Clone, PartialEq, Message)]
struct Model {
    #[prost(bytes = "bytes", repeated, tag = "7")]
    graphs: Vec<Bytes>,
    #[prost(message, repeated, tag = "25")]
    functions: Vec<Function>,
}

#[derive(Clone, PartialEq, Message)]
struct Function {
    #[prost(message, repeated, tag = "7")]
    nodes: Vec<Node>,
}

#[derive(Clone, PartialEq, Message)]
struct Graph {
    #[prost(message, repeated, tag = "1")]
    nodes: Vec<Node>,
}

#[derive(Clone, PartialEq, Message)]
struct Node {
    #[prost(string, repeated, tag = "1")]
    inputs: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    outputs: Vec<String>,
    #[prost(string, tag = "3")]
    name: String,
    #[prost(string, tag = "4")]
    operator: String,
    #[prost(message, repeated, tag = "5")]
    attributes: Vec<Attribute>,
}

#[derive(Clone, PartialEq, Message)]
struct Attribute {
    #[prost(bytes = "bytes", repeated, tag = "6")]
    graphs: Vec<Bytes>,
    #[prost(bytes = "bytes", repeated, tag = "11")]
    more_graphs: Vec<Bytes>,
}

impl Node {
    fn left_out(&self) -> Option<usize> {
        let (_, first) = NEEDED.iter().find(|(operator, _)| *operator == self.operator)?;
        let empty = self.inputs.iter().skip(*first).position(String::is_empty)?;
        Some(first + empty)
    }

    fn label(&self) -> String {
        if self.name.is_empty() { self.outputs.first().cloned().unwrap_or_default() } else { self.name.clone() }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use super::*;

    fn node(operator: &str, inputs: &[&str]) -> Node {
        let inputs = inputs.iter().map(|&input| input.into()).collect();
        Node { operator: operator.into(), inputs, outputs: vec!["y".into()], ..Node::default() }
    }

    fn graph(nodes: Vec<Node>) -> Bytes {
        Graph { nodes }.encode_to_vec().into()
    }

    #[test]
    fn inputs_that_the_runtime_would_read_are_found_wherever_they_are() {
        let bad = || node("LayerNormalization", &["x", "scale", ""]);
        let good = || node("LayerNormalization", &["x", "scale", "bias"]);
        let expected = LeftOut { node: "y".into(), operator: "LayerNormalization".into(), input: 2 };
        let nested = |nodes| {
            let branch = Attribute { graphs: vec![graph(nodes)], ..Attribute::default() };
            let mut outer = node("If", &["condition"]);
            outer.attributes.push(branch);
            outer
        };
        let of_graph = |nodes| Model { graphs: vec![graph(nodes)], functions: vec![] };
        let of_function = |nodes| Model { graphs: vec![], functions: vec![Function { nodes }] };
        for (model, found) in [
            (
                of_graph(vec![good(), node("LayerNormalization", &["x", "scale"]), node("Clip", &["x", "", "max"])]),
                None,
            ),
            (of_graph(vec![good(), bad()]), Some(expected.clone())),
            (of_graph(vec![nested(vec![nested(vec![bad()])])]), Some(expected.clone())),
            (of_function(vec![bad()]), Some(expected.clone())),
            (of_graph(vec![node("Max", &["a", ""])]), Some(LeftOut { operator: "Max".into(), input: 1, ..expected })),
        ] {
            assert_eq!(left_out(model.encode_to_vec()).unwrap(), found);
        }
    }
}
