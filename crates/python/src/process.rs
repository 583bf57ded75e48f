//! What must not be used in a process that was forked from the one that made it.

use pyo3::exceptions::PyRuntimeError;

use crate::failure::Failure;

/// A value that has threads of its own. A fork copies no threads, so in a child the value waits for ever, even when it is
/// dropped: there it is refused, and forgotten instead.
pub struct OfProcess<T> {
    /// `None` only while it is dropped.
    value: Option<T>,
    /// What it is to Python.
    class: &'static str,
    process: u32,
}

impl<T> OfProcess<T> {
    pub fn new(class: &'static str, value: T) -> Self {
        Self { value: Some(value), class, process: std::process::id() }
    }

    /// Whether this process was forked from the one that made the value.
    pub fn is_forked(&self) -> bool {
        self.process != std::process::id()
    }

    /// The value, in the process that made it.
    pub fn get(&self) -> Result<&T, Failure> {
        self.value.as_ref().filter(|_| !self.is_forked()).ok_or_else(|| {
            let class = self.class;
            let problem = format!(
                "this {class} was created before the process forked, and its threads are not in the child: create a {class} \
                 in the child, or use multiprocessing's start method 'spawn'"
            );
            PyRuntimeError::new_err(problem).into()
        })
    }
}

impl<T> Drop for OfProcess<T> {
    fn drop(&mut self) {
        if self.is_forked() {
            std::mem::forget(self.value.take());
        }
    }
}
