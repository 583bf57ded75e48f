//! Holds the inputs and the output of a graph to the manifest.

use std::fmt::Display;

use super::{
    Outlet, Outlets,
    outlet::{Kind, Size},
};
use crate::{EncoderGraph, Manifest};

/// The element type of the graph's timesteps: exporters differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TimestepType {
    Int64,
    Float32,
}

/// An input or the output, as the manifest has it.
struct Expected<'a> {
    /// Field of the manifest that names it.
    field: &'static str,
    name: &'a str,
    types: &'static [&'static str],
    /// The sizes after the batch axis.
    sizes: Vec<usize>,
}

const FLOAT: &[&str] = &["f32"];
const FLOAT_OR_INT: &[&str] = &["i64", "f32"];

/// What the manifest leaves to the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Accepted {
    pub timestep: TimestepType,
    /// Sizes of an observation: `n_obs_steps` and what is seen in each, or their product.
    pub seen: Vec<usize>,
}

/// What the manifest leaves to the graph; or what is wrong.
pub(super) fn denoiser(outlets: &Outlets, manifest: &Manifest) -> Result<Accepted, String> {
    let denoiser = &manifest.denoiser;
    let plan = vec![manifest.horizon, manifest.plan_dim()];
    let seen = seen(outlets, manifest);
    let sample = expected("denoiser.sample", &denoiser.sample, FLOAT, plan.clone());
    let timestep = expected("denoiser.timestep", &denoiser.timestep, FLOAT_OR_INT, vec![]);
    let observation =
        denoiser.observation.as_ref().map(|name| expected("denoiser.observation", name, FLOAT, seen.clone()));
    let prediction = expected("denoiser.prediction", &denoiser.prediction, FLOAT, plan);

    sample.find("input", &outlets.inputs)?;
    let timestep = timestep.find("input", &outlets.inputs)?;
    observation.as_ref().map(|observation| observation.find("input", &outlets.inputs)).transpose()?;
    prediction.find("output", &outlets.outputs)?;
    match observation {
        Some(_) => ensure_no_more(outlets, 3, "three"),
        None => ensure_no_more(outlets, 2, "two"),
    }?;

    let timestep = if timestep == "i64" { TimestepType::Int64 } else { TimestepType::Float32 };
    Ok(Accepted { timestep, seen })
}

/// The sizes that an observation has in the graph: its steps one after the other are the same numbers.
fn seen(outlets: &Outlets, manifest: &Manifest) -> Vec<usize> {
    let (steps, dim) = (manifest.n_obs_steps, manifest.seen_dim());
    let input = outlets.inputs.iter().find(|input| Some(&input.name) == manifest.denoiser.observation.as_ref());
    let is_flat = matches!(input.map(|input| &input.kind), Some(Kind::Tensor { shape, .. }) if shape.len() == 2);
    if is_flat { vec![steps * dim] } else { vec![steps, dim] }
}

/// What is wrong with the encoder's input or output, if anything is.
pub(super) fn encoder(outlets: &Outlets, manifest: &Manifest, encoder: &EncoderGraph) -> Result<(), String> {
    let seen = vec![manifest.n_obs_steps, manifest.observation_dim()];
    let features = vec![manifest.n_obs_steps, encoder.size];
    expected("encoder.observation", &encoder.observation, FLOAT, seen).find("input", &outlets.inputs)?;
    expected("encoder.features", &encoder.features, FLOAT, features).find("output", &outlets.outputs)?;
    ensure_no_more(outlets, 1, "one")
}

fn expected<'a>(field: &'static str, name: &'a str, types: &'static [&'static str], sizes: Vec<usize>) -> Expected<'a> {
    Expected { field, name, types, sizes }
}

fn ensure_no_more(outlets: &Outlets, inputs: usize, in_words: &str) -> Result<(), String> {
    match outlets.inputs.get(inputs..).and_then(<[_]>::first) {
        None => Ok(()),
        Some(outlet) => Err(format!(
            "has {} inputs, the last `{}`, but must have {in_words}: export it without the others",
            outlets.inputs.len(),
            outlet.name
        )),
    }
}

impl Expected<'_> {
    /// The element type of the tensor among the graph's inputs or outputs.
    fn find<'o>(&self, kind: &str, outlets: &'o [Outlet]) -> Result<&'o str, String> {
        let found = outlets.iter().find(|outlet| outlet.name == self.name);
        let outlet = found.ok_or_else(|| self.missing(kind, outlets))?;
        let Kind::Tensor { element, shape } = &outlet.kind else {
            return Err(self.problem(kind, format_args!("is a {}, not a tensor", outlet.kind)));
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
    fn check_shape(&self, kind: &str, shape: &[Size]) -> Result<(), String> {
        let sizes_fit = shape.len() == self.sizes.len() + 1
            && shape[1..].iter().zip(&self.sizes).all(|(size, &wanted)| size.fits(wanted));
        if !sizes_fit {
            let wanted: String = self.sizes.iter().map(|size| format!(", {size}")).collect();
            return Err(self.problem(
                kind,
                format!("has shape {} in the graph, but policy.json asks for [batch{wanted}]", describe(shape)),
            ));
        }
        if let Size::Fixed(batch) = &shape[0] {
            return Err(
                self.problem(kind, format!("has a fixed batch of {batch}: export the graph with a dynamic batch axis"))
            );
        }
        Ok(())
    }

    fn missing(&self, kind: &str, outlets: &[Outlet]) -> String {
        let names: Vec<_> = outlets.iter().map(|outlet| format!("`{}`", outlet.name)).collect();
        format!(
            "has no {kind} `{}`, which policy.json names as `{}`; its {kind}s are {}",
            self.name,
            self.field,
            names.join(", ")
        )
    }

    fn problem(&self, kind: &str, problem: impl Display) -> String {
        format!("{kind} `{}` {problem}", self.name)
    }
}

/// A shape with the sizes that are open as `?`.
fn describe(shape: &[Size]) -> String {
    let size = |size: &Size| if let Size::Fixed(size) = size { size.to_string() } else { "?".into() };
    let sizes: Vec<_> = shape.iter().map(size).collect();
    format!("[{}]", sizes.join(", "))
}
