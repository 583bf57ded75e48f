//! A batch as the protocol writes it, and the answer as it reads it.
//!
//! ```text
//! POST v2/models/NAME/infer      Inference-Header-Content-Length: n
//! {"inputs": [{"name", "shape", "datatype", "parameters": {"binary_data_size"}}, …], "outputs": […]}   n bytes
//! the inputs, one after the other, row-major, little-endian
//! ```
//!
//! The answer has the same form. Without the header there is JSON alone, and numbers are in `data`.

use ndarray::ArrayViewMut2;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Name of the header with the length of the JSON.
pub(crate) const HEADER_LENGTH: &str = "Inference-Header-Content-Length";

/// Requests need no name, but models of `KServe` fail by habit without one.
const ID: &str = "parapolicy";

/// How tensors are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// Behind the JSON, in bytes.
    Binary,
    /// In the JSON.
    Json,
}

/// The numbers of an input.
#[derive(Debug)]
pub(crate) enum Numbers {
    Float32(Vec<f32>),
    Int64(Vec<i64>),
}

/// An input.
#[derive(Debug)]
pub(crate) struct Input {
    pub name: String,
    pub shape: Vec<usize>,
    pub numbers: Numbers,
}

/// What is asked: the body, and how much of it is JSON.
#[derive(Debug)]
pub(crate) struct Request {
    pub body: Vec<u8>,
    pub json_length: usize,
}

impl Numbers {
    /// Its numbers as numbers.
    pub fn of(values: impl Iterator<Item = f32>, whole: bool) -> Self {
        if whole { Self::Int64(values.map(|value| value as i64).collect()) } else { Self::Float32(values.collect()) }
    }

    fn datatype(&self) -> &'static str {
        match self {
            Self::Float32(_) => "FP32",
            Self::Int64(_) => "INT64",
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Float32(values) => json!(values),
            Self::Int64(values) => json!(values),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Float32(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            Self::Int64(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
        }
    }
}

impl Request {
    /// Writes the inputs; asks for one output.
    pub fn new(inputs: &[Input], output: &str, encoding: Encoding) -> Self {
        let binary = encoding == Encoding::Binary;
        let mut tensors = Vec::new();
        let described = inputs.iter().map(|Input { name, shape, numbers }| {
            let mut input = Map::new();
            input.insert("name".into(), json!(name));
            input.insert("shape".into(), json!(shape));
            input.insert("datatype".into(), json!(numbers.datatype()));
            if binary {
                let bytes = numbers.bytes();
                input.insert("parameters".into(), json!({ "binary_data_size": bytes.len() }));
                tensors.extend(bytes);
            } else {
                input.insert("data".into(), numbers.json());
            }
            Value::Object(input)
        });
        let described: Vec<_> = described.collect();
        let output = match encoding {
            Encoding::Binary => json!({ "name": output, "parameters": { "binary_data": true } }),
            Encoding::Json => json!({ "name": output }),
        };
        let mut body = json!({ "id": ID, "inputs": described, "outputs": [output] }).to_string().into_bytes();
        let json_length = body.len();
        body.extend(tensors);
        Self { body, json_length }
    }
}

/// The JSON of an answer.
#[derive(Debug, Deserialize)]
struct Answered {
    #[serde(default)]
    model_version: Option<String>,
    outputs: Vec<Output>,
}

#[derive(Debug, Deserialize)]
struct Output {
    name: String,
    shape: Vec<i64>,
    datatype: String,
    #[serde(default)]
    data: Option<Value>,
    #[serde(default)]
    parameters: Option<Parameters>,
}

#[derive(Debug, Default, Deserialize)]
struct Parameters {
    #[serde(default)]
    binary_data_size: Option<usize>,
}

impl Output {
    /// Its bytes behind the JSON.
    fn size(&self) -> usize {
        self.parameters.as_ref().and_then(|parameters| parameters.binary_data_size).unwrap_or(0)
    }
}

/// Reads the output `name`, `[rows, sizes…]`, into `prediction`, `[rows, D]`, and returns the model's version, if it is said.
///
/// # Errors
/// What is wrong with the answer, in words.
pub(crate) fn read(
    body: &[u8],
    header: Option<&str>,
    name: &str,
    sizes: &[usize],
    prediction: &mut ArrayViewMut2<'_, f32>,
) -> Result<Option<String>, String> {
    let json_length = match header {
        None => body.len(),
        Some(length) => {
            length.parse().ok().filter(|length| *length <= body.len()).ok_or("its JSON ends after its answer")?
        }
    };
    let (json, tensors) = body.split_at(json_length);
    let answered: Answered =
        serde_json::from_slice(json).map_err(|error| format!("its answer is not the protocol's ({error})"))?;
    let index = answered.outputs.iter().position(|output| output.name == name);
    let index = index.ok_or_else(|| format!("its answer has no output `{name}`"))?;
    let output = &answered.outputs[index];
    let (rows, values) = prediction.dim();
    let shape: Vec<_> = std::iter::once(rows).chain(sizes.iter().copied()).collect();
    let fits = output.shape.len() == shape.len()
        && output.shape.iter().zip(&shape).all(|(&found, &wanted)| usize::try_from(found) == Ok(wanted));
    if !fits {
        return Err(format!("output `{name}` has shape {:?}, but {shape:?} was asked for", output.shape));
    }
    if output.datatype != "FP32" {
        return Err(format!("output `{name}` has elements of type {}, but must have FP32", output.datatype));
    }
    match (&output.data, output.size()) {
        (Some(data), _) => {
            let mut room = prediction.iter_mut();
            fill(data, &mut room).map_err(|problem| format!("output `{name}` {problem}"))?;
            if room.next().is_some() {
                return Err(format!("output `{name}` has fewer numbers than its shape says"));
            }
        }
        (None, size) => {
            let first = answered.outputs[..index].iter().map(Output::size).fold(0, usize::saturating_add);
            let bytes = tensors.get(first..first.saturating_add(size)).filter(|bytes| bytes.len() == 4 * rows * values);
            let bytes = bytes.ok_or_else(|| format!("output `{name}` has fewer bytes than its shape says, or more"))?;
            let numbers =
                bytes.chunks_exact(4).map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
            prediction.iter_mut().zip(numbers).for_each(|(to, from)| *to = from);
        }
    }
    Ok(answered.model_version)
}

/// Writes numbers, nested or flat, where there is room.
fn fill<'v>(data: &Value, room: &mut impl Iterator<Item = &'v mut f32>) -> Result<(), &'static str> {
    match data {
        Value::Array(values) => values.iter().try_for_each(|value| fill(value, room)),
        Value::Number(number) => {
            let number = number.as_f64().ok_or("holds what is no number")?;
            *room.next().ok_or("has more numbers than its shape says")? = number as f32;
            Ok(())
        }
        _ => Err("holds what is no number"),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ndarray::Array2;
    use parapolicy_hostile::{Bounds, Outcome, run};

    use super::*;

    fn inputs() -> [Input; 2] {
        [
            Input { name: "x".into(), shape: vec![2, 1], numbers: Numbers::of([0.5, -1.0].into_iter(), false) },
            Input { name: "t".into(), shape: vec![2], numbers: Numbers::of([99.0, 3.0].into_iter(), true) },
        ]
    }

    #[test]
    fn requests_are_as_the_protocol_has_them() {
        let Request { body, json_length } = Request::new(&inputs(), "y", Encoding::Binary);
        let (json, tensors) = body.split_at(json_length);
        let expected = json!({
            "id": "parapolicy",
            "inputs": [
                { "name": "x", "shape": [2, 1], "datatype": "FP32", "parameters": { "binary_data_size": 8 } },
                { "name": "t", "shape": [2], "datatype": "INT64", "parameters": { "binary_data_size": 16 } },
            ],
            "outputs": [{ "name": "y", "parameters": { "binary_data": true } }],
        });
        assert_eq!(serde_json::from_slice::<Value>(json).unwrap(), expected);
        let bytes =
            [&0.5_f32.to_le_bytes()[..], &(-1.0_f32).to_le_bytes(), &99_i64.to_le_bytes(), &3_i64.to_le_bytes()];
        assert_eq!(tensors, bytes.concat());

        let Request { body, json_length } = Request::new(&inputs(), "y", Encoding::Json);
        assert_eq!(body.len(), json_length);
        let json: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((&json["inputs"][0]["data"], &json["inputs"][1]["data"]), (&json!([0.5, -1.0]), &json!([99, 3])));
    }

    #[test]
    fn answers_are_nested_flat_or_behind_others() {
        let read_all = |body: &[u8], header: Option<&str>| {
            let mut found = Array2::zeros((2, 2));
            read(body, header, "y", &[2], &mut found.view_mut())
                .map(|version| (found.into_raw_vec_and_offset().0, version))
        };
        let numbers = vec![1.0, -2.0, 0.25, 4.0];
        for data in [json!([[1.0, -2.0], [0.25, 4]]), json!([1.0, -2.0, 0.25, 4.0])] {
            let body = json!({ "outputs": [{ "name": "y", "shape": [2, 2], "datatype": "FP32", "data": data }] });
            assert_eq!(read_all(body.to_string().as_bytes(), None), Ok((numbers.clone(), None)));
        }
        let json = json!({ "model_version": "3", "outputs": [
            { "name": "z", "shape": [1], "datatype": "INT64", "parameters": { "binary_data_size": 8 } },
            { "name": "y", "shape": [2, 2], "datatype": "FP32", "parameters": { "binary_data_size": 16 } },
        ]})
        .to_string();
        let bytes: Vec<u8> = numbers.iter().flat_map(|number| number.to_le_bytes()).collect();
        let body = [json.as_bytes(), &[9; 8], &bytes].concat();
        let length = json.len().to_string();
        assert_eq!(read_all(&body, Some(&length)), Ok((numbers, Some("3".into()))));

        let seeds = [
            body,
            json!({ "outputs": [{ "name": "y", "shape": [2, 2], "datatype": "FP32", "data": [[1, 2], [3, 4]] }] })
                .to_string()
                .into_bytes(),
        ];
        let bounds = Bounds { bytes: 1 << 20, time: Duration::from_secs(2) };
        let summary = run("answer", &seeds, 20_000, bounds, |mutant| {
            let with_header = read_all(mutant, Some(&length));
            Outcome::from(with_header.or_else(|_| read_all(mutant, None)))
        });
        assert!(summary.read.min(summary.refused) > 0, "each way is taken: {summary:?}");
    }
}
