//! The arm as an entry of the list of environments.

use std::path::Path;

use parapolicy_control::{BoxError, Environment, Sketch};
use parapolicy_eval::{EnvironmentError, EnvironmentKind, EnvironmentName, Painter, Scenario};
use parapolicy_policy::Manifest;
use thiserror::Error;

use crate::Arm;
use crate::painter::ArmPainter;
use crate::sketch::ArmSketch;

/// The arm, for a list of environments.
pub const ARM: EnvironmentName = EnvironmentName::of(&Kind);

/// Why a policy cannot be played on the arm.
#[derive(Debug, Error, PartialEq, Eq)]
#[non_exhaustive]
pub enum ArmError {
    /// Another observation.
    #[error(
        "observations: the policy wants {0}, but the arm has `elbow` of length 2 (cosine, sine), then `target` of length 2 (m)"
    )]
    Observations(String),
    /// Actions of another length.
    #[error("actions: the policy gives {0} numbers, but the arm takes 2: the joints' velocities in rad/s")]
    Action(usize),
}

#[derive(Debug)]
struct Kind;

impl EnvironmentKind for Kind {
    fn name(&self) -> &'static str {
        "arm"
    }

    fn summary(&self) -> &'static str {
        "a planar two-link arm reaches for points"
    }

    fn scenario(&self, file: Option<&Path>) -> Result<Box<dyn Scenario>, BoxError> {
        match file {
            None => Ok(Box::new(Reach)),
            Some(file) => {
                Err(EnvironmentError::NoScenarios { environment: self.name(), file: file.to_path_buf() }.into())
            }
        }
    }
}

/// The only scenario: a target within reach.
struct Reach;

impl Scenario for Reach {
    fn name(&self) -> &str {
        "reach"
    }

    fn make(&self, manifest: &Manifest) -> Result<Box<dyn Environment>, BoxError> {
        let wanted: Vec<_> = manifest.observations.iter().map(|entry| (entry.name.as_str(), entry.len())).collect();
        if wanted != [("elbow", 2), ("target", 2)] {
            let wanted: Vec<_> = wanted.iter().map(|(name, len)| format!("`{name}` of length {len}")).collect();
            return Err(ArmError::Observations(wanted.join(", ")).into());
        }
        if manifest.action_dim() != 2 {
            return Err(ArmError::Action(manifest.action_dim()).into());
        }
        Ok(Box::new(Arm::default()))
    }

    fn painter(&self) -> Option<Box<dyn Painter>> {
        Some(Box::new(ArmPainter))
    }

    fn sketch(&self) -> Option<Box<dyn Sketch>> {
        Some(Box::new(ArmSketch))
    }
}
