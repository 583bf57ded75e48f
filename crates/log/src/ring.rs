//! Reusable records that circulate between the threads that log and the writer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use crossbeam::queue::ArrayQueue;

use super::wall_clock;
use parapolicy_control::playback::{Source, Withheld};

/// Total number of records: enough for a loop at 1 kHz while the disk blocks the writer for a third of a second.
pub(super) const RECORDS: usize = 1024;

/// Text that an event has room for without allocation.
const TEXT: usize = 256;

/// The run and the episode that a message belongs to.
#[derive(Debug)]
pub(super) struct Run {
    pub name: String,
    /// Plans so far.
    pub plans: AtomicU64,
}

/// What stamps a record: whose it is, and when.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp<'a> {
    pub run: &'a Arc<Run>,
    /// Number of the episode in the file, from 0.
    pub id: u64,
    /// Its seed.
    pub episode: u64,
    /// In the loop's time.
    pub time: Duration,
    /// In ns since 1970.
    pub log_time: u64,
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
    /// Its numbers are the scene's.
    Step {
        reward: f64,
        success: bool,
        over: bool,
        violation: f64,
    },
    Event {
        kind: &'static str,
    },
    SamplingLatency(Duration),
    ObservationAge(Duration),
}

impl Content {
    /// Whether its time is the loop's own: now. A plan's is when it is ready, which may be later.
    pub fn is_of_the_loop(&self) -> bool {
        matches!(self, Self::Observation | Self::Command { .. } | Self::Step { .. } | Self::ObservationAge(_))
    }

    /// Whether it tells of a plan.
    pub fn is_of_a_plan(&self) -> bool {
        matches!(self, Self::Plan { .. } | Self::Round { .. } | Self::SamplingLatency(_))
    }
}

#[derive(Debug)]
pub(super) struct Record {
    /// Taken by the writer, so that a loop never frees the last reference to a run.
    pub run: Option<Arc<Run>>,
    /// Number of the episode in the file, from 0.
    pub id: u64,
    /// Its seed.
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
    /// Episodes so far.
    pub episodes: AtomicU64,
    /// Numbers that a record has room for.
    pub numbers: usize,
}

impl Ring {
    pub fn new(numbers: usize) -> Self {
        let (empty, full) = (ArrayQueue::new(RECORDS), ArrayQueue::new(RECORDS));
        let record = || Record {
            run: None,
            id: 0,
            episode: 0,
            time: Duration::ZERO,
            log_time: 0,
            content: Content::Observation,
            numbers: Vec::with_capacity(numbers),
            text: String::with_capacity(TEXT),
        };
        // There is room for all of them.
        (0..RECORDS).for_each(|_| drop(empty.push(Box::new(record()))));
        let zero = || AtomicU64::new(0);
        Self { empty, full, ended: AtomicBool::new(false), dropped: zero(), last: zero(), episodes: zero(), numbers }
    }

    /// Sends a record, or counts it as dropped if there is no empty one, or none with enough room.
    pub fn send<'v>(
        &self,
        stamp: Stamp<'_>,
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
        let Stamp { run, id, episode, time, log_time } = stamp;
        (record.run, record.id) = (Some(Arc::clone(run)), id);
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
