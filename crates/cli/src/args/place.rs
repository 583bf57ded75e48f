//! Arguments that choose environment and scenario.

use std::path::PathBuf;

use clap::Args;
use parapolicy_eval::EnvironmentName;
use parapolicy_policy::Manifest;

use crate::environments::{self, Place};
use crate::failure::Failure;

/// Where a policy is played.
#[derive(Debug, Args)]
pub struct PlaceArguments {
    /// Where the policy is played [default: the first environment that takes it]
    #[arg(long, value_name = "NAME", value_parser = environments::parse, help = environments::argument_help())]
    pub environment: Option<EnvironmentName>,
    /// What the episodes are like (TOML) [default: the environment's usual scenario; of `pusht`, sims/nominal.toml]
    #[arg(long)]
    pub scenario: Option<PathBuf>,
}

impl PlaceArguments {
    /// Whether neither environment nor scenario is named.
    pub fn is_unnamed(&self) -> bool {
        self.environment.is_none() && self.scenario.is_none()
    }

    /// The environment that is named, or the first that takes the policy.
    pub fn find(&self, manifest: &Manifest) -> Result<Place, Failure> {
        Place::find(self.environment, self.scenario.as_deref(), manifest)
    }
}
