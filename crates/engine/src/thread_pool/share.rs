//! How work is divided among threads.

use std::ops::Range;

/// A thread's share of the work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    /// Which thread, from 0. Thread 0 is the one that called [`ThreadPool::run`](super::ThreadPool::run).
    pub index: usize,
    /// How many threads there are.
    pub count: usize,
}

impl Share {
    /// All of it.
    pub const ALL: Self = Self { index: 0, count: 1 };

    /// The share of `length` items. Shares follow each other, and their lengths differ by one at most.
    pub fn of(self, length: usize) -> Range<usize> {
        length * self.index / self.count..length * (self.index + 1) / self.count
    }
}
