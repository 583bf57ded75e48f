//! The list of environments, by name; other crates can add their own.
//!
//! ```text
//! Environments ──parse(name)──▶ EnvironmentKind ──scenario(file)──▶ Scenario ──make(manifest)──▶ Environment
//!                                                                           ──painter()───────▶ Painter
//! ```
//!
//! `examples/outside_environment.rs` is an environment in one file, with its line on the list.

use std::fmt;
use std::path::{Path, PathBuf};

use parapolicy_control::{BoxError, Environment, Sketch};
use parapolicy_policy::Manifest;
use thiserror::Error;

use crate::Painter;

/// A kind of environment.
pub trait EnvironmentKind: fmt::Debug + Send + Sync {
    /// The name by which program, C and Python know it.
    fn name(&self) -> &'static str;

    /// What it is, in a line.
    fn summary(&self) -> &'static str;

    /// The scenario that a file describes; without a file, the usual one.
    ///
    /// # Errors
    /// A file that cannot be read, that is no scenario, or that this environment has no use for.
    fn scenario(&self, file: Option<&Path>) -> Result<Box<dyn Scenario>, BoxError>;
}

/// An environment of a kind, described and not made yet.
pub trait Scenario: Send + Sync {
    /// Its name, for reports.
    fn name(&self) -> &str;

    /// Makes the environment as a policy is to see it.
    ///
    /// # Errors
    /// A policy whose observations or actions the environment does not have.
    fn make(&self, manifest: &Manifest) -> Result<Box<dyn Environment>, BoxError>;

    /// What draws its [scenes](Environment::scene); none where nothing is drawn.
    fn painter(&self) -> Option<Box<dyn Painter>> {
        None
    }

    /// What draws its [scenes](Environment::scene) in logs; none where nothing is drawn.
    fn sketch(&self) -> Option<Box<dyn Sketch>> {
        None
    }
}

/// A kind of environment, as a value: cheap to copy, compared and printed by its name.
#[derive(Clone, Copy, Debug)]
pub struct EnvironmentName(&'static dyn EnvironmentKind);

impl EnvironmentName {
    /// The name of a kind.
    pub const fn of(kind: &'static dyn EnvironmentKind) -> Self {
        Self(kind)
    }

    /// The kind of this name.
    pub fn kind(self) -> &'static dyn EnvironmentKind {
        self.0
    }

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        self.0.name()
    }
}

impl PartialEq for EnvironmentName {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for EnvironmentName {}

impl fmt::Display for EnvironmentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The environments that a program knows: one list, from which all names are read.
#[derive(Clone, Debug, Default)]
pub struct Environments(Vec<EnvironmentName>);

/// Why there is no such environment.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum EnvironmentError {
    /// There is none of this name.
    #[error("environment: `{name}` is not known; use {known}")]
    Unknown {
        /// The name.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// A scenario was given to an environment that has none but its own.
    #[error("{}: the environment {environment} reads no scenarios; leave it out", file.display())]
    NoScenarios {
        /// The environment.
        environment: &'static str,
        /// The file.
        file: PathBuf,
    },
}

/// An environment of this name is on the list already.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("there is an environment named `{0}` already: give yours another name")]
pub struct DuplicateEnvironment(&'static str);

impl Environments {
    /// The same list with one more.
    ///
    /// # Errors
    /// [`DuplicateEnvironment`] if its name is taken.
    pub fn with(mut self, kind: &'static dyn EnvironmentKind) -> Result<Self, DuplicateEnvironment> {
        let name = EnvironmentName::of(kind);
        if self.0.contains(&name) {
            return Err(DuplicateEnvironment(name.as_str()));
        }
        self.0.push(name);
        Ok(self)
    }

    /// All of them, in the order in which they were put on the list.
    pub fn iter(&self) -> impl Iterator<Item = EnvironmentName> {
        self.0.iter().copied()
    }

    /// The environment of this name.
    ///
    /// # Errors
    /// [`EnvironmentError::Unknown`], with the names that are known.
    pub fn parse(&self, name: &str) -> Result<EnvironmentName, EnvironmentError> {
        self.iter().find(|known| known.as_str() == name).ok_or_else(|| {
            let known = self.iter().map(EnvironmentName::as_str).collect::<Vec<_>>().join(", ");
            EnvironmentError::Unknown { name: name.into(), known }
        })
    }
}
