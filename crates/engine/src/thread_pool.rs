//! A thread pool that runs one job again and again, with a barrier inside the job.
//!
//! One evaluation is some thirty layers of a few microseconds each, or of some hundred where images are encoded. Threads
//! therefore wait for each other by spinning, and sleep only if the wait is long for the job, both between layers and between
//! evaluations: to be woken takes as long as a layer.

mod barrier;
#[cfg_attr(any(miri, not(target_os = "linux")), path = "thread_pool/cores/unsupported.rs")]
mod cores;
mod phase;
mod share;
#[cfg(test)]
mod tests;
mod threads;

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread::{Builder, JoinHandle};
use std::time::Duration;

use barrier::Barrier;
use cores::{Affinity, Cores};
pub(crate) use phase::AWAKE;
use phase::Phase;
pub use share::Share;
pub use threads::Threads;

use crate::EngineError;

/// What the threads of a [`ThreadPool`] do together.
pub trait Job: Send + Sync + 'static {
    /// One thread's part of one run.
    fn work(&self, thread: &PoolThread<'_>);

    /// How long each of so many threads spins at a barrier before it sleeps, in the run that begins: longer than the parts of two
    /// of them differ.
    fn patience(&self, _threads: usize) -> Duration {
        AWAKE
    }
}

/// One of the threads that run a job.
pub struct PoolThread<'a> {
    /// Which of how many.
    pub share: Share,
    barrier: &'a Barrier,
    patience: Duration,
    cores: &'a Cores,
    affinity: RefCell<&'a mut Affinity>,
}

impl PoolThread<'_> {
    /// Waits until all threads have called this. What they wrote before, all see afterwards.
    ///
    /// # Panics
    /// If another thread has panicked, and would never come.
    pub fn wait_for_all(&self) {
        if self.barrier.wait(self.share.count, self.patience) {
            self.cores.separate(&mut self.affinity.borrow_mut());
        }
    }
}

/// A job, the calling thread and workers beside it. The workers end with the pool.
pub struct ThreadPool<J> {
    shared: Arc<Shared<J>>,
    workers: Vec<JoinHandle<()>>,
    /// In which the workers are.
    process: u32,
}

struct Shared<J> {
    job: J,
    count: usize,
    cores: Cores,
    /// Advanced when a run begins.
    start: Phase,
    barrier: Barrier,
    is_over: AtomicBool,
}

impl<J: Job> ThreadPool<J> {
    /// A pool of at least one thread: the calling one, and a worker for each of the others.
    ///
    /// # Errors
    /// The system starts no more threads, or cannot keep them on cores of their own.
    pub fn new(job: J, threads: Threads) -> Result<Self, EngineError> {
        let (count, own) = (threads.count.max(1), threads.cores()?);
        let (cores, start, barrier) = (Cores::new(count), Phase::default(), Barrier::default());
        let shared = Arc::new(Shared { job, count, cores, start, barrier, is_over: AtomicBool::new(false) });
        let mut pool = Self { shared, workers: Vec::with_capacity(count - 1), process: std::process::id() };
        let (sender, pinned) = sync_channel(count);
        for index in 1..count {
            let (shared, sender) = (Arc::clone(&pool.shared), sender.clone());
            let core = own.get(index).copied();
            let worker = move || {
                // Nobody receives only if the pool has failed to start.
                let _ = sender.send(core.is_none_or(core_affinity::set_for_current));
                drop(sender);
                shared.serve(index);
            };
            pool.workers.push(Builder::new().name(format!("engine-{index}")).spawn(worker)?);
        }
        drop(sender);
        if pinned.iter().all(|pinned| pinned) { Ok(pool) } else { Err(threads.refused("the system does not allow it")) }
    }

    /// The job, while it does not run.
    pub fn job(&self) -> &J {
        &self.shared.job
    }

    /// How many threads there are, the calling one among them.
    pub fn threads(&self) -> usize {
        self.shared.count
    }

    /// Whether there are workers, and this process was forked from the one that they are in: a fork copies no threads.
    pub fn is_forked(&self) -> bool {
        forked(&self.workers, self.process)
    }

    /// Runs the job once on all threads, and returns when all have finished.
    ///
    /// # Panics
    /// If the job has panicked on a thread, now or in an earlier run.
    pub fn run(&mut self) {
        let shared = &*self.shared;
        // After a failed run, some threads may still be at work.
        shared.barrier.check();
        let mut affinity = Affinity::Caller;
        shared.cores.separate(&mut affinity);
        shared.start.advance();
        if let Err(panic) = shared.work(0, &mut affinity) {
            resume_unwind(panic);
        }
    }
}

impl<J> Drop for ThreadPool<J> {
    fn drop(&mut self) {
        if forked(&self.workers, self.process) {
            // There is nobody to join, and a lock may be held by a worker that is not here.
            self.workers.drain(..).for_each(std::mem::forget);
            return;
        }
        self.shared.is_over.store(true, Ordering::Release);
        self.shared.start.advance();
        for worker in self.workers.drain(..) {
            // A worker catches the panics of its job.
            let _ = worker.join();
        }
    }
}

fn forked(workers: &[JoinHandle<()>], process: u32) -> bool {
    !workers.is_empty() && process != std::process::id()
}

impl<J: Job> Shared<J> {
    /// The life of a worker.
    fn serve(&self, index: usize) {
        let mut affinity = Affinity::worker(index);
        for run in 0.. {
            self.start.wait(run, AWAKE);
            if self.is_over.load(Ordering::Acquire) {
                return;
            }
            self.cores.separate(&mut affinity);
            if self.work(index, &mut affinity).is_err() {
                return;
            }
        }
    }

    /// Does a thread's part, then waits for the others: no run ends while a thread still works.
    fn work(&self, index: usize, affinity: &mut Affinity) -> std::thread::Result<()> {
        let share = Share { index, count: self.count };
        let affinity = RefCell::new(affinity);
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let (barrier, cores, patience) = (&self.barrier, &self.cores, self.job.patience(self.count));
            let thread = PoolThread { share, barrier, patience, cores, affinity };
            self.job.work(&thread);
            thread.wait_for_all();
        }));
        outcome.inspect_err(|_| self.barrier.fail())
    }
}
