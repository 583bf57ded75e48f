//! `--environment`: where a policy is played, and what it meets there.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use anyhow::anyhow;
use parapolicy_arm::ARM;
use parapolicy_control::Environment;
use parapolicy_eval::{EnvironmentName, Environments, Scenario};
use parapolicy_policy::Manifest;
use parapolicy_pusht::PUSHT;

use crate::failure::{Failure, InputError as _};

/// The environments of this program, in the order in which a policy is tried on them.
static ENVIRONMENTS: LazyLock<Environments> = LazyLock::new(|| {
    [PUSHT, ARM].iter().fold(Environments::default(), |list, name| {
        // Two different names: none is refused.
        list.clone().with(name.kind()).unwrap_or(list)
    })
});

/// Reads a name.
pub fn parse(name: &str) -> Result<EnvironmentName, String> {
    ENVIRONMENTS.parse(name).map_err(|error| error.to_string())
}

/// Names and what they are, for the command line's help.
pub fn argument_help() -> String {
    let line = |name: EnvironmentName| format!("`{name}`, {}", name.kind().summary());
    let lines: Vec<_> = ENVIRONMENTS.iter().map(line).collect();
    format!("Where the policy is played: {} [default: the first that takes the policy]", lines.join("; "))
}

/// Where a policy is played, not made yet.
pub struct Place {
    /// What it is called in reports.
    pub scenario: Box<dyn Scenario>,
    /// Whether this is PushT.
    pub environment: EnvironmentName,
}

impl Place {
    /// The environment of this name, or the first on the list that takes the policy; its scenario of this file, or its usual
    /// one.
    pub fn find(name: Option<EnvironmentName>, file: Option<&Path>, manifest: &Manifest) -> Result<Self, Failure> {
        if let Some(environment) = name {
            return Self::of(environment, file);
        }
        let mut refusals = Vec::new();
        for environment in ENVIRONMENTS.iter() {
            match Self::of(environment, file).and_then(|place| place.make(manifest).map(|_| place)) {
                Ok(place) => return Ok(place),
                Err(Failure::Input(why) | Failure::Other(why)) => refusals.push(format!("{environment}: {why}")),
                Err(failure) => return Err(failure),
            }
        }
        let name = &manifest.name;
        Err(anyhow!(
            "no environment takes the policy \"{name}\" ({}): name one with --environment",
            refusals.join("; ")
        ))
        .input()
    }

    fn of(environment: EnvironmentName, file: Option<&Path>) -> Result<Self, Failure> {
        let scenario = environment.kind().scenario(file).map_err(anyhow::Error::from_boxed).input()?;
        Ok(Self { scenario, environment })
    }

    /// The places of several scenarios, of one environment.
    pub fn find_all(
        name: Option<EnvironmentName>,
        files: &[PathBuf],
        manifest: &Manifest,
    ) -> Result<Vec<Self>, Failure> {
        if files.is_empty() {
            return Ok(vec![Self::find(name, None, manifest)?]);
        }
        files.iter().map(|file| Self::find(name, Some(file), manifest)).collect()
    }

    /// Makes it as the policy is to see it.
    pub fn make(&self, manifest: &Manifest) -> Result<Box<dyn Environment>, Failure> {
        self.scenario.make(manifest).map_err(anyhow::Error::from_boxed).input()
    }
}
