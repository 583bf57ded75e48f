//! The roles of a denoiser's tensors: the shape and type, and the common names, of each.

use std::fmt;

use super::RoleNames;
use parapolicy_onnx::{Dimension, TensorInfo, ValueKind};

use crate::GraphTensors;

/// Axes of a batch of plans, `[batch, horizon, action_dim]`.
pub(in super::super) const PLAN_AXES: usize = 3;

/// Axes of the largest samples: `[batch, channels, frames, height, width]`.
const MOST_AXES: usize = 5;

/// Whether an input takes labels.
pub(in super::super) fn is_label(input: &TensorInfo) -> bool {
    matches!(&input.kind, ValueKind::Tensor { element, .. } if element.as_str() == "i64")
}

/// Role of a tensor in a denoiser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Role {
    Sample,
    Timestep,
    Observation,
    Prediction,
}

impl Role {
    pub const ALL: [Self; 4] = [Self::Sample, Self::Timestep, Self::Observation, Self::Prediction];

    /// Its name in the manifest, and on the command line.
    pub fn field(self) -> &'static str {
        match self {
            Self::Sample => "sample",
            Self::Timestep => "timestep",
            Self::Observation => "observation",
            Self::Prediction => "prediction",
        }
    }

    /// Whether it is an input or an output.
    pub fn side(self) -> &'static str {
        if self == Self::Prediction { "output" } else { "input" }
    }

    pub fn among(self, tensors: &GraphTensors) -> &[TensorInfo] {
        if self == Self::Prediction { &tensors.outputs } else { &tensors.inputs }
    }

    /// The name that the user gives for this role.
    pub fn name(self, names: &RoleNames) -> Option<&str> {
        let name = match self {
            Self::Sample => &names.sample,
            Self::Timestep => &names.timestep,
            Self::Observation => &names.observation,
            Self::Prediction => &names.prediction,
        };
        name.as_deref()
    }

    /// Its shape and type, in words.
    pub fn form(self) -> &'static str {
        match self {
            Self::Sample => "f32 [batch, horizon, action_dim], or, of a denoiser that is no policy, f32 [batch, …]",
            Self::Timestep => "i64 or f32 [batch]",
            Self::Observation => {
                "f32 [batch, n_obs_steps, observation_dim] or [batch, n_obs_steps · observation_dim], or, of a denoiser that is \
                 no policy, i64 [batch] or f32 [batch, …]"
            }
            Self::Prediction => "f32 in the sample's shape",
        }
    }

    /// Whether a tensor has that shape and type.
    pub fn fits(self, tensor: &TensorInfo) -> bool {
        let ValueKind::Tensor { element, shape } = &tensor.kind else { return false };
        let (types, axes): (&[&str], _) = match self {
            Self::Timestep => (&["i64", "f32"], 1..=1),
            Self::Observation if shape.len() == 1 => (&["i64"], 1..=1),
            Self::Observation | Self::Sample | Self::Prediction => (&["f32"], 2..=MOST_AXES),
        };
        let is_empty = |size: &Dimension| matches!(size, Dimension::Fixed(size) if *size < 1);
        types.contains(&element.as_str()) && axes.contains(&shape.len()) && !shape.iter().any(is_empty)
    }

    /// Whether a word of a tensor's name is a common name for this role.
    pub fn is_called(self, name: &str) -> bool {
        let words: &[&str] = match self {
            Self::Sample => &["sample", "noisy", "trajectory", "action", "actions", "plan", "x", "xt"],
            Self::Timestep => &["timestep", "timesteps", "time", "t", "step", "sigma"],
            Self::Observation => &["observation", "observations", "obs", "cond", "condition", "context", "state"],
            Self::Prediction => &["prediction", "pred", "noise", "epsilon", "eps", "velocity", "v", "output", "out"],
        };
        let name = name.to_ascii_lowercase();
        name.split(|letter: char| !letter.is_ascii_alphanumeric()).any(|word| words.contains(&word))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.field())
    }
}
