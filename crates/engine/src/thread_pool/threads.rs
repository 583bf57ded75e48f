//! How many threads run a network, and on which cores.

use core_affinity::CoreId;

use crate::EngineError;

/// The threads that run a network: the calling one, and workers beside it. A number converts to so many, on any core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Threads {
    /// How many, the calling one among them; at least one is used.
    pub count: usize,
    /// Whether each worker is pinned to a core of its own, among those that this process may use. The first of these is left
    /// to the calling thread, which is not pinned: that is up to its owner.
    pub pinned: bool,
}

impl From<usize> for Threads {
    fn from(count: usize) -> Self {
        Self { count, pinned: false }
    }
}

impl Threads {
    /// A core for each thread; none if they may run on any.
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
