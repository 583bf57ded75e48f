//! What a server says of its model.

use parapolicy_onnx::{Dimension, ElementType, TensorInfo, ValueKind};
use parapolicy_policy::GraphTensors;
use serde::Deserialize;

/// The answer to `GET v2/models/NAME`; what else it has is passed over.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    /// Versions that are there to be asked.
    #[serde(default)]
    versions: Option<Vec<String>>,
    #[serde(default)]
    inputs: Option<Vec<Tensor>>,
    #[serde(default)]
    outputs: Option<Vec<Tensor>>,
}

/// An input or an output.
#[derive(Debug, Deserialize)]
struct Tensor {
    name: String,
    datatype: String,
    /// -1 where a size is open.
    shape: Vec<i64>,
}

impl Metadata {
    /// The versions, for reports and calibrations.
    pub fn versions(&self) -> String {
        self.versions.as_deref().unwrap_or_default().join("+")
    }

    /// The inputs and outputs; none where the server does not say, as `KServe` does of a model that does not.
    pub fn tensors(&self) -> Option<GraphTensors> {
        let all = |tensors: &Option<Vec<Tensor>>| tensors.iter().flatten().map(Tensor::info).collect::<Vec<_>>();
        let (inputs, outputs) = (all(&self.inputs), all(&self.outputs));
        (!inputs.is_empty() || !outputs.is_empty()).then_some(GraphTensors { inputs, outputs })
    }
}

impl Tensor {
    fn info(&self) -> TensorInfo {
        let size = |&size: &i64| if size < 0 { Dimension::Open(String::new()) } else { Dimension::Fixed(size) };
        let element = match self.datatype.as_str() {
            "FP32" => ElementType::Float32,
            "INT64" => ElementType::Int64,
            other => ElementType::Other(other.to_owned()),
        };
        TensorInfo {
            name: self.name.clone(),
            kind: ValueKind::Tensor { element, shape: self.shape.iter().map(size).collect() },
        }
    }
}

/// Takes a last size of 1 from the tensor of this name, `[batch, 1]`, as servers that batch have scalars; returns whether it had
/// one.
pub(crate) fn take_column(tensors: &mut GraphTensors, name: &str) -> bool {
    let found = tensors.inputs.iter_mut().find(|tensor| tensor.name == name);
    match found.map(|tensor| &mut tensor.kind) {
        Some(ValueKind::Tensor { shape, .. }) if shape.len() == 2 && shape[1] == Dimension::Fixed(1) => {
            shape.pop();
            true
        }
        _ => false,
    }
}
