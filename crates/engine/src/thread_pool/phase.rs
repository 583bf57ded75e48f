//! A counter that threads can wait for, first spinning, then asleep.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a thread spins at least, between two evaluations and between two layers: longer than the pause between the
/// evaluations of one plan, and than the shares of two threads in a layer of some microseconds differ, shorter than the pause
/// between two plans. To be woken from sleep takes tens of microseconds, on a virtual machine more; a longer wait means that the
/// system runs two of the threads, or a thread and something else, on one core.
pub(crate) const AWAKE: Duration = Duration::from_micros(100);

/// A counter, and the threads that wait for it.
#[derive(Default)]
pub(super) struct Phase {
    value: AtomicUsize,
    sleepers: AtomicUsize,
    lock: Mutex<()>,
    advanced: Condvar,
}

impl Phase {
    /// Its present value.
    pub(super) fn now(&self) -> usize {
        self.value.load(Ordering::Acquire)
    }

    /// Counts up, and wakes the threads that wait. They see what was written before.
    pub(super) fn advance(&self) {
        // Sequentially consistent, as are the two in `sleep`: either a sleeper counts itself before this thread looks,
        // and is woken, or it sees the new value.
        self.value.fetch_add(1, Ordering::SeqCst);
        if self.sleepers.load(Ordering::SeqCst) > 0 {
            drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner));
            self.advanced.notify_all();
        }
    }

    /// Waits while the value is `phase`: spins for the time `awake`, then sleeps. Returns whether it slept.
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
