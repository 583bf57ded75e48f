//! Threads exchange numbers, sleep, and panic.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]
#![allow(clippy::panic, reason = "what happens then is what is tested")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::sleep;

use super::phase::AWAKE;
use super::{Job, PoolThread, ThreadPool};

/// Every thread writes its slot, and after the barrier reads all of them.
struct Exchange {
    slots: Vec<AtomicUsize>,
    sums: Vec<AtomicUsize>,
    rounds: usize,
    nap: bool,
}

impl Exchange {
    fn new(count: usize, rounds: usize, nap: bool) -> Self {
        let zeros = || (0..count).map(|_| AtomicUsize::new(0)).collect();
        Self { slots: zeros(), sums: zeros(), rounds, nap }
    }
}

impl Job for Exchange {
    fn work(&self, thread: &PoolThread<'_>) {
        for round in 1..=self.rounds {
            if self.nap && round % 3 == thread.share.index {
                sleep(3 * AWAKE);
            }
            self.slots[thread.share.index].store(round, Ordering::Relaxed);
            thread.wait_for_all();
            let sum: usize = self.slots.iter().map(|slot| slot.load(Ordering::Relaxed)).sum();
            self.sums[thread.share.index].fetch_add(sum, Ordering::Relaxed);
            thread.wait_for_all();
        }
    }
}

fn check_exchange(count: usize, rounds: usize, nap: bool) {
    let mut pool = ThreadPool::new(Exchange::new(count, rounds, nap), count.into()).unwrap();
    for run in 1..=3 {
        pool.run();
        let expected = run * count * rounds * (rounds + 1) / 2;
        assert!(pool.job().sums.iter().all(|sum| sum.load(Ordering::Relaxed) == expected));
    }
}

#[test]
fn threads_see_what_others_wrote_before_the_barrier() {
    for count in 1..=3 {
        check_exchange(count, 200, false);
    }
}

#[test]
fn sleeping_threads_are_woken() {
    check_exchange(3, 12, true);
}

#[test]
fn a_pool_that_slept_between_runs_wakes() {
    let mut pool = ThreadPool::new(Exchange::new(2, 1, false), 2.into()).unwrap();
    for _ in 0..5 {
        pool.run();
        sleep(5 * AWAKE);
    }
    assert_eq!(pool.job().sums[1].load(Ordering::Relaxed), 10);
}

#[test]
fn shares_cover_everything_once() {
    struct Count([AtomicUsize; 7]);
    impl Job for Count {
        fn work(&self, thread: &PoolThread<'_>) {
            for i in thread.share.of(7) {
                self.0[i].fetch_add(1, Ordering::Relaxed);
            }
        }
    }
    for count in 1..=9 {
        let mut pool = ThreadPool::new(Count(Default::default()), count.into()).unwrap();
        pool.run();
        assert!(pool.job().0.iter().all(|times| times.load(Ordering::Relaxed) == 1));
    }
}

#[test]
fn a_panic_reaches_the_caller_and_leaves_no_thread_waiting() {
    struct Fail(usize);
    impl Job for Fail {
        fn work(&self, thread: &PoolThread<'_>) {
            thread.wait_for_all();
            assert!(thread.share.index != self.0, "as planned");
            thread.wait_for_all();
        }
    }
    for culprit in 0..3 {
        let mut pool = ThreadPool::new(Fail(culprit), 3.into()).unwrap();
        assert!(catch_unwind(AssertUnwindSafe(|| pool.run())).is_err());
        assert!(catch_unwind(AssertUnwindSafe(|| pool.run())).is_err());
    }
}
