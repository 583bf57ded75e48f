//! What others may know of a controller while it runs.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{Latency, Percentiles};

/// Counted by the worker; the control thread touches nothing here but the atomics.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// A plan is being worked on.
    pub busy: AtomicBool,
    pub plans: AtomicU64,
    pub failures: AtomicU64,
    pub events_dropped: AtomicU64,
    latency: Mutex<Latency>,
}

impl Shared {
    /// Locked by the worker and by whoever reads, never by the control thread.
    pub fn latency(&self) -> MutexGuard<'_, Latency> {
        // A histogram is whole after every call, whatever became of the caller.
        self.latency.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A view of a running [`Controller`](super::Controller), for any thread. Reading it does not stop anything.
#[derive(Clone, Debug)]
pub struct Monitor(pub(super) Arc<Shared>);

/// How a controller is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Health {
    /// A plan is being worked on.
    pub planning: bool,
    /// Plans delivered.
    pub plans: u64,
    /// Plans that failed, panicked, or were not finite.
    pub failures: u64,
    /// Events that nobody fetched in time.
    pub events_dropped: u64,
    /// From the worker's waking to the plan delivered, in milliseconds.
    pub latency_ms: Percentiles,
}

impl Monitor {
    /// The state of this moment.
    #[must_use]
    pub fn health(&self) -> Health {
        let Shared { busy, plans, failures, events_dropped, .. } = &*self.0;
        Health {
            planning: busy.load(Ordering::Acquire),
            plans: plans.load(Ordering::Relaxed),
            failures: failures.load(Ordering::Relaxed),
            events_dropped: events_dropped.load(Ordering::Relaxed),
            latency_ms: self.0.latency().percentiles(),
        }
    }
}
