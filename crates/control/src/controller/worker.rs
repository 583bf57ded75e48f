//! The thread that samples plans.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam::channel::{Receiver, Sender, TrySendError};
use ndarray::{Array2, ArrayView2, s};
use thiserror::Error;
use triple_buffer::{Input, Output};

use super::monitor::Shared;
use crate::{BoxError, EpisodeObserver, Plan, PlanCost, PlanEvent, Policy};

/// A request for a plan.
#[derive(Clone)]
pub(super) struct Request {
    /// Number of the episode.
    pub episode: u64,
    pub seed: u64,
    /// When the newest observation was taken.
    pub observed: Duration,
    /// `[n_obs_steps, observation_dim]`, oldest first.
    pub history: Array2<f64>,
    pub committed: Committed,
    /// Receives the plan.
    pub observer: Arc<dyn EpisodeObserver>,
}

/// Actions that will have been sent when the plan arrives.
#[derive(Clone, Debug)]
pub(super) struct Committed {
    /// `[horizon, action_dim]`.
    pub actions: Array2<f64>,
    /// Rows of `actions` that are there.
    pub len: usize,
}

impl Committed {
    /// Empty, with room for a plan.
    pub fn new(horizon: usize, action_dim: usize) -> Self {
        Self { actions: Array2::zeros((horizon, action_dim)), len: 0 }
    }
}

/// A plan that is ready.
#[derive(Clone, Debug)]
pub(super) struct Delivery {
    pub episode: u64,
    pub observed: Duration,
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
        Self { episode: 0, observed: Duration::ZERO, len: 0, intended: 0, actions, cost: PlanCost::default() }
    }

    /// Takes a plan for what was observed at `observed`, if it can be executed.
    pub fn fill(&mut self, episode: u64, observed: Duration, plan: &Plan) -> Result<(), WorkerEvent> {
        let (len, action_dim) = plan.actions.dim();
        if len == 0 || plan.intended == 0 || action_dim != self.actions.ncols() {
            return Err(WorkerEvent::Withheld("its shape cannot be executed"));
        }
        if !plan.actions.iter().all(|value| value.is_finite()) {
            return Err(WorkerEvent::Withheld("it holds values that are not finite"));
        }
        self.len = len.min(self.actions.nrows());
        self.actions.slice_mut(s![..self.len, ..]).assign(&plan.actions.slice(s![..self.len, ..]));
        (self.episode, self.observed, self.intended) = (episode, observed, plan.intended);
        self.cost = PlanCost::of(plan);
        Ok(())
    }
}

/// A failure in the worker; the controller goes on, and the worker tries again with the next observation.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum WorkerEvent {
    /// The policy could not be made, at the start or after a panic.
    #[error("the policy cannot be made: {0}")]
    NotMade(BoxError),
    /// The policy failed.
    #[error("the policy failed: {0}")]
    Failed(BoxError),
    /// The policy panicked; it is made again.
    #[error("the policy panicked: {0}")]
    Panicked(String),
    /// The plan holds NaN or infinity, or has a shape that cannot be executed; no action of it is sent.
    #[error("a plan was withheld: {0}")]
    Withheld(&'static str),
}

impl WorkerEvent {
    /// What happened, in one or two words.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NotMade(_) => "not made",
            Self::Failed(_) => "failed",
            Self::Panicked(_) => "panicked",
            Self::Withheld(_) => "withheld",
        }
    }
}

/// Makes a policy in the thread that uses it.
pub(super) type MakePolicy = Box<dyn FnMut() -> Result<Box<dyn Policy>, BoxError> + Send>;

pub(super) struct Worker {
    pub make: MakePolicy,
    pub requests: Output<Request>,
    pub deliveries: Input<Delivery>,
    pub wake: Receiver<()>,
    pub events: Sender<WorkerEvent>,
    pub shared: Arc<Shared>,
}

impl Worker {
    /// Samples a plan at every wake-up, until the controller is dropped.
    pub fn run(mut self) {
        let mut policy: Option<(Box<dyn Policy>, u64)> = None;
        while let Ok(()) = self.wake.recv() {
            let started = Instant::now();
            self.requests.update();
            let request = self.requests.output_buffer();
            let (make, made) = (&mut self.make, &mut policy);
            let planned = match catch_unwind(AssertUnwindSafe(|| plan(make, made, request))) {
                Ok(Ok(plan)) => deliver(&mut self.deliveries, request, &plan).map(|()| plan),
                Ok(Err(event)) => Err(event),
                Err(panic) => {
                    policy = None;
                    Err(WorkerEvent::Panicked(message(&*panic)))
                }
            };
            match planned {
                Ok(plan) => self.count(&plan, started.elapsed()),
                Err(event) => self.report(event, started.elapsed()),
            }
            self.shared.busy.store(false, Ordering::Release);
        }
    }

    fn count(&self, plan: &Plan, elapsed: Duration) {
        let Shared { plans, rounds, evaluations, .. } = &*self.shared;
        plans.fetch_add(1, Ordering::Relaxed);
        rounds.fetch_add(plan.rounds as u64, Ordering::Relaxed);
        evaluations.fetch_add(plan.evaluations as u64, Ordering::Relaxed);
        self.shared.latency().record(elapsed);
        let Request { observer, observed, .. } = self.requests.output_buffer();
        observer.plan(&PlanEvent { observed: *observed, ready: observed.saturating_add(elapsed), plan });
    }

    fn report(&self, event: WorkerEvent, elapsed: Duration) {
        let Request { observer, observed, .. } = self.requests.output_buffer();
        observer.event(observed.saturating_add(elapsed), event.kind(), &event);
        self.shared.failures.fetch_add(1, Ordering::Relaxed);
        if let Err(TrySendError::Full(_)) = self.events.try_send(event) {
            self.shared.events_dropped.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Samples a plan. Makes the policy if there is none, and resets it if the episode is new.
fn plan(
    make: &mut MakePolicy,
    policy: &mut Option<(Box<dyn Policy>, u64)>,
    request: &Request,
) -> Result<Plan, WorkerEvent> {
    let (policy, episode) = match policy {
        Some(made) => made,
        none => none.insert((make().map_err(WorkerEvent::NotMade)?, request.episode.wrapping_sub(1))),
    };
    if *episode != request.episode {
        policy.reset(request.seed);
        *episode = request.episode;
    }
    plan_for(&mut **policy, request.history.view(), &request.committed)
}

/// Samples a plan for the last `n_obs_steps` observations; earlier observations are forgotten.
pub(super) fn plan_for(
    policy: &mut dyn Policy,
    history: ArrayView2<'_, f64>,
    committed: &Committed,
) -> Result<Plan, WorkerEvent> {
    for observation in history.rows() {
        policy.observe(observation).map_err(WorkerEvent::Failed)?;
    }
    if committed.len > 0 {
        policy.commit(committed.actions.slice(s![..committed.len, ..])).map_err(WorkerEvent::Failed)?;
    }
    policy.plan().map_err(WorkerEvent::Failed)
}

fn deliver(deliveries: &mut Input<Delivery>, request: &Request, plan: &Plan) -> Result<(), WorkerEvent> {
    deliveries.input_buffer_mut().fill(request.episode, request.observed, plan)?;
    deliveries.publish();
    Ok(())
}

/// The message of a panic.
fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "without a message".to_owned())
}
