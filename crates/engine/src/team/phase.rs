//! A counter to wait on.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a thread keeps its core busy between two evaluations: longer than between those of a plan, shorter than
/// between two plans.
pub(super) const BETWEEN_RUNS: Duration = Duration::from_micros(100);

/// How long between two layers: longer than one member's share of a layer takes more than another's. Where it takes longer
/// than that, the system has put the two on one core, or something else before them.
pub(super) const BETWEEN_LAYERS: Duration = Duration::from_micros(20);

/// Counts up, and wakes those who wait for it: soon where they still spin.
#[derive(Default)]
pub(super) struct Phase {
    value: AtomicUsize,
    sleepers: AtomicUsize,
    lock: Mutex<()>,
    advanced: Condvar,
}

impl Phase {
    pub(super) fn now(&self) -> usize {
        self.value.load(Ordering::Acquire)
    }

    /// Ends the present phase. What was written before, those who waited see.
    pub(super) fn advance(&self) {
        // Sequentially consistent, as are the two in `sleep`: either a sleeper counts itself before this thread looks,
        // and is woken, or it sees the new value.
        self.value.fetch_add(1, Ordering::SeqCst);
        if self.sleepers.load(Ordering::SeqCst) > 0 {
            drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner));
            self.advanced.notify_all();
        }
    }

    /// Waits while the phase is `phase`, the first of it awake. Whether it slept then.
    pub(super) fn wait(&self, phase: usize, awake: Duration) -> bool {
        let mut began = None;
        while self.now() == phase {
            for _ in 0..64 {
                if self.now() != phase {
                    return false;
                }
                spin_loop();
            }
            if began.get_or_insert_with(Instant::now).elapsed() > awake {
                self.sleep(phase);
                return true;
            }
        }
        false
    }

    fn sleep(&self, phase: usize) {
        let mut guard = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        self.sleepers.fetch_add(1, Ordering::SeqCst);
        while self.value.load(Ordering::SeqCst) == phase {
            guard = self.advanced.wait(guard).unwrap_or_else(PoisonError::into_inner);
        }
        self.sleepers.fetch_sub(1, Ordering::SeqCst);
    }
}
