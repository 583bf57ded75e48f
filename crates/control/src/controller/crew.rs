//! The workers of a controller, one after the other: when one hangs, the next takes its place.
//!
//! Threads are started by a thread that does nothing else. The control thread may have a real-time priority, which a
//! thread that it starts would inherit; and starting one takes too long for a control loop.

use std::sync::{Arc, Mutex};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, RecvTimeoutError, Sender, bounded};
use triple_buffer::{Input, Output, triple_buffer};

use super::gate::Gate;
use super::worker::{Delivery, MakePolicy, Maker, Phase, Reports, Request, Worker};
use super::{WorkerEvent, quiet};

/// Threads that may hang at a time; beyond that none is started until one of them ends.
const HANGING: usize = 4;

/// How often it is looked whether one has ended, or tried to start one.
const RETRY: Duration = Duration::from_millis(200);

/// Longest time that dropping a controller waits for a thread.
const PATIENCE: Duration = Duration::from_secs(1);

/// What a controller has of its worker.
pub(super) struct Link {
    pub id: u64,
    pub requests: Input<Request>,
    pub deliveries: Output<Delivery>,
    pub phase: Arc<Phase>,
    wake: Sender<()>,
    thread: JoinHandle<()>,
}

impl Link {
    /// Wakes the worker for the request that was published.
    pub fn wake(&self) {
        self.phase.begin(false);
        // The channel holds one token and the worker is not busy, so there is room.
        let _full = self.wake.try_send(());
    }

    /// Ends an idle worker, and waits for a second at most until it has dropped its policy.
    pub fn end(self) {
        drop(self.wake);
        join_within(self.thread);
    }
}

/// What every worker of a controller begins with.
pub(super) struct Template {
    pub request: Request,
    pub delivery: Delivery,
    pub reports: Reports,
    make: Maker,
    gate: Gate,
    workers: u64,
}

impl Template {
    pub fn new(make: MakePolicy, gate: Gate, request: Request, delivery: Delivery, reports: Reports) -> Self {
        Self { request, delivery, reports, make: Arc::new(Mutex::new(make)), gate, workers: 0 }
    }

    /// Starts a worker.
    pub fn start(&mut self) -> std::io::Result<Link> {
        self.workers += 1;
        let (id, phase) = (self.workers, Arc::new(Phase::new()));
        let (requests, asked) = triple_buffer(&self.request);
        let (delivered, deliveries) = triple_buffer(&self.delivery);
        let (wake, woken) = bounded(1);
        let worker = Worker {
            id,
            make: Arc::clone(&self.make),
            gate: self.gate.clone(),
            requests: asked,
            deliveries: delivered,
            wake: woken,
            phase: Arc::clone(&phase),
            reports: self.reports.clone(),
        };
        let thread = Builder::new().name("parapolicy-worker".into()).spawn(|| worker.run())?;
        Ok(Link { id, requests, deliveries, phase, wake, thread })
    }
}

/// The thread that starts workers, as the control thread sees it.
pub(super) struct Crew {
    abandoned: Option<Sender<Link>>,
    links: Receiver<Link>,
    thread: Option<JoinHandle<()>>,
}

impl Crew {
    pub fn start(template: Template) -> std::io::Result<Self> {
        let ((abandon, abandoned), (send, links)) = (bounded(1), bounded(1));
        let thread =
            Builder::new().name("parapolicy-crew".into()).spawn(move || replace(template, &abandoned, &send))?;
        Ok(Self { abandoned: Some(abandon), links, thread: Some(thread) })
    }

    /// Gives a worker up, and asks for another one.
    pub fn replace(&self, hanging: Link) {
        if let Some(abandoned) = &self.abandoned {
            // There is one worker at a time, so there is room.
            let _full = abandoned.try_send(hanging);
        }
    }

    /// The next worker, once it is there.
    pub fn next(&self) -> Option<Link> {
        self.links.try_recv().ok()
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.abandoned = None;
        self.thread.take().into_iter().for_each(join_within);
    }
}

/// Starts a worker for every one that is given up, until the controller is dropped.
fn replace(mut template: Template, abandoned: &Receiver<Link>, links: &Sender<Link>) {
    let mut hanging: Vec<JoinHandle<()>> = Vec::new();
    while let Ok(link) = abandoned.recv() {
        // Without its side of the channel the worker ends as soon as it can.
        hanging.push(link.thread);
        drop(link.wake);
        let mut told = false;
        let next = loop {
            hanging.retain(|thread| !thread.is_finished());
            let problem = if hanging.len() > HANGING {
                format!("{} threads hang; another one is started when one of them ends", hanging.len())
            } else {
                match template.start() {
                    Ok(link) => break link,
                    Err(error) => format!("the worker thread cannot be started: {error}"),
                }
            };
            if !std::mem::replace(&mut told, true) {
                template.reports.queue(WorkerEvent::NotMade(problem));
            }
            if let Err(RecvTimeoutError::Disconnected) = abandoned.recv_timeout(RETRY) {
                return discard(template);
            }
        };
        if let Err(unsent) = links.send(next) {
            unsent.into_inner().end();
        }
    }
    discard(template);
}

fn discard(template: Template) {
    let _nobody_listens = quiet::discard(template);
}

/// Joins a thread if it ends within a second; else it is left to itself.
fn join_within(thread: JoinHandle<()>) {
    let started = Instant::now();
    while !thread.is_finished() {
        if started.elapsed() > PATIENCE {
            return;
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    let _panicked = thread.join();
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use std::sync::atomic::{AtomicUsize, Ordering};

    use ndarray::Array2;

    use super::*;
    use crate::controller::monitor::Shared;
    use crate::controller::worker::Committed;

    /// A busy machine may run a thread only after the watchdog has given it up. It would keep its successor from making one.
    #[test]
    fn a_worker_that_was_given_up_before_it_ran_makes_no_policy() {
        let made = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&made);
        let make: MakePolicy = Box::new(move || {
            count.fetch_add(1, Ordering::AcqRel);
            Err("it is made".into())
        });
        let (history, committed) = (Array2::zeros((1, 1)), Committed::new(4, 1));
        let (last, observer) = (vec![0.0], Arc::new(()));
        let request = Request { episode: 0, seed: 0, observed: None, within: None, history, committed, last, observer };
        let (events, told) = bounded(1);
        let shared = Arc::new(Shared::default());
        let reports = Reports { events, shared: Arc::clone(&shared) };
        let mut template = Template::new(make, Gate::default(), request, Delivery::new(4, 1), reports);
        for given_up in [true, false] {
            let link = template.start().unwrap();
            shared.begin(link.id);
            assert!(!given_up || shared.end(link.id));
            link.wake();
            let Link { wake, thread, .. } = link;
            drop(wake);
            thread.join().unwrap();
            assert_eq!((made.load(Ordering::Acquire), told.len()), if given_up { (0, 0) } else { (1, 1) });
        }
    }
}
