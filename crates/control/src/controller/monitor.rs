//! State of a running controller, for other threads to read.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam::channel::{Receiver, TryIter};

use super::WorkerEvent;
use crate::{Latency, Percentiles};

/// Updated by the worker; the control thread reads only the atomics.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// Number of the worker that is working on a plan; 0: none.
    working: AtomicU64,
    pub plans: AtomicU64,
    /// Rounds and evaluations of the plans delivered.
    pub rounds: AtomicU64,
    pub evaluations: AtomicU64,
    pub failures: AtomicU64,
    pub hangs: AtomicU64,
    pub clock_steps: AtomicU64,
    pub events_dropped: AtomicU64,
    latency: Mutex<Latency>,
}

impl Shared {
    /// Worker `id`, from 1, has a plan to work on.
    pub fn begin(&self, id: u64) {
        self.working.store(id, Ordering::Release);
    }

    /// Whether worker `id` is working on a plan, and was not abandoned.
    pub fn is_working(&self, id: u64) -> bool {
        self.working.load(Ordering::Acquire) == id
    }

    /// Worker `id` is done, or given up; false if it was not working any more.
    pub fn end(&self, id: u64) -> bool {
        self.working.compare_exchange(id, 0, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Locked by the worker and by whoever reads, never by the control thread.
    pub fn latency(&self) -> MutexGuard<'_, Latency> {
        // A histogram is consistent after every call, even if the caller panicked.
        self.latency.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A view of a running [`Controller`](super::Controller), for any thread. Reading it does not stop anything.
#[derive(Clone, Debug)]
pub struct Monitor {
    pub(super) shared: Arc<Shared>,
    pub(super) events: Receiver<WorkerEvent>,
}

/// State and counters of a controller.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Health {
    /// A plan is being worked on.
    pub planning: bool,
    /// Plans delivered.
    pub plans: u64,
    /// Sequential network calls that they took.
    pub rounds: u64,
    /// Rows that the network evaluated for them.
    pub evaluations: u64,
    /// Plans that failed, panicked, were not finite, or never came.
    pub failures: u64,
    /// Of those, plans that never came: the policy hung, and its thread was abandoned.
    pub hangs: u64,
    /// How often the clock went back, and all plans were dropped.
    pub clock_steps: u64,
    /// Events that were dropped because the queue was full.
    pub events_dropped: u64,
    /// From the worker's wake-up to the delivered plan, in milliseconds.
    pub latency_ms: Percentiles,
}

impl Monitor {
    /// The current state.
    #[must_use]
    pub fn health(&self) -> Health {
        let Shared { working, plans, rounds, evaluations, failures, hangs, clock_steps, events_dropped, .. } =
            &*self.shared;
        Health {
            planning: working.load(Ordering::Acquire) != 0,
            plans: plans.load(Ordering::Relaxed),
            rounds: rounds.load(Ordering::Relaxed),
            evaluations: evaluations.load(Ordering::Relaxed),
            failures: failures.load(Ordering::Relaxed),
            hangs: hangs.load(Ordering::Relaxed),
            clock_steps: clock_steps.load(Ordering::Relaxed),
            events_dropped: events_dropped.load(Ordering::Relaxed),
            latency_ms: self.shared.latency().percentiles(),
        }
    }

    /// What went wrong and was not fetched yet, here or from the controller.
    pub fn events(&self) -> TryIter<'_, WorkerEvent> {
        self.events.try_iter()
    }
}
