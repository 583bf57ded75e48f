//! The thread that samples plans.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, TryLockError};
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, Sender, TrySendError};
use ndarray::{Array2, ArrayView1, ArrayView2, s};
use triple_buffer::{Input, Output};

use super::gate::Gate;
use super::monitor::Shared;
use super::{WorkerEvent, quiet};
use crate::playback::Moment;
use crate::{BoxError, EpisodeObserver, Plan, PlanCost, PlanEvent, Policy};

/// A request for a plan.
#[derive(Clone)]
pub(super) struct Request {
    /// Number of the episode.
    pub episode: u64,
    pub seed: u64,
    /// The newest observation's place in time; none before the first request.
    pub observed: Option<Moment>,
    /// The time in which the plan has to be there, if the loop has a say in it.
    pub within: Option<Duration>,
    /// `[n_obs_steps, observation_dim]`, oldest first.
    pub history: Array2<f64>,
    pub committed: Committed,
    /// The last command, `[action_dim]`.
    pub last: Vec<f64>,
    /// Receives the plan.
    pub observer: Arc<dyn EpisodeObserver>,
}

/// Actions that the plan is held to.
#[derive(Clone, Debug)]
pub(super) struct Committed {
    /// `[horizon, action_dim]`.
    pub actions: Array2<f64>,
    /// How firmly each row is held, `[horizon]`.
    pub weights: Vec<f64>,
    /// Rows of `actions` that are there.
    pub len: usize,
}

impl Committed {
    /// Empty, with room for a plan.
    pub fn new(horizon: usize, action_dim: usize) -> Self {
        Self { actions: Array2::zeros((horizon, action_dim)), weights: vec![0.0; horizon], len: 0 }
    }
}

/// A plan that is ready.
#[derive(Clone, Debug)]
pub(super) struct Delivery {
    /// The place in time of the observation that it is for; none before the first plan.
    pub observed: Option<Moment>,
    /// Rows of `actions` that are there.
    pub len: usize,
    /// How many of them are meant to be executed.
    pub intended: usize,
    /// `[horizon, action_dim]`.
    pub actions: Array2<f64>,
    pub cost: PlanCost,
}

impl Delivery {
    /// Empty, with room for a plan.
    pub fn new(horizon: usize, action_dim: usize) -> Self {
        let actions = Array2::zeros((horizon, action_dim));
        Self { observed: None, len: 0, intended: 0, actions, cost: PlanCost::default() }
    }

    /// Takes a plan for what was observed at `observed`, if it can be executed.
    pub fn fill(&mut self, observed: Option<Moment>, plan: &Plan) -> Result<(), WorkerEvent> {
        let (len, action_dim) = plan.actions.dim();
        if len == 0 || plan.intended == 0 || action_dim != self.actions.ncols() {
            return Err(WorkerEvent::Withheld("its shape cannot be executed"));
        }
        if !plan.actions.iter().all(|value| value.is_finite()) {
            return Err(WorkerEvent::Withheld("it holds values that are not finite"));
        }
        self.len = len.min(self.actions.nrows());
        self.actions.slice_mut(s![..self.len, ..]).assign(&plan.actions.slice(s![..self.len, ..]));
        (self.observed, self.intended) = (observed, plan.intended);
        self.cost = PlanCost::of(plan);
        Ok(())
    }
}

/// Makes a policy in the thread that uses it.
pub(super) type MakePolicy = Box<dyn FnMut() -> Result<Box<dyn Policy>, BoxError> + Send>;

/// Shared by all workers of a controller, one after the other. One that hangs while it makes the policy keeps the lock.
pub(super) type Maker = Arc<Mutex<MakePolicy>>;

/// Since when a worker does what it does, for the control thread, which reads it without waiting.
#[derive(Debug)]
pub(super) struct Phase {
    origin: Instant,
    /// In ns since the origin, times two; one more while the policy is made.
    state: AtomicU64,
}

impl Phase {
    pub fn new() -> Self {
        Self { origin: Instant::now(), state: AtomicU64::new(0) }
    }

    /// A plan is worked on from now on; or the policy made.
    pub fn begin(&self, making: bool) {
        let now = u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX) << 1;
        self.state.store(now | u64::from(making), Ordering::Release);
    }

    /// How long that has taken, and whether the policy is being made.
    pub fn elapsed(&self) -> (Duration, bool) {
        let state = self.state.load(Ordering::Acquire);
        (self.origin.elapsed().saturating_sub(Duration::from_nanos(state >> 1)), state & 1 == 1)
    }
}

/// Where what went wrong is reported, by the worker, the control thread, and the thread that starts workers.
#[derive(Clone)]
pub(super) struct Reports {
    pub events: Sender<WorkerEvent>,
    pub shared: Arc<Shared>,
}

impl Reports {
    /// Counts and queues an event; without allocation, and without waiting.
    pub fn queue(&self, event: WorkerEvent) {
        let Shared { failures, hangs, clock_steps, events_dropped, .. } = &*self.shared;
        failures.fetch_add(u64::from(event.costs_a_plan()), Ordering::Relaxed);
        match event {
            WorkerEvent::Hung(_) => hangs.fetch_add(1, Ordering::Relaxed),
            WorkerEvent::ClockWentBack(_) => clock_steps.fetch_add(1, Ordering::Relaxed),
            _ => 0,
        };
        if let Err(TrySendError::Full(_)) = self.events.try_send(event) {
            events_dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

pub(super) struct Worker {
    /// From 1.
    pub id: u64,
    pub make: Maker,
    pub gate: Gate,
    pub requests: Output<Request>,
    pub deliveries: Input<Delivery>,
    pub wake: Receiver<()>,
    pub phase: Arc<Phase>,
    pub reports: Reports,
}

/// A policy, and the episode that it is in.
type Made = Option<(Box<dyn Policy>, u64)>;

impl Worker {
    /// Samples a plan at every wake-up, until the controller is dropped. Whatever panics on the way is reported, and the
    /// thread goes on.
    pub fn run(mut self) {
        let mut policy = None;
        while let Ok(()) = self.wake.recv() {
            // Given up before it ran: the policy is its successor's to make.
            if !self.reports.shared.is_working(self.id) {
                continue;
            }
            let started = Instant::now();
            let served = quiet::caught(|| self.serve(&mut policy, started));
            if let Err(panic) = served {
                self.report(WorkerEvent::Panicked(panic), started.elapsed());
                if let Err(panic) = quiet::discard(policy.take()) {
                    self.report(WorkerEvent::Panicked(format!("while it was dropped: {panic}")), started.elapsed());
                }
            }
            // One that was abandoned ends: its side of the channel is gone.
            self.reports.shared.end(self.id);
        }
        let Self { make, gate, requests, deliveries, .. } = self;
        let _nobody_listens =
            (quiet::discard(policy), quiet::discard(make), quiet::discard((gate, requests, deliveries)));
    }

    fn serve(&mut self, policy: &mut Made, started: Instant) {
        self.phase.begin(false);
        self.requests.update();
        let request = self.requests.output_buffer();
        let mut told = Vec::new();
        let planned = plan(&self.make, policy, &self.phase, request).and_then(|(policy, plan)| {
            let tell = &mut |event| told.push(event);
            let plan = self.gate.pass(policy, plan, request.history.view(), &request.last, tell)?;
            deliver(&mut self.deliveries, request, &plan).map(|()| plan)
        });
        told.into_iter().for_each(|event| self.report(event, started.elapsed()));
        match planned {
            Ok(plan) => self.count(&plan, started.elapsed()),
            Err(event) => self.report(event, started.elapsed()),
        }
    }

    fn count(&self, plan: &Plan, elapsed: Duration) {
        let Shared { plans, rounds, evaluations, .. } = &*self.reports.shared;
        if !self.reports.shared.is_working(self.id) {
            return;
        }
        plans.fetch_add(1, Ordering::Relaxed);
        rounds.fetch_add(plan.rounds as u64, Ordering::Relaxed);
        evaluations.fetch_add(plan.evaluations as u64, Ordering::Relaxed);
        self.reports.shared.latency().record(elapsed);
        let Request { observer, observed, .. } = self.requests.output_buffer();
        let observed = observed.map_or(Duration::ZERO, |moment| moment.time());
        let event = PlanEvent { observed, ready: observed.saturating_add(elapsed), plan };
        if let Err(panic) = quiet::caught(|| observer.plan(&event)) {
            self.reports.queue(WorkerEvent::ObserverPanicked(panic));
        }
    }

    fn report(&self, event: WorkerEvent, elapsed: Duration) {
        if !self.reports.shared.is_working(self.id) {
            return;
        }
        let Request { observer, observed, .. } = self.requests.output_buffer();
        let time = observed.map_or(Duration::ZERO, |moment| moment.time()).saturating_add(elapsed);
        let told = quiet::caught(|| observer.event(time, event.kind(), &event));
        self.reports.queue(event);
        if let Err(panic) = told {
            self.reports.queue(WorkerEvent::ObserverPanicked(panic));
        }
    }
}

/// Samples a plan. Makes the policy if there is none, and resets it if the episode is new.
fn plan<'a>(
    make: &Maker,
    policy: &'a mut Made,
    phase: &Phase,
    request: &Request,
) -> Result<(&'a mut dyn Policy, Plan), WorkerEvent> {
    let (policy, episode) = match policy {
        Some(made) => made,
        none => {
            phase.begin(true);
            let made = make_policy(make)?;
            phase.begin(false);
            none.insert((made, request.episode.wrapping_sub(1)))
        }
    };
    if *episode != request.episode {
        policy.reset(request.seed);
        *episode = request.episode;
    }
    let plan = plan_for(&mut **policy, request.history.view(), &request.committed, request.within)?;
    Ok((&mut **policy, plan))
}

fn make_policy(make: &Maker) -> Result<Box<dyn Policy>, WorkerEvent> {
    let mut make = match make.try_lock() {
        Ok(make) => make,
        // It is called again after a panic, as ever.
        Err(TryLockError::Poisoned(make)) => make.into_inner(),
        Err(TryLockError::WouldBlock) => {
            return Err(WorkerEvent::NotMade("it hung while it was made, and is still at it".to_owned()));
        }
    };
    make().map_err(|error| WorkerEvent::NotMade(quiet::words(error)))
}

/// Samples a plan for the last `n_obs_steps` observations; earlier observations are forgotten.
pub(super) fn plan_for(
    policy: &mut dyn Policy,
    history: ArrayView2<'_, f64>,
    committed: &Committed,
    within: Option<Duration>,
) -> Result<Plan, WorkerEvent> {
    if let Some(time) = within {
        policy.be_done_within(time);
    }
    for observation in history.rows() {
        policy.observe(observation).map_err(failed)?;
    }
    if let Committed { actions, weights, len: len @ 1.. } = committed {
        policy.commit(actions.slice(s![..*len, ..]), ArrayView1::from(&weights[..*len])).map_err(failed)?;
    }
    policy.plan().map_err(failed)
}

fn failed(error: BoxError) -> WorkerEvent {
    WorkerEvent::Failed(quiet::words(error))
}

fn deliver(deliveries: &mut Input<Delivery>, request: &Request, plan: &Plan) -> Result<(), WorkerEvent> {
    deliveries.input_buffer_mut().fill(request.observed, plan)?;
    deliveries.publish();
    Ok(())
}
