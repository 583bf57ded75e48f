//! Ctrl-C while Rust is at work: Python notes a signal, and acts upon it only when it is asked.

use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::{Duration, Instant};

use ndarray::{ArrayView2, ArrayViewMut2};
use parapolicy_sampler::{BatchedDenoiser, BoxError, Denoiser, Known};
use pyo3::prelude::*;

/// Python is not asked more often than this: it may take the interpreter's lock from other threads to do so.
const INTERVAL: Duration = Duration::from_millis(50);

/// How often a lock is tried that another thread has.
const RETRY: Duration = Duration::from_millis(1);

/// Asks Python, now and then, whether a signal has come.
pub struct Signals {
    asked: Instant,
}

impl Signals {
    pub fn new() -> Self {
        Self { asked: Instant::now() }
    }

    /// What a signal's handler raises: `KeyboardInterrupt`, above all. For threads that do not hold the interpreter's lock.
    pub fn check(&mut self) -> PyResult<()> {
        if self.asked.elapsed() < INTERVAL {
            return Ok(());
        }
        Python::attach(|py| {
            // From here: how long the interpreter's lock is waited for does not count.
            self.asked = Instant::now();
            py.check_signals()
        })
    }

    /// Waits for a lock, unless a signal comes.
    pub fn lock<'a, T>(&mut self, mutex: &'a Mutex<T>) -> PyResult<MutexGuard<'a, T>> {
        loop {
            match mutex.try_lock() {
                Ok(guard) => return Ok(guard),
                Err(TryLockError::Poisoned(guard)) => return Ok(PoisonError::into_inner(guard)),
                Err(TryLockError::WouldBlock) => std::thread::sleep(RETRY),
            }
            self.check()?;
        }
    }
}

/// A denoiser whose calls, a sampler's rounds, fail with the exception when a signal has come.
pub struct Interruptible<'a, D> {
    pub denoiser: D,
    pub signals: &'a mut Signals,
}

impl<D: Denoiser> Denoiser for Interruptible<'_, D> {
    fn predict(
        &mut self,
        samples: ArrayView2<'_, f32>,
        timesteps: &[f32],
        prediction: ArrayViewMut2<'_, f32>,
    ) -> Result<(), BoxError> {
        self.signals.check()?;
        self.denoiser.predict(samples, timesteps, prediction)
    }

    fn known(&self) -> Option<Known<'_>> {
        self.denoiser.known()
    }
}

/// [`Interruptible`] for plans that are drawn together.
pub struct InterruptibleBatch<'a, D> {
    pub denoiser: D,
    pub signals: &'a mut Signals,
}

impl<D: BatchedDenoiser> BatchedDenoiser for InterruptibleBatch<'_, D> {
    fn predict_batched(
        &mut self,
        plans: &[usize],
        samples: ArrayView2<'_, f32>,
        timesteps: &[f32],
        prediction: ArrayViewMut2<'_, f32>,
    ) -> Result<(), BoxError> {
        self.signals.check()?;
        self.denoiser.predict_batched(plans, samples, timesteps, prediction)
    }

    fn known_of(&self, plan: usize) -> Option<Known<'_>> {
        self.denoiser.known_of(plan)
    }
}
