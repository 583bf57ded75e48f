//! Checks the inputs and the output of a graph against the manifest.

use std::fmt::Display;

use parapolicy_onnx::{Dimension, TensorInfo, ValueKind};

use super::GraphTensors;
use crate::{ConditionKind, EncoderGraph, Manifest, Signature, manifest::MANIFEST_FILE};

/// The element type of the graph's timesteps: exporters differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestepType {
    /// 64-bit integers.
    Int64,
    /// 32-bit floating point.
    Float32,
}

/// An input or the output, as the manifest describes it.
struct Expected<'a> {
    /// File name of the manifest.
    manifest: &'a str,
    /// Field of the manifest that names it.
    field: &'static str,
    name: &'a str,
    types: &'static [&'static str],
    /// The sizes after the batch axis.
    sizes: Vec<usize>,
}

const FLOAT: &[&str] = &["f32"];
const INT: &[&str] = &["i64"];
const FLOAT_OR_INT: &[&str] = &["i64", "f32"];

/// What the manifest leaves to the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Element type of its timesteps.
    pub timestep: TimestepType,
    /// Sizes of an observation, `n_obs_steps` and the numbers per step, or of another condition; or their product.
    pub seen: Vec<usize>,
}

/// The choices that the manifest leaves to the graph; or what is wrong.
pub(super) fn denoiser(tensors: &GraphTensors, signature: &Signature) -> Result<Accepted, String> {
    let Signature { manifest, graph, .. } = signature;
    let seen = seen(tensors, signature);
    let expected = |field, name, types, sizes| Expected { manifest, field, name, types, sizes };
    let sample = expected("denoiser.sample", &graph.sample, FLOAT, signature.sample.clone());
    let timestep = expected("denoiser.timestep", &graph.timestep, FLOAT_OR_INT, vec![]);
    let condition = signature.condition.as_ref().map(|condition| {
        let types = if condition.kind == ConditionKind::Numbers { FLOAT } else { INT };
        expected(condition.field, &condition.input, types, seen.clone())
    });
    let prediction = expected("denoiser.prediction", &graph.prediction, FLOAT, signature.sample.clone());

    sample.find("input", &tensors.inputs)?;
    let timestep = timestep.find("input", &tensors.inputs)?;
    condition.as_ref().map(|condition| condition.find("input", &tensors.inputs)).transpose()?;
    prediction.find("output", &tensors.outputs)?;
    match condition {
        Some(_) => ensure_no_more(tensors, 3, "three"),
        None => ensure_no_more(tensors, 2, "two"),
    }?;

    let timestep = if timestep == "i64" { TimestepType::Int64 } else { TimestepType::Float32 };
    Ok(Accepted { timestep, seen })
}

/// The sizes that a condition has in the graph. Flat or not, the memory layout is the same.
fn seen(tensors: &GraphTensors, signature: &Signature) -> Vec<usize> {
    let Some(condition) = &signature.condition else { return Vec::new() };
    let input = tensors.inputs.iter().find(|input| input.name == condition.input);
    let is_flat = matches!(input.map(|input| &input.kind), Some(ValueKind::Tensor { shape, .. }) if shape.len() == 2);
    if is_flat && !condition.sizes.is_empty() {
        vec![condition.sizes.iter().product()]
    } else {
        condition.sizes.clone()
    }
}

/// What is wrong with the encoder's input or output, if anything is.
pub(super) fn encoder(tensors: &GraphTensors, manifest: &Manifest, encoder: &EncoderGraph) -> Result<(), String> {
    let seen = vec![manifest.n_obs_steps, manifest.told_dim()];
    let features = vec![manifest.n_obs_steps, encoder.size];
    let expected = |field, name, sizes| Expected { manifest: MANIFEST_FILE, field, name, types: FLOAT, sizes };
    expected("encoder.observation", &encoder.observation, seen).find("input", &tensors.inputs)?;
    expected("encoder.features", &encoder.features, features).find("output", &tensors.outputs)?;
    ensure_no_more(tensors, 1, "one")
}

fn ensure_no_more(tensors: &GraphTensors, inputs: usize, in_words: &str) -> Result<(), String> {
    match tensors.inputs.get(inputs..).and_then(<[_]>::first) {
        None => Ok(()),
        Some(tensor) => Err(format!(
            "has {} inputs, the last `{}`, but must have {in_words}: export it without the others",
            tensors.inputs.len(),
            tensor.name
        )),
    }
}

impl Expected<'_> {
    /// The element type of the tensor among the graph's inputs or outputs.
    fn find<'o>(&self, kind: &str, tensors: &'o [TensorInfo]) -> Result<&'o str, String> {
        let found = tensors.iter().find(|tensor| tensor.name == self.name);
        let tensor = found.ok_or_else(|| self.missing(kind, tensors))?;
        let ValueKind::Tensor { element, shape } = &tensor.kind else {
            return Err(self.problem(kind, format_args!("is a {}, not a tensor", tensor.kind)));
        };
        self.check_type(kind, element.as_str())?;
        self.check_shape(kind, shape)?;
        Ok(element.as_str())
    }

    fn check_type(&self, kind: &str, element: &str) -> Result<(), String> {
        if self.types.contains(&element) {
            return Ok(());
        }
        let types = self.types.join(" or ");
        Err(self.problem(kind, format_args!("has elements of type {element}, but must have {types}")))
    }

    /// A size that the graph leaves open fits any; the batch must be open.
    fn check_shape(&self, kind: &str, shape: &[Dimension]) -> Result<(), String> {
        let sizes_fit = shape.len() == self.sizes.len() + 1
            && shape[1..].iter().zip(&self.sizes).all(|(size, &wanted)| size.fits(wanted));
        if !sizes_fit {
            let wanted: String = self.sizes.iter().map(|size| format!(", {size}")).collect();
            return Err(self.problem(
                kind,
                format!("has shape {} in the graph, but {} asks for [batch{wanted}]", describe(shape), self.manifest),
            ));
        }
        if let Dimension::Fixed(batch) = &shape[0] {
            return Err(
                self.problem(kind, format!("has a fixed batch of {batch}: export the graph with a dynamic batch axis"))
            );
        }
        Ok(())
    }

    fn missing(&self, kind: &str, tensors: &[TensorInfo]) -> String {
        let names: Vec<_> = tensors.iter().map(|tensor| format!("`{}`", tensor.name)).collect();
        format!(
            "has no {kind} `{}`, which {} names as `{}`; its {kind}s are {}",
            self.name,
            self.manifest,
            self.field,
            names.join(", ")
        )
    }

    fn problem(&self, kind: &str, problem: impl Display) -> String {
        format!("{kind} `{}` {problem}", self.name)
    }
}

/// A shape with the sizes that are open as `?`.
fn describe(shape: &[Dimension]) -> String {
    let size = |size: &Dimension| if let Dimension::Fixed(size) = size { size.to_string() } else { "?".into() };
    let sizes: Vec<_> = shape.iter().map(size).collect();
    format!("[{}]", sizes.join(", "))
}
