//! A backend as a value, identified by its name.

use std::fmt;

use super::Backend;
use crate::NATIVE;

/// A backend, as a value: cheap to copy, compared and printed by its name.
#[derive(Clone, Copy, Debug)]
pub struct BackendName(&'static dyn Backend);

impl BackendName {
    /// The name of a backend.
    pub const fn of(backend: &'static dyn Backend) -> Self {
        Self(backend)
    }

    /// The backend of this name.
    pub fn backend(self) -> &'static dyn Backend {
        self.0
    }

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        self.0.name()
    }
}

impl Default for BackendName {
    /// The engine of this project.
    fn default() -> Self {
        NATIVE
    }
}

impl PartialEq for BackendName {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for BackendName {}

impl fmt::Display for BackendName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
