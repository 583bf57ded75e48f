//! On which core each thread of the pool is, and how threads keep off each other's cores.
//!
//! The system likes to wake a thread on the core of the thread that wakes it. Two threads that wait for each other on one
//! core sleep in turns, so that no more than one ever wants the core and the system sees nothing to balance: left alone,
//! they stay there, and a batch takes several times as long.

use std::sync::atomic::{AtomicUsize, Ordering};

use nix::{
    sched::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity},
    unistd::Pid,
};

/// The core on which each thread was last seen.
pub struct Cores(Vec<AtomicUsize>);

/// On which cores a thread may run.
pub enum Affinity {
    /// That of thread 0, the calling one, which the pool must not restrict.
    Caller,
    /// That of a worker.
    Worker {
        /// Which thread.
        index: usize,
        /// The cores on which it may run.
        allowed: Option<CpuSet>,
        /// Those of them that it avoids.
        avoided: Vec<usize>,
    },
}

impl Affinity {
    /// That of worker `index`, which is the calling thread.
    pub fn worker(index: usize) -> Self {
        Self::Worker { index, allowed: allowed().ok(), avoided: Vec::new() }
    }
}

impl Cores {
    /// For so many threads, none of which has been seen yet.
    pub fn new(count: usize) -> Self {
        Self((0..count).map(|_| AtomicUsize::new(usize::MAX)).collect())
    }

    /// Notes on which core the calling thread is, and moves it off the others' cores: a worker avoids them from now on, the
    /// caller leaves them once and may come back. If there are too few cores, or the system does not allow it, it stays.
    pub fn separate(&self, affinity: &mut Affinity) {
        let Ok(core) = sched_getcpu() else { return };
        let (index, core) = match affinity {
            Affinity::Caller => (0, self.leave(core).unwrap_or(core)),
            Affinity::Worker { index, allowed, avoided } => {
                let others = self.others(*index);
                if !others.clone().eq(avoided.iter().copied()) {
                    let _ = allowed.map(|allowed| avoid(allowed, others.clone()));
                    avoided.clear();
                    avoided.extend(others);
                }
                (*index, sched_getcpu().unwrap_or(core))
            }
        };
        self.0[index].store(core, Ordering::Relaxed);
    }

    /// The core that the caller moves to if it is on the core of another thread.
    fn leave(&self, core: usize) -> nix::Result<usize> {
        if !self.others(0).any(|other| other == core) {
            return Ok(core);
        }
        let allowed = allowed()?;
        avoid(allowed, self.others(0))?;
        let core = sched_getcpu();
        sched_setaffinity(calling_thread(), &allowed)?;
        core
    }

    fn others(&self, index: usize) -> impl Iterator<Item = usize> + Clone {
        let others = self.0.iter().enumerate().filter(move |(thread, _)| *thread != index);
        others.map(|(_, core)| core.load(Ordering::Relaxed)).filter(|core| *core < CpuSet::count())
    }
}

fn calling_thread() -> Pid {
    Pid::from_raw(0)
}

fn allowed() -> nix::Result<CpuSet> {
    sched_getaffinity(calling_thread())
}

/// Allows the calling thread all cores of `allowed` but these; the system moves it at once.
fn avoid(mut allowed: CpuSet, mut cores: impl Iterator<Item = usize>) -> nix::Result<()> {
    cores.try_for_each(|core| allowed.unset(core))?;
    sched_setaffinity(calling_thread(), &allowed)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]
mod tests {
    use std::thread;

    use super::*;

    fn seen(cores: &Cores, thread: usize) -> usize {
        cores.0[thread].load(Ordering::Relaxed)
    }

    fn numbers(set: &CpuSet) -> Vec<usize> {
        (0..CpuSet::count()).filter(|core| set.is_set(*core).unwrap()).collect()
    }

    #[test]
    fn a_worker_avoids_the_cores_that_the_others_are_on() {
        let own = numbers(&allowed().unwrap());
        let cores = Cores::new(2);
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut affinity = Affinity::worker(1);
                for caller in own.iter().copied() {
                    cores.0[0].store(caller, Ordering::Relaxed);
                    cores.separate(&mut affinity);
                    let left: Vec<_> = own.iter().copied().filter(|core| *core != caller).collect();
                    // A thread that may be on one core alone stays there.
                    let expected = if left.is_empty() { own.clone() } else { left };
                    assert_eq!(numbers(&allowed().unwrap()), expected);
                    assert!(expected.contains(&seen(&cores, 1)));
                }
            });
        });
    }

    #[test]
    fn the_caller_leaves_the_core_of_a_worker_and_may_return() {
        let own = numbers(&allowed().unwrap());
        let cores = Cores::new(2);
        for _ in 0..20 {
            let worker = sched_getcpu().unwrap();
            cores.0[1].store(worker, Ordering::Relaxed);
            cores.separate(&mut Affinity::Caller);
            assert!(seen(&cores, 0) != worker || own.len() == 1);
            assert_eq!(numbers(&allowed().unwrap()), own);
        }
    }
}
