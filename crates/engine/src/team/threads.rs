//! How many threads there are, and on which cores.

use core_affinity::CoreId;

use crate::EngineError;

/// Threads that run a network: the calling one, and others beside it. A number alone is so many, on any core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threads {
    /// How many, the calling one among them; at least one.
    pub count: usize,
    /// Whether each of the others keeps to a core of its own, one of those that this process may use. The first of these
    /// is left to the calling thread, which is its owner's to pin.
    pub pinned: bool,
}

impl From<usize> for Threads {
    fn from(count: usize) -> Self {
        Self { count, pinned: false }
    }
}

impl Threads {
    /// A core for each thread; none where they may be on any.
    pub(super) fn cores(self) -> Result<Vec<CoreId>, EngineError> {
        if !self.pinned || self.count < 2 {
            return Ok(vec![]);
        }
        let cores = core_affinity::get_core_ids().ok_or_else(|| self.refused("the system does not name its cores"))?;
        match cores.len() {
            enough if enough >= self.count => Ok(cores),
            few => Err(self.refused(&format!("this process may use {few}; ask for no more, or do not pin them"))),
        }
    }

    pub(super) fn refused(self, problem: &str) -> EngineError {
        EngineError::Pinning { threads: self.count, problem: problem.into() }
    }
}
