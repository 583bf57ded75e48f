//! A controller on simulated time: it samples at once, and delivers each plan when a worker would have.

use std::sync::Arc;
use std::time::Duration;

use ndarray::ArrayView1;
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::gate::Gate;
use super::rules::Rules;
use super::worker::{Committed, Delivery, plan_for};
use super::{CommandSource, ControllerConfig, ControllerError, WorkerEvent};
use crate::playback::Command;
use crate::{EpisodeObserver, Latency, Plan, PlanCost, PlanEvent, Policy};

/// How long a plan takes on simulated time.
#[derive(Clone, Debug)]
pub enum SamplingTime {
    /// The same time for every plan.
    Stated(Duration),
    /// Drawn from this distribution, with the episode's seed.
    Drawn(Latency),
    /// The time that sampling really takes. Results are then not reproducible.
    Measured,
}

impl SamplingTime {
    fn of(&self, plan: &Plan, random: &mut ChaCha8Rng) -> Duration {
        match self {
            Self::Stated(duration) => *duration,
            Self::Drawn(latency) => latency.at(random.random()),
            Self::Measured => plan.latency,
        }
    }
}

/// A plan that is being worked on.
#[derive(Clone, Copy, Debug)]
struct Working {
    asked: Duration,
    ready: Duration,
}

/// A [`Controller`](super::Controller) without a thread, for simulated time: the same rules and the same playback, but
/// each plan arrives exactly when its sampling time is over.
pub struct SimulatedController<'a> {
    rules: Rules,
    gate: Gate,
    policy: &'a mut dyn Policy,
    sampling: SamplingTime,
    random: ChaCha8Rng,
    committed: Committed,
    delivery: Delivery,
    /// The plan that a worker would be working on.
    working: Option<Working>,
    events: Vec<WorkerEvent>,
    watchdog: Duration,
}

impl<'a> SimulatedController<'a> {
    /// A controller that plans with `policy`, whose plans take `sampling`.
    ///
    /// # Errors
    /// [`ControllerError`] if the configuration is inconsistent.
    pub fn new(
        config: ControllerConfig,
        policy: &'a mut dyn Policy,
        sampling: SamplingTime,
    ) -> Result<Self, ControllerError> {
        config.validate()?;
        let (horizon, action_dim, watchdog) = (config.horizon, config.playback.initial.len(), config.watchdog);
        let (committed, delivery) = (Committed::new(horizon, action_dim), Delivery::new(horizon, action_dim));
        let gate = Gate::new(&config);
        let rules = Rules::new(config)?;
        let random = ChaCha8Rng::seed_from_u64(0);
        Ok(Self {
            rules,
            gate,
            policy,
            sampling,
            random,
            committed,
            delivery,
            working: None,
            events: Vec::new(),
            watchdog,
        })
    }

    fn receive(&mut self, time: Duration) {
        let hung = |plan: &mut Working| {
            let waited = plan.ready.min(time).saturating_sub(plan.asked);
            waited > self.watchdog
        };
        if self.working.take_if(hung).is_some() {
            self.tell(time, WorkerEvent::Hung(self.watchdog));
        }
        if self.working.take_if(|plan| plan.ready <= time).is_some() {
            self.rules.take(&self.delivery);
        }
    }

    /// After a step back of the clock nobody can say when a plan would be ready: it would not be taken.
    fn tell_of_clock(&mut self, time: Duration) {
        if let Some(step) = self.rules.stepped() {
            self.working = None;
            self.tell(time, WorkerEvent::ClockWentBack(step));
        }
    }

    fn tell(&mut self, time: Duration, event: WorkerEvent) {
        self.rules.observer().event(time, event.kind(), &event);
        self.events.push(event);
    }

    /// Samples the plan now, and withholds it until its sampling time is over; a failure takes no time.
    fn plan(&mut self, time: Duration) {
        self.rules.asked();
        self.rules.foresee(time, &mut self.committed);
        let mut told = Vec::new();
        let within = self.rules.spare(time);
        let planned = plan_for(self.policy, self.rules.history(), &self.committed, within).and_then(|plan| {
            let (history, last) = (self.rules.history(), self.rules.last());
            let mut plan = self.gate.pass(self.policy, plan, history, last, &mut |event| told.push(event))?;
            plan.latency = self.sampling.of(&plan, &mut self.random);
            self.delivery.fill(self.rules.observed(), &plan)?;
            let ready = time.saturating_add(plan.latency);
            self.rules.observer().plan(&PlanEvent { observed: time, ready, plan: &plan });
            Ok(plan.latency)
        });
        told.into_iter().for_each(|event| self.tell(time, event));
        match planned {
            Ok(latency) => self.working = Some(Working { asked: time, ready: time.saturating_add(latency) }),
            Err(event) => self.tell(time, event),
        }
    }
}

impl CommandSource for SimulatedController<'_> {
    fn begin(
        &mut self,
        seed: u64,
        resting: ArrayView1<'_, f64>,
        observer: &Arc<dyn EpisodeObserver>,
    ) -> Result<(), ControllerError> {
        self.rules.begin_told(observer);
        self.policy.reset(seed);
        self.random = ChaCha8Rng::seed_from_u64(seed);
        self.working = None;
        self.rules.rest_at(resting)
    }

    fn observe(&mut self, observation: ArrayView1<'_, f64>, time: Duration) -> Result<(), ControllerError> {
        self.receive(time);
        let due = self.rules.observe(observation, time)?;
        self.tell_of_clock(time);
        while let Some(found) = self.rules.far_outside() {
            self.tell(time, WorkerEvent::FarOutside(found));
        }
        if due && self.working.is_none() {
            self.plan(time);
        }
        Ok(())
    }

    fn command(&mut self, time: Duration) -> Command<'_> {
        self.receive(time);
        self.rules.advance(time);
        self.tell_of_clock(time);
        self.rules.command(time)
    }

    fn ahead(&self, time: Duration) -> &[f64] {
        self.rules.ahead(time)
    }

    fn arrived(&mut self) -> Option<PlanCost> {
        self.rules.arrived()
    }

    fn events(&mut self) -> Vec<WorkerEvent> {
        std::mem::take(&mut self.events)
    }
}
