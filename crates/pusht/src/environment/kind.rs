//! PushT as an entry of the list of environments.

use std::path::Path;

use parapolicy_control::{BoxError, Environment, Sketch};
use parapolicy_eval::{EnvironmentKind, EnvironmentName, Painter, Scenario as Described};
use parapolicy_policy::Manifest;

use super::PushT;
use super::painter::PushTPainter;
use super::sketch::PushTSketch;
use crate::Scenario;

/// PushT, for a list of environments.
pub const PUSHT: EnvironmentName = EnvironmentName::of(&Kind);

/// The default scenario.
const USUAL: &str = "sims/nominal.toml";

#[derive(Debug)]
struct Kind;

impl EnvironmentKind for Kind {
    fn name(&self) -> &'static str {
        "pusht"
    }

    fn summary(&self) -> &'static str {
        "an agent pushes a T-shaped block onto its goal (gym-pusht)"
    }

    fn scenario(&self, file: Option<&Path>) -> Result<Box<dyn Described>, BoxError> {
        Ok(Box::new(Scenario::load(file.unwrap_or(USUAL.as_ref()))?))
    }
}

impl Described for Scenario {
    fn name(&self) -> &str {
        &self.name
    }

    fn make(&self, manifest: &Manifest) -> Result<Box<dyn Environment>, BoxError> {
        Ok(Box::new(PushT::new(self.clone(), manifest)?))
    }

    fn painter(&self) -> Option<Box<dyn Painter>> {
        let painter = PushTPainter::new(self.keep_out.clone()).ok()?;
        Some(Box::new(painter))
    }

    fn sketch(&self) -> Option<Box<dyn Sketch>> {
        Some(Box::new(PushTSketch(self.keep_out.clone())))
    }
}
