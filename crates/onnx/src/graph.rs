//! A graph, decoded from its file.

use prost::{Message as _, bytes::Bytes};

use crate::{
    OnnxError, TensorInfo,
    message::{Model, Node, Tensor, ValueInfo, decoded},
    opset::{own_version, redefined},
};

/// A graph, decoded from its file.
#[derive(Clone, Debug)]
pub struct Graph {
    nodes: Vec<Node>,
    constants: Vec<Tensor>,
    opset: Option<i64>,
    redefined: Option<String>,
    /// Its inputs, without those that are constants.
    pub inputs: Vec<TensorInfo>,
    /// Its outputs.
    pub outputs: Vec<TensorInfo>,
}

impl Graph {
    /// Decodes a model. No memory is allocated because of a size that the file merely states.
    ///
    /// # Errors
    /// Bytes that are not a model, or a model without a graph.
    pub fn read(bytes: impl Into<Bytes>) -> Result<Self, OnnxError> {
        let model = Model::decode(bytes.into())?;
        let (opset, redefined) = (own_version(&model.operator_sets), redefined(&model.functions).unwrap_or_default());
        let graph = model.graph.ok_or(OnnxError::NoGraph)?;
        let nodes = decoded(&graph.nodes)?;
        let constants: Vec<Tensor> = decoded(&graph.initializers)?;
        let inputs: Vec<ValueInfo> = decoded(&graph.inputs)?;
        let outputs: Vec<ValueInfo> = decoded(&graph.outputs)?;
        // Old exporters list constants among the inputs.
        let is_constant = |name: &str| constants.iter().any(|constant| constant.name == name);
        let inputs = inputs.iter().filter(|input| !is_constant(&input.name)).map(TensorInfo::from).collect();
        let outputs = outputs.iter().map(TensorInfo::from).collect();
        Ok(Self { nodes, constants, opset, redefined, inputs, outputs })
    }

    /// Its nodes, in an order in which they can be computed.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Its constants.
    pub fn constants(&self) -> &[Tensor] {
        &self.constants
    }

    /// Which version of ONNX's own operators it uses; `None` if it does not say.
    pub fn opset(&self) -> Option<i64> {
        self.opset
    }

    /// The name of one of ONNX's own operators that the model defines anew, if there is one: then it means something else.
    pub fn redefined(&self) -> Option<&str> {
        self.redefined.as_deref()
    }

    /// The name of a constant whose numbers are in another file, if there is one.
    pub fn constant_elsewhere(&self) -> Option<&str> {
        let constant = self.constants.iter().find(|constant| constant.location != 0);
        constant.map(|constant| constant.name.as_str())
    }

    /// The name of the convolution that reads an input directly, if there is one. Such an input has its channels right
    /// after the batch.
    pub fn convolution_of(&self, input: &str) -> Option<&str> {
        let reads = |node: &&Node| node.operator == "Conv" && node.inputs.first().is_some_and(|name| name == input);
        self.nodes.iter().find(reads).map(Node::label)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_model_are_refused() {
        let error = Graph::read(&b"no model"[..]).unwrap_err();
        assert!(error.to_string().starts_with("is not a readable ONNX model (failed to decode"), "{error}");
        assert_eq!(Graph::read(&b""[..]).unwrap_err(), OnnxError::NoGraph);
    }

    #[test]
    fn a_node_that_cannot_be_decoded_is_refused() {
        // Field 4 of a node, the operator, of two bytes that are not UTF-8.
        let node = Bytes::from_static(&[0x22, 2, 0xff, 0xff]);
        let graph = crate::message::GraphProto { nodes: vec![node], ..Default::default() };
        let model = Model { graph: Some(graph), ..Model::default() }.encode_to_vec();
        assert!(matches!(Graph::read(model), Err(OnnxError::NotOnnx(_))));
    }
}
