//! A barrier that fails if a thread panics.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use std::time::Duration;

use super::phase::Phase;

/// A barrier that fails if a thread panics.
#[derive(Default)]
pub(super) struct Barrier {
    arrived: AtomicUsize,
    phase: Phase,
    failed: AtomicBool,
}

impl Barrier {
    /// Waits for `count` threads, this one among them: awake for the time `awake`, then asleep. Returns whether it slept.
    pub(super) fn wait(&self, count: usize, awake: Duration) -> bool {
        let phase = self.phase.now();
        self.check();
        let slept = if self.arrived.fetch_add(1, Ordering::AcqRel) + 1 == count {
            self.arrived.store(0, Ordering::Relaxed);
            self.phase.advance();
            false
        } else {
            self.phase.wait(phase, awake)
        };
        self.check();
        slept
    }

    /// Panics if another thread has.
    #[expect(clippy::panic, reason = "passes on another thread's panic, about which nothing else is known here")]
    pub(super) fn check(&self) {
        if self.failed.load(Ordering::Acquire) {
            panic!("another thread of the pool has panicked");
        }
    }

    /// Says that a thread has panicked, and wakes all that wait.
    pub(super) fn fail(&self) {
        self.failed.store(true, Ordering::Release);
        self.phase.advance();
    }
}
