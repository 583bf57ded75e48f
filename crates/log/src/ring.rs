//! Reusable records that circulate between the threads that log and the writer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crossbeam::queue::ArrayQueue;

use super::wall_clock;
use parapolicy_control::playback::{Source, Withheld};

/// Total number of records: enough for a loop at 1 kHz while the disk blocks the writer for a third of a second.
const RECORDS: usize = 1024;

/// Text that an event has room for without allocation.
const TEXT: usize = 256;

/// The run and the episode that a message belongs to.
#[derive(Debug)]
pub(super) struct Run {
    pub name: String,
    /// Plans so far.
    pub plans: AtomicU64,
}

impl Run {
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), plans: AtomicU64::new(0) }
    }
}

/// Content of a record, without its numbers and its text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Content {
    Observation,
    Plan {
        number: u64,
        observed: Duration,
        intended: usize,
        rounds: usize,
        evaluations: usize,
        residual: Option<f64>,
        action_dim: usize,
    },
    Round {
        plan: u64,
        round: usize,
        action_dim: usize,
    },
    Command {
        source: Source,
        withheld: Option<Withheld>,
    },
    Event {
        kind: &'static str,
    },
    SamplingLatency(Duration),
    ObservationAge(Duration),
}

#[derive(Debug)]
pub(super) struct Record {
    /// Taken by the writer, so that a loop never frees the last reference to a run.
    pub run: Option<Arc<Run>>,
    pub episode: u64,
    /// In the loop's time.
    pub time: Duration,
    /// In ns since 1970.
    pub log_time: u64,
    pub content: Content,
    pub numbers: Vec<f64>,
    pub text: String,
}

#[derive(Debug)]
pub(super) struct Ring {
    pub empty: ArrayQueue<Box<Record>>,
    pub full: ArrayQueue<Box<Record>>,
    /// No further records will be sent.
    pub ended: AtomicBool,
    dropped: AtomicU64,
    /// The latest log time, in ns since 1970.
    last: AtomicU64,
}

impl Ring {
    pub fn new(numbers: usize) -> Self {
        let (empty, full) = (ArrayQueue::new(RECORDS), ArrayQueue::new(RECORDS));
        let record = || Record {
            run: None,
            episode: 0,
            time: Duration::ZERO,
            log_time: 0,
            content: Content::Observation,
            numbers: Vec::with_capacity(numbers),
            text: String::with_capacity(TEXT),
        };
        // There is room for all of them.
        (0..RECORDS).for_each(|_| drop(empty.push(Box::new(record()))));
        Self { empty, full, ended: AtomicBool::new(false), dropped: AtomicU64::new(0), last: AtomicU64::new(0) }
    }

    /// Sends a record, or counts it as dropped if there is no empty one, or none with enough room.
    pub fn send<'v>(
        &self,
        (run, episode, time, log_time): (&Arc<Run>, u64, Duration, u64),
        numbers: impl IntoIterator<Item = &'v f64>,
        content: Content,
        write: impl FnOnce(&mut String),
    ) {
        let Some(mut record) = self.empty.pop() else {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        };
        record.numbers.clear();
        for number in numbers {
            if record.numbers.len() == record.numbers.capacity() {
                self.dropped.fetch_add(1, Ordering::Relaxed);
                drop(self.empty.push(record));
                return;
            }
            record.numbers.push(*number);
        }
        record.text.clear();
        write(&mut record.text);
        record.run = Some(Arc::clone(run));
        (record.episode, record.time, record.log_time, record.content) = (episode, time, log_time, content);
        self.last.fetch_max(log_time, Ordering::Relaxed);
        // The queue has room for all records, so this cannot fail.
        drop(self.full.push(record));
    }

    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Now, or the end of what was logged, if that is later: on simulated time, say.
    pub fn now(&self) -> u64 {
        wall_clock().max(self.last.load(Ordering::Relaxed))
    }
}

pub(super) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}
