//! The backends that a program knows.

use std::path::Path;

use thiserror::Error;

use super::{Backend, BackendName};
use crate::{Inference, InferenceError, NATIVE};

/// The backends that a program knows: one list, from which all names are read.
///
/// ```
/// use parapolicy_policy::Backends;
///
/// let backends = Backends::default(); // .with(&MY_BACKEND)? adds one
/// assert_eq!(backends.parse("native")?.to_string(), "native");
/// assert_eq!(backends.parse("abacus").unwrap_err().to_string(), "provider: `abacus` is not known; use native");
/// # Ok::<(), parapolicy_policy::InferenceError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Backends(Vec<BackendName>);

/// A backend of this name is on the list already.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("there is a backend named `{0}` already: give yours another name")]
pub struct DuplicateBackend(&'static str);

impl Default for Backends {
    /// The engine of this project alone.
    fn default() -> Self {
        Self(vec![NATIVE])
    }
}

impl Backends {
    /// The same list with one more.
    ///
    /// # Errors
    /// [`DuplicateBackend`] if its name is taken.
    pub fn with(mut self, backend: &'static dyn Backend) -> Result<Self, DuplicateBackend> {
        let name = BackendName::of(backend);
        if self.0.contains(&name) {
            return Err(DuplicateBackend(name.as_str()));
        }
        self.0.push(name);
        Ok(self)
    }

    /// All of them, in the order in which they were put on the list.
    pub fn iter(&self) -> impl Iterator<Item = BackendName> {
        self.0.iter().copied()
    }

    /// The backend of this name.
    ///
    /// # Errors
    /// [`InferenceError::UnknownProvider`], with the names that are known.
    pub fn parse(&self, name: &str) -> Result<BackendName, InferenceError> {
        self.iter().find(|known| known.as_str() == name).ok_or_else(|| {
            let known = self.iter().map(BackendName::as_str).collect::<Vec<_>>().join(", ");
            InferenceError::UnknownProvider { name: name.into(), known }
        })
    }

    /// The backend to use where none is named: the first that takes a library if `library` is given, else the engine.
    pub fn implied(&self, library: Option<&Path>) -> BackendName {
        let takes = |backend: &BackendName| backend.backend().takes_library();
        library.and_then(|_| self.iter().find(takes)).unwrap_or_default()
    }

    /// The default, with encoders that the engine refuses run by the first other backend that runs any.
    pub fn inference(&self) -> Inference {
        let encoder = self.iter().find(|backend| *backend != NATIVE && backend.backend().runs_encoders());
        Inference { encoder, ..Inference::default() }
    }
}
