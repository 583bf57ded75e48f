//! Threads that work on one job together, again and again.
//!
//! An evaluation is some thirty layers of a few microseconds each: members wait for each other by spinning, and only if
//! that takes long by sleeping, between layers as between evaluations.

#[cfg_attr(any(miri, not(target_os = "linux")), path = "team/cores/elsewhere.rs")]
mod cores;
mod phase;
mod threads;

use std::cell::RefCell;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread::{Builder, JoinHandle};

use cores::{Cores, Seat};
use phase::{BETWEEN_LAYERS, BETWEEN_RUNS, Phase};
pub use threads::Threads;

use crate::EngineError;

/// What the members of a [`Team`] do together.
pub trait Job: Send + Sync + 'static {
    /// One member's part of one run.
    fn work(&self, member: &Member<'_>);
}

/// One of the threads that run a job.
pub struct Member<'a> {
    /// Which of how many.
    pub share: Share,
    meeting: &'a Meeting,
    cores: &'a Cores,
    seat: RefCell<&'a mut Seat>,
}

/// A member's share of what is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Which member, from 0. Member 0 is the thread that called [`Team::run`].
    pub index: usize,
    /// How many there are.
    pub count: usize,
}

impl Share {
    /// That of a member alone.
    pub const ALL: Self = Self { index: 0, count: 1 };

    /// The share of `length` things: shares follow each other and differ by one at most.
    pub fn of(self, length: usize) -> Range<usize> {
        length * self.index / self.count..length * (self.index + 1) / self.count
    }
}

impl Member<'_> {
    /// Waits for all members to come here. What they wrote before, all see after.
    ///
    /// # Panics
    /// Where another member has panicked, and would never come.
    pub fn meet(&self) {
        if self.meeting.join(self.share.count) {
            self.cores.enter(&mut self.seat.borrow_mut());
        }
    }
}

/// A job, the calling thread and those beside it. Workers end with the team.
pub struct Team<J> {
    shared: Arc<Shared<J>>,
    workers: Vec<JoinHandle<()>>,
}

struct Shared<J> {
    job: J,
    count: usize,
    cores: Cores,
    /// Advanced when a run begins.
    start: Phase,
    meeting: Meeting,
    over: AtomicBool,
}

impl<J: Job> Team<J> {
    /// A team of so many members, at least one: a thread is started for each but the first.
    ///
    /// # Errors
    /// Where the system starts no more threads, or cannot keep them on cores of their own.
    pub fn new(job: J, threads: Threads) -> Result<Self, EngineError> {
        let (count, own) = (threads.count.max(1), threads.cores()?);
        let (cores, start, meeting) = (Cores::new(count), Phase::default(), Meeting::default());
        let shared = Arc::new(Shared { job, count, cores, start, meeting, over: AtomicBool::new(false) });
        let mut team = Self { shared, workers: Vec::with_capacity(count - 1) };
        let (tell, told) = sync_channel(count);
        for index in 1..count {
            let (shared, tell) = (Arc::clone(&team.shared), tell.clone());
            let core = own.get(index).copied();
            let worker = move || {
                // Nobody listens only where the team has failed to start.
                let _ = tell.send(core.is_none_or(core_affinity::set_for_current));
                drop(tell);
                shared.serve(index);
            };
            team.workers.push(Builder::new().name(format!("engine-{index}")).spawn(worker)?);
        }
        drop(tell);
        if told.iter().all(|kept| kept) { Ok(team) } else { Err(threads.refused("the system does not allow it")) }
    }

    /// The job, while it does not run.
    pub fn job(&self) -> &J {
        &self.shared.job
    }

    /// How many members there are.
    pub fn members(&self) -> usize {
        self.shared.count
    }

    /// Lets all members work once, and comes back when all have.
    ///
    /// # Panics
    /// Where a member's work has, now or in an earlier run.
    pub fn run(&mut self) {
        let shared = &*self.shared;
        // Where a run has failed, some members may still be at it.
        shared.meeting.check();
        let mut seat = Seat::Caller;
        shared.cores.enter(&mut seat);
        shared.start.advance();
        if let Err(panic) = shared.take_part(0, &mut seat) {
            resume_unwind(panic);
        }
    }
}

impl<J> Drop for Team<J> {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Release);
        self.shared.start.advance();
        for worker in self.workers.drain(..) {
            // A worker catches the panics of its job.
            let _ = worker.join();
        }
    }
}

impl<J: Job> Shared<J> {
    fn serve(&self, index: usize) {
        let mut seat = Seat::worker(index);
        for run in 0.. {
            self.start.wait(run, BETWEEN_RUNS);
            if self.over.load(Ordering::Acquire) {
                return;
            }
            self.cores.enter(&mut seat);
            if self.take_part(index, &mut seat).is_err() {
                return;
            }
        }
    }

    /// Works, then meets the others: no run ends while a member still works.
    fn take_part(&self, index: usize, seat: &mut Seat) -> std::thread::Result<()> {
        let share = Share { index, count: self.count };
        let member = Member { share, meeting: &self.meeting, cores: &self.cores, seat: RefCell::new(seat) };
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            self.job.work(&member);
            member.meet();
        }));
        outcome.inspect_err(|_| self.meeting.fail())
    }
}

/// A barrier that can fail.
#[derive(Default)]
struct Meeting {
    arrived: AtomicUsize,
    phase: Phase,
    failed: AtomicBool,
}

impl Meeting {
    /// Whether it took sleep.
    fn join(&self, count: usize) -> bool {
        let phase = self.phase.now();
        self.check();
        let slept = if self.arrived.fetch_add(1, Ordering::AcqRel) + 1 == count {
            self.arrived.store(0, Ordering::Relaxed);
            self.phase.advance();
            false
        } else {
            self.phase.wait(phase, BETWEEN_LAYERS)
        };
        self.check();
        slept
    }

    #[expect(clippy::panic, reason = "passes on another member's panic: nothing else can be told of it here")]
    fn check(&self) {
        if self.failed.load(Ordering::Acquire) {
            panic!("another member of the team has panicked");
        }
    }

    fn fail(&self) {
        self.failed.store(true, Ordering::Release);
        self.phase.advance();
    }
}

#[cfg(test)]
mod tests;
