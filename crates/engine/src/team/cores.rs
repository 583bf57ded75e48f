//! Which core each member is on, and how members keep off each other's.
//!
//! The system likes to wake a thread on the core of the one that wakes it. Members who wait for each other there sleep in
//! turns, so that no more than one ever wants the core and nothing seems amiss: left alone, they stay there, and a batch takes
//! several times as long.

use std::sync::atomic::{AtomicUsize, Ordering};

use nix::{
    sched::{CpuSet, sched_getaffinity, sched_getcpu, sched_setaffinity},
    unistd::Pid,
};

/// The core that each member was last seen on.
pub struct Cores(Vec<AtomicUsize>);

/// A member's place.
pub enum Seat {
    /// That of member 0, whose thread is not the team's to restrict.
    Caller,
    /// That of another.
    Worker {
        /// Which.
        index: usize,
        /// Where it may be.
        allowed: Option<CpuSet>,
        /// Which of that it keeps off.
        avoided: Vec<usize>,
    },
}

impl Seat {
    /// Of a worker, on the thread that it is.
    pub fn worker(index: usize) -> Self {
        Self::Worker { index, allowed: allowed().ok(), avoided: Vec::new() }
    }
}

impl Cores {
    /// Of so many members, none of whom has been seen.
    pub fn new(count: usize) -> Self {
        Self((0..count).map(|_| AtomicUsize::new(usize::MAX)).collect())
    }

    /// Sees where the member on the calling thread is. A worker keeps off the cores of the others from now on; the caller
    /// leaves them, and may come back. Where there are too few cores, or the system does not let them, they stay.
    pub fn enter(&self, seat: &mut Seat) {
        let Ok(core) = sched_getcpu() else { return };
        let (index, core) = match seat {
            Seat::Caller => (0, self.leave(core).unwrap_or(core)),
            Seat::Worker { index, allowed, avoided } => {
                let others = self.others(*index);
                if !others.clone().eq(avoided.iter().copied()) {
                    let _ = allowed.map(|allowed| keep_off(allowed, others.clone()));
                    avoided.clear();
                    avoided.extend(others);
                }
                (*index, sched_getcpu().unwrap_or(core))
            }
        };
        self.0[index].store(core, Ordering::Relaxed);
    }

    /// Where the caller goes, if it is on the core of another.
    fn leave(&self, core: usize) -> nix::Result<usize> {
        if !self.others(0).any(|other| other == core) {
            return Ok(core);
        }
        let allowed = allowed()?;
        keep_off(allowed, self.others(0))?;
        let core = sched_getcpu();
        sched_setaffinity(this(), &allowed)?;
        core
    }

    fn others(&self, index: usize) -> impl Iterator<Item = usize> + Clone {
        let members = self.0.iter().enumerate().filter(move |(member, _)| *member != index);
        members.map(|(_, core)| core.load(Ordering::Relaxed)).filter(|core| *core < CpuSet::count())
    }
}

fn this() -> Pid {
    Pid::from_raw(0)
}

fn allowed() -> nix::Result<CpuSet> {
    sched_getaffinity(this())
}

/// Takes these cores from those that are allowed; the system moves the thread at once.
fn keep_off(mut allowed: CpuSet, mut cores: impl Iterator<Item = usize>) -> nix::Result<()> {
    cores.try_for_each(|core| allowed.unset(core))?;
    sched_setaffinity(this(), &allowed)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]
mod tests {
    use std::thread;

    use super::*;

    fn seen(cores: &Cores, member: usize) -> usize {
        cores.0[member].load(Ordering::Relaxed)
    }

    fn numbers(set: &CpuSet) -> Vec<usize> {
        (0..CpuSet::count()).filter(|core| set.is_set(*core).unwrap()).collect()
    }

    #[test]
    fn a_worker_keeps_off_the_cores_of_others_as_long_as_they_are_there() {
        let own = numbers(&allowed().unwrap());
        let cores = Cores::new(2);
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut seat = Seat::worker(1);
                for caller in own.iter().copied() {
                    cores.0[0].store(caller, Ordering::Relaxed);
                    cores.enter(&mut seat);
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
    fn the_caller_leaves_the_core_of_a_worker_and_may_come_back() {
        let own = numbers(&allowed().unwrap());
        let cores = Cores::new(2);
        for _ in 0..20 {
            let worker = sched_getcpu().unwrap();
            cores.0[1].store(worker, Ordering::Relaxed);
            cores.enter(&mut Seat::Caller);
            assert!(seen(&cores, 0) != worker || own.len() == 1);
            assert_eq!(numbers(&allowed().unwrap()), own);
        }
    }
}
