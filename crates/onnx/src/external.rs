//! Finds tensors of a model whose numbers are in other files.
//!
//! Such a model is not the whole network: who hashes its file has not hashed the network's weights. Tensors may be nearly
//! anywhere in a model: among the constants of its graph, in the attributes of its nodes, in graphs that nodes contain, and
//! in the model's functions.

use prost::{Message, bytes::Bytes};

use crate::OnnxError;

/// Graphs in graphs, at most; as many levels as readers of Protocol Buffers take.
const DEEPEST: usize = 100;

/// The name of a tensor in a model file whose numbers are in another file, if there is one; empty for one without a name.
///
/// # Errors
/// Bytes that are not a model, or one whose graphs are nested too deeply.
pub fn external_tensor(model: impl Into<Bytes>) -> Result<Option<String>, OnnxError> {
    let Model { mut graphs, functions } = Model::decode(model.into())?;
    let mut nodes: Vec<Node> = functions.into_iter().flat_map(|function| function.nodes).collect();
    for _ in 0..DEEPEST {
        let mut tensors = Vec::new();
        for bytes in std::mem::take(&mut graphs) {
            let graph = Graph::decode(bytes)?;
            tensors.extend(graph.initializers);
            tensors.extend(graph.sparse_initializers.into_iter().flat_map(Sparse::parts));
            nodes.extend(graph.nodes);
        }
        for attribute in std::mem::take(&mut nodes).into_iter().flat_map(|node| node.attributes) {
            tensors.extend(attribute.tensors.into_iter().chain(attribute.more_tensors));
            let sparse = attribute.sparse_tensors.into_iter().chain(attribute.more_sparse_tensors);
            tensors.extend(sparse.flat_map(Sparse::parts));
            graphs.extend(attribute.graphs.into_iter().chain(attribute.more_graphs));
        }
        if let Some(tensor) = tensors.into_iter().find(|tensor| tensor.location != 0) {
            return Ok(Some(tensor.name));
        }
        if graphs.is_empty() {
            return Ok(None);
        }
    }
    Err(OnnxError::TooDeep)
}

// The messages of `onnx.proto3` once more, with no field but those that lead to tensors. What may be there once is a list
// here: a file may hold it several times, and readers merge them.

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
    #[prost(message, repeated, tag = "5")]
    initializers: Vec<Tensor>,
    #[prost(message, repeated, tag = "15")]
    sparse_initializers: Vec<Sparse>,
}

#[derive(Clone, PartialEq, Message)]
struct Node {
    #[prost(message, repeated, tag = "5")]
    attributes: Vec<Attribute>,
}

#[derive(Clone, PartialEq, Message)]
struct Attribute {
    #[prost(message, repeated, tag = "5")]
    tensors: Vec<Tensor>,
    #[prost(bytes = "bytes", repeated, tag = "6")]
    graphs: Vec<Bytes>,
    #[prost(message, repeated, tag = "10")]
    more_tensors: Vec<Tensor>,
    #[prost(bytes = "bytes", repeated, tag = "11")]
    more_graphs: Vec<Bytes>,
    #[prost(message, repeated, tag = "22")]
    sparse_tensors: Vec<Sparse>,
    #[prost(message, repeated, tag = "23")]
    more_sparse_tensors: Vec<Sparse>,
}

#[derive(Clone, PartialEq, Message)]
struct Sparse {
    #[prost(message, repeated, tag = "1")]
    values: Vec<Tensor>,
    #[prost(message, repeated, tag = "2")]
    indices: Vec<Tensor>,
}

impl Sparse {
    fn parts(self) -> impl Iterator<Item = Tensor> {
        self.values.into_iter().chain(self.indices)
    }
}

#[derive(Clone, PartialEq, Message)]
struct Tensor {
    #[prost(string, tag = "8")]
    name: String,
    /// 1 if the numbers are in another file.
    #[prost(int32, tag = "14")]
    location: i32,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elsewhere() -> Tensor {
        Tensor { name: "weight".into(), location: 1 }
    }

    fn node(attribute: Attribute) -> Node {
        Node { attributes: vec![attribute] }
    }

    fn of(graph: &Graph) -> Option<String> {
        let model = Model { graphs: vec![graph.encode_to_vec().into()], functions: vec![] };
        external_tensor(model.encode_to_vec()).unwrap()
    }

    /// A graph that contains this one, so many times.
    fn nested(mut graph: Graph, times: usize) -> Graph {
        for _ in 0..times {
            let attribute = Attribute { graphs: vec![graph.encode_to_vec().into()], ..Attribute::default() };
            graph = Graph { nodes: vec![node(attribute)], ..Graph::default() };
        }
        graph
    }

    #[test]
    fn a_tensor_is_found_wherever_it_is() {
        let sparse = || vec![Sparse { values: vec![], indices: vec![elsewhere()] }];
        let of_attribute = |attribute| Graph { nodes: vec![node(attribute)], ..Graph::default() };
        let graphs = [
            Graph { initializers: vec![Tensor::default(), elsewhere()], ..Graph::default() },
            Graph { sparse_initializers: sparse(), ..Graph::default() },
            of_attribute(Attribute { tensors: vec![elsewhere()], ..Attribute::default() }),
            of_attribute(Attribute { more_tensors: vec![elsewhere()], ..Attribute::default() }),
            of_attribute(Attribute { sparse_tensors: sparse(), ..Attribute::default() }),
            of_attribute(Attribute { more_sparse_tensors: sparse(), ..Attribute::default() }),
        ];
        for graph in graphs {
            assert_eq!(of(&graph).as_deref(), Some("weight"), "{graph:?}");
            assert_eq!(of(&nested(graph.clone(), 3)).as_deref(), Some("weight"), "{graph:?}");
            let listed = Attribute { more_graphs: vec![graph.encode_to_vec().into()], ..Attribute::default() };
            assert_eq!(of(&of_attribute(listed)).as_deref(), Some("weight"), "{graph:?}");
            let function = Model { graphs: vec![], functions: vec![Function { nodes: graph.nodes.clone() }] };
            let found = external_tensor(function.encode_to_vec()).unwrap();
            assert_eq!(found.is_some(), !graph.nodes.is_empty(), "{graph:?}");
        }
        assert_eq!(of(&Graph { initializers: vec![Tensor::default()], ..Graph::default() }), None);
    }

    /// Of two graphs in a file, a reader makes one.
    #[test]
    fn a_graph_that_is_there_twice_is_searched_twice() {
        let graphs = [Graph { initializers: vec![elsewhere()], ..Graph::default() }, Graph::default()];
        let model = Model { graphs: graphs.map(|graph| graph.encode_to_vec().into()).into(), functions: vec![] };
        assert_eq!(external_tensor(model.encode_to_vec()).unwrap().as_deref(), Some("weight"));
    }

    #[test]
    fn graphs_without_end_are_refused() {
        let model = Model { graphs: vec![nested(Graph::default(), 200).encode_to_vec().into()], functions: vec![] };
        assert_eq!(external_tensor(model.encode_to_vec()), Err(OnnxError::TooDeep));
    }
}
