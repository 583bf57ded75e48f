//! The thread that writes records, and what is to be seen of them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use mcap::McapError;

use super::display::Display;
use super::message;
use super::ring::{Content, RECORDS, Record, Ring};
use super::sinks::Sinks;

/// Pause of an idle writer: short compared with the time in which the ring fills.
const PAUSE: Duration = Duration::from_millis(5);

/// Time after which a chunk is closed: a killed program loses at most this much.
const CHUNK: Duration = Duration::from_millis(500);

/// Most records of plans that wait for their time: a quarter of all.
const WAITING: usize = RECORDS / 4;

pub(super) struct Writer {
    sinks: Sinks,
    display: Display,
    bytes: Vec<u8>,
    ring: Arc<Ring>,
    messages: u64,
    /// Log time of the newest message: no later one is before it.
    written: u64,
    /// Records of plans that are ready later than the loop is, in the order of their log times. On simulated time a plan
    /// is told of when it is asked for.
    waiting: VecDeque<Box<Record>>,
}

impl Writer {
    pub fn new(sinks: Sinks, display: Display, ring: Arc<Ring>) -> Self {
        let bytes = Vec::new();
        Self { sinks, display, bytes, ring, messages: 0, written: 0, waiting: VecDeque::new() }
    }

    /// Writes records until the ring has ended and is empty; returns how many records it wrote.
    pub fn run(mut self) -> Result<u64, McapError> {
        let (mut flushed, mut written) = (Instant::now(), 0);
        loop {
            // In this order, so that records sent before the end are not missed.
            let ended = self.ring.ended.load(Ordering::Acquire);
            let mut idle = true;
            while let Some(record) = self.ring.full.pop() {
                idle = false;
                self.take(record)?;
            }
            if ended {
                self.write_ready(u64::MAX)?;
                self.tell_dropped()?;
                self.sinks.finish()?;
                return Ok(self.messages);
            }
            if written < self.messages && flushed.elapsed() >= CHUNK {
                self.sinks.flush()?;
                (flushed, written) = (Instant::now(), self.messages);
            }
            if idle {
                std::thread::sleep(PAUSE);
            }
        }
    }

    /// Writes a record in the order of log times.
    fn take(&mut self, record: Box<Record>) -> Result<(), McapError> {
        if record.content.is_of_a_plan() {
            let place = self.waiting.partition_point(|waiting| waiting.log_time <= record.log_time);
            self.waiting.insert(place, record);
            let surplus = self.waiting.len() > WAITING;
            return if surplus { self.write_first() } else { Ok(()) };
        }
        self.write_ready(record.log_time)?;
        self.write_and_return(record)
    }

    /// Writes the plans that are ready at a log time.
    fn write_ready(&mut self, log_time: u64) -> Result<(), McapError> {
        while self.waiting.front().is_some_and(|record| record.log_time <= log_time) {
            self.write_first()?;
        }
        Ok(())
    }

    fn write_first(&mut self) -> Result<(), McapError> {
        self.waiting.pop_front().map_or(Ok(()), |record| self.write_and_return(record))
    }

    fn write_and_return(&mut self, mut record: Box<Record>) -> Result<(), McapError> {
        let done = self.write(&record);
        record.run = None;
        // The queue has room for all records, so this cannot fail.
        drop(self.ring.empty.push(record));
        done
    }

    fn write(&mut self, record: &Record) -> Result<(), McapError> {
        // Threads overtake each other by a little.
        self.written = self.written.max(record.log_time);
        self.messages += 1;
        self.bytes.clear();
        let topic = message::encode(record, &mut self.bytes);
        self.sinks.write(topic as usize, self.written, &self.bytes)?;
        self.display.show(record, self.written, &mut self.sinks)
    }

    /// Records in the file how many messages were dropped.
    fn tell_dropped(&mut self) -> Result<(), McapError> {
        let dropped = self.ring.dropped();
        if dropped > 0
            && let Some(mut record) = self.ring.empty.pop()
        {
            record.content = Content::Event { kind: "dropped" };
            (record.log_time, record.text) = (self.ring.now(), format!("{dropped} messages"));
            self.write(&record)?;
        }
        Ok(())
    }
}
