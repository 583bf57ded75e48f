//! ONNX files: messages, nodes and constants.

pub mod message;
pub mod node;
pub mod outlet;
pub mod tensor;

use prost::{Message as _, bytes::Bytes};

use self::message::Node;
pub use self::outlet::{Element, Outlet};
use crate::EngineError;

/// A graph as its file has it.
#[derive(Clone, Debug)]
pub struct Graph {
    pub(crate) message: message::Graph,
    /// What it asks for, but for constants.
    pub inputs: Vec<Outlet>,
    /// What it answers.
    pub outputs: Vec<Outlet>,
}

impl Graph {
    /// Reads a model. Nothing is allocated on the word of a size in it: numbers are there or they are not.
    ///
    /// # Errors
    /// Bytes that are no model, or a model without a graph.
    pub fn read(bytes: impl Into<Bytes>) -> Result<Self, EngineError> {
        let model = message::Model::decode(bytes.into())?;
        let message = model.graph.ok_or_else(|| EngineError::Model("has no graph in it: export it again".into()))?;
        // Old exporters list constants among the inputs.
        let constant = |name: &str| message.initializers.iter().any(|constant| constant.name == name);
        let inputs = message.inputs.iter().filter(|input| !constant(&input.name)).map(Outlet::new).collect();
        let outputs = message.outputs.iter().map(Outlet::new).collect();
        Ok(Self { message, inputs, outputs })
    }

    /// The name of a constant whose numbers are not in the file, if there is one.
    pub fn constant_elsewhere(&self) -> Option<&str> {
        let elsewhere = self.message.initializers.iter().find(|constant| constant.location != 0);
        elsewhere.map(|constant| constant.name.as_str())
    }

    /// The convolution that reads an input as it is, if there is one: channels are then what comes after the batch.
    pub fn convolution_of(&self, input: &str) -> Option<&str> {
        let reads = |node: &&Node| node.operator == "Conv" && node.inputs.first().is_some_and(|name| name == input);
        self.message.nodes.iter().find(reads).map(Node::label)
    }
}
