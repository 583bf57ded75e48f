//! A graph, decoded from its file.

use std::{fs::File, io, sync::Arc};

use prost::{Message as _, bytes::Bytes};

use crate::{
    Constant, ConstantError, LeftIn, Numbers, OnnxError, TensorInfo,
    message::{Model, Node, Tensor, ValueInfo, decoded},
    opset::{own_version, redefined},
    skim::skim,
};

/// Why a file is not read, where that is done while it is decoded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// It cannot be read.
    #[error("cannot be read ({0})")]
    Io(#[from] io::Error),
    /// It is not understood.
    #[error(transparent)]
    Onnx(#[from] OnnxError),
}

/// A graph, decoded from its file.
#[derive(Clone, Debug)]
pub struct Graph {
    nodes: Vec<Node>,
    constants: Vec<Tensor>,
    /// Where large constants were left.
    file: Option<Arc<LeftIn>>,
    ir_version: i64,
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
        Self::decode(bytes.into(), None)
    }

    /// Decodes a model of `len` bytes. Constants of a mebibyte and more stay in the file, and are read one by one as they are needed
    /// ([`Graph::constant`]): a network that is built of the graph need not be there twice. `sink` is given all bytes in order, for a
    /// checksum, even if they are not understood.
    ///
    /// # Errors
    /// As for [`read`](Self::read); or it cannot be read, or has fewer bytes.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../engine/tests/data/plain.onnx");
    /// let file = std::fs::File::open(path)?;
    /// let len = file.metadata()?.len();
    /// let graph = parapolicy_onnx::Graph::read_from(file, len as usize, |_| ())?;
    /// assert_eq!(graph.outputs[0].name, "prediction");
    /// # Ok(())
    /// # }
    /// ```
    pub fn read_from(file: File, len: usize, sink: impl FnMut(&[u8])) -> Result<Self, ReadError> {
        let thin = skim(&file, len, sink)?;
        Ok(Self::decode(thin.into(), Some(Arc::new(LeftIn::new(file))))?)
    }

    fn decode(bytes: Bytes, file: Option<Arc<LeftIn>>) -> Result<Self, OnnxError> {
        let model = Model::decode(bytes)?;
        let (opset, redefined) = (own_version(&model.operator_sets), redefined(&model.functions).unwrap_or_default());
        let ir_version = model.ir_version;
        let graph = model.graph.ok_or(OnnxError::NoGraph)?;
        let nodes = decoded(&graph.nodes)?;
        let constants: Vec<Tensor> = decoded(&graph.initializers)?;
        let inputs: Vec<ValueInfo> = decoded(&graph.inputs)?;
        let outputs: Vec<ValueInfo> = decoded(&graph.outputs)?;
        // Old exporters list constants among the inputs.
        let is_constant = |name: &str| constants.iter().any(|constant| constant.name == name);
        let inputs = inputs.iter().filter(|input| !is_constant(&input.name)).map(TensorInfo::from).collect();
        let outputs = outputs.iter().map(TensorInfo::from).collect();
        Ok(Self { nodes, constants, file, ir_version, opset, redefined, inputs, outputs })
    }

    /// Its nodes, in an order in which they can be computed.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Its constants.
    pub fn constants(&self) -> &[Tensor] {
        &self.constants
    }

    /// The shape and the numbers of one of its constants. Numbers that were left in the file are read when one is asked for.
    ///
    /// # Errors
    /// As for [`Tensor::constant`].
    pub fn constant(&self, tensor: &Tensor) -> Result<Constant, ConstantError> {
        tensor.constant_in(self.file.as_ref())
    }

    /// The file that constants were left in. Who has used them asks it whether they could be read.
    pub fn left_in(&self) -> Option<Arc<LeftIn>> {
        self.file.clone()
    }

    /// Which version of the file format it is written in; 0 if it does not say.
    pub fn ir_version(&self) -> i64 {
        self.ir_version
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

/// Operators that make a tensor of a shape that one of their inputs states, and which input that is.
const SHAPED: [(&str, usize); 6] =
    [("ConstantOfShape", 0), ("Expand", 1), ("Tile", 1), ("Resize", 3), ("OneHot", 1), ("Pad", 1)];

impl Graph {
    /// The first node that makes a tensor of more than `most` numbers, because a constant says so, and the numbers of that
    /// constant. A graph of a hundred bytes may ask for petabytes.
    pub fn oversized(&self, most: usize) -> Option<(&str, Vec<i64>)> {
        self.nodes.iter().find_map(|node| {
            let by_attribute = node.ints("shape").filter(|_| node.operator.starts_with("Random"));
            let by_input = || {
                let (_, input) = SHAPED.iter().find(|(operator, _)| *operator == node.operator)?;
                self.integers(node.inputs.get(*input)?)
            };
            let sizes = by_attribute.map(<[i64]>::to_vec).or_else(by_input)?;
            // Negative ones are no sizes: the padding of an axis that is cut, say.
            let sizes_of_axes = sizes.iter().filter_map(|&size| usize::try_from(size).ok());
            let is_sum = node.operator == "Pad";
            let numbers = sizes_of_axes.fold(usize::from(!is_sum), |all, size| {
                if is_sum { all.saturating_add(size) } else { all.saturating_mul(size) }
            });
            (numbers > most).then(|| (node.label(), sizes))
        })
    }

    /// The numbers of a constant, whether it is one of the graph's or a node's.
    fn integers(&self, name: &str) -> Option<Vec<i64>> {
        let listed = self.constants.iter().find(|constant| constant.name == name);
        let of_node = || {
            let node = self.nodes.iter().find(|node| node.outputs.first().is_some_and(|output| output == name))?;
            if node.operator == "Constant" { node.tensor("value") } else { None }
        };
        match self.constant(listed.or_else(of_node)?).ok()?.numbers {
            Numbers::Int(numbers) => Some(numbers),
            Numbers::Float(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Attribute, INT64};

    #[test]
    fn sizes_that_are_only_stated_are_found() {
        let petabyte = Tensor { dims: vec![2], data_type: INT64, ints: vec![1 << 25, 1 << 24], ..Tensor::default() };
        let shape = Tensor { name: "shape".into(), ..petabyte.clone() };
        let node = |operator: &str, inputs: &[&str]| Node {
            operator: operator.into(),
            name: "large".into(),
            inputs: inputs.iter().map(|&input| input.into()).collect(),
            ..Node::default()
        };
        let constants = [shape];
        let graph = |nodes| Graph {
            nodes,
            constants: constants.to_vec(),
            file: None,
            ir_version: 8,
            opset: Some(18),
            redefined: None,
            inputs: vec![],
            outputs: vec![],
        };
        let stated = vec![1 << 25, 1 << 24];
        for node in [node("ConstantOfShape", &["shape"]), node("Expand", &["x", "shape"]), node("Pad", &["x", "shape"])]
        {
            let most = if node.operator == "Pad" { 1 << 20 } else { 1 << 30 };
            assert_eq!(graph(vec![node.clone()]).oversized(most), Some(("large", stated.clone())));
            assert_eq!(graph(vec![node]).oversized(1 << 50), None);
        }
        let ints = |name: &str| Attribute { name: name.into(), ints: stated.clone(), ..Attribute::default() };
        let random = Node { attributes: vec![ints("shape")], ..node("RandomNormal", &[]) };
        assert_eq!(graph(vec![random]).oversized(1 << 30), Some(("large", stated.clone())));
        let value = Attribute { name: "value".into(), tensor: Some(petabyte), ..Attribute::default() };
        let constant = Node { attributes: vec![value], outputs: vec!["c".into()], ..node("Constant", &[]) };
        let nodes = vec![constant, node("ConstantOfShape", &["c"])];
        assert_eq!(graph(nodes).oversized(1 << 30), Some(("large", stated.clone())));
        assert_eq!(graph(vec![node("MatMul", &["x", "shape"])]).oversized(1), None);
    }

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
