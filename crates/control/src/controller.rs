//! Runs a policy in a robot's control loop; the control thread never waits for the policy.
//!
//! ```text
//! control thread   observe(observation, time) ──newest wins──▶  worker thread
//!                  command(time)  ◀──────────newest plan──────  samples plans
//! ```
//!
//! Both directions are triple buffers, so [`Controller::command`] takes a bounded number of instructions whatever the
//! worker does: it neither locks, nor allocates, nor waits. [`playback`](crate::playback) decides which action is sent.
//!
//! When the worker hangs, fails, or panics, the plans run out, and the same rules decide what is sent; a [`WorkerEvent`]
//! tells what happened. A policy that fails is asked again with the next observation, one that panics is made again. One
//! that does not return within [`ControllerConfig::watchdog`] is left to itself with its thread, and is made again in a new
//! one; what the old one still returns is dropped. At most four such threads are left at a time.

use std::sync::Arc;
use std::time::Duration;

use crossbeam::channel::{Receiver, TryIter, bounded};
use ndarray::{Array2, ArrayView1};
use parapolicy_policy::Pixels;

use crate::playback::Command;
use crate::{BoxError, Observer, Policy};

mod command_source;
mod config;
mod continuity;
mod crew;
mod deadline;
mod event;
mod fade;
mod gate;
mod in_force;
mod monitor;
mod quiet;
mod replan;
mod rules;
mod simulated;
mod stamped;
mod worker;

pub use command_source::CommandSource;
pub use config::{ControllerConfig, ControllerError};
pub use continuity::Continuity;
pub use deadline::Deadline;
pub use event::WorkerEvent;
pub use fade::Fade;
pub use in_force::InForce;
pub use monitor::{Health, Monitor};
pub use replan::Replan;
pub use simulated::{SamplingTime, SimulatedController};
pub use stamped::Unobserved;

use crew::{Crew, Link, Template};
use gate::Gate;
use monitor::Shared;
use rules::Rules;
use worker::{Committed, Delivery, Reports, Request};

/// How many times as long as a plan making the policy may take before it counts as hanging.
const MAKING: u32 = 10;

/// Capacity of the event queue; events beyond it are counted and dropped.
const EVENTS: usize = 64;

/// Plans in a worker thread and provides the command for every control period meanwhile.
pub struct Controller {
    rules: Rules,
    seed: u64,
    /// None while the place of a worker that hangs is taken by the next.
    worker: Option<Link>,
    crew: Crew,
    events: Receiver<WorkerEvent>,
    reports: Reports,
    watchdog: Duration,
}

impl Controller {
    /// Starts the worker. `make` makes the policy, in the worker's thread, when the first plan is asked for; and again
    /// after a failure to make it, a panic, or a hang. Before every plan, the policy receives the last `n_obs_steps`
    /// observations again.
    ///
    /// # Errors
    /// [`ControllerError`] if the configuration is inconsistent, or the thread cannot be started.
    pub fn start<M>(config: ControllerConfig, make: M) -> Result<Self, ControllerError>
    where
        M: FnMut() -> Result<Box<dyn Policy>, BoxError> + Send + 'static,
    {
        config.validate()?;
        let (horizon, action_dim, watchdog) = (config.horizon, config.playback.initial.len(), config.watchdog);
        let history = Array2::zeros((config.n_obs_steps, config.observation_dim));
        let gate = Gate::new(&config);
        let rules = Rules::new(config)?;
        let (committed, last) = (Committed::new(horizon, action_dim), vec![0.0; action_dim]);
        let observer = rules.observer();
        let request = Request { episode: 0, seed: 0, observed: None, within: None, history, committed, last, observer };
        let (report, events) = bounded(EVENTS);
        let reports = Reports { events: report, shared: Arc::new(Shared::default()) };
        let delivery = Delivery::new(horizon, action_dim);
        let mut template = Template::new(Box::new(make), gate, request, delivery, reports.clone());
        let worker = Some(template.start()?);
        let crew = Crew::start(template)?;
        Ok(Self { rules, seed: 0, worker, crew, events, reports, watchdog })
    }

    /// Begins an episode: observations, plans and commands so far are forgotten, and a plan that is being worked on will be
    /// ignored. Until the first plan `PlaybackConfig::initial` is sent, or what [`Controller::rest_at`] was told last; a robot
    /// that stands elsewhere by then is to be told. Everything random in the policy follows from `seed`.
    pub fn reset(&mut self, seed: u64) {
        self.rules.begin(seed);
        self.seed = seed;
    }

    /// Sends `action` until the first plan, in place of `PlaybackConfig::initial`. For use before an episode begins:
    /// all plans are forgotten.
    ///
    /// # Errors
    /// An action that may not be sent.
    pub fn rest_at(&mut self, action: ArrayView1<'_, f64>) -> Result<(), ControllerError> {
        self.rules.rest_at(action)
    }

    /// Takes the observation of `time` and requests a plan if one is due. Called once per control period.
    ///
    /// # Errors
    /// An observation of another length, or that is not finite; it is not taken, and no plan is asked for.
    pub fn observe(&mut self, observation: ArrayView1<'_, f64>, time: Duration) -> Result<(), ControllerError> {
        self.watch(time);
        // In this order: if the worker is idle, its last plan is taken before another one is asked for.
        let planning = self.is_planning();
        self.receive();
        let due = self.rules.observe(observation, time)?;
        self.tell_of_clock(time);
        self.tell_of_values(time);
        if due && !planning {
            self.ask(time);
        }
        Ok(())
    }

    /// Takes the numbers of one entry as they were at `time`, in the policy's order, for the control steps from then on
    /// ([`Controller::observe_entries`]). An entry may come at any rate; of the newest some are remembered ([`Recent`]). It neither
    /// locks nor allocates, unless it fails.
    ///
    /// # Errors
    /// No such entry, another number of values, values that are not finite, or a time before that of the same entry's last; nothing is
    /// taken then.
    ///
    /// [`Recent`]: crate::entries::Recent
    pub fn observe_entry<V>(&mut self, name: &str, values: V, time: Duration) -> Result<(), ControllerError>
    where
        V: IntoIterator<Item = f64, IntoIter: ExactSizeIterator>,
    {
        self.rules.observe_entry(name, values, time)
    }

    /// The same, of an image of bytes: they are read where they lie.
    ///
    /// # Errors
    /// As [`Controller::observe_entry`]; an entry that is no image, or strides that lead beyond its bytes.
    pub fn observe_image(&mut self, name: &str, image: &Pixels<'_>, time: Duration) -> Result<(), ControllerError> {
        self.rules.observe_image(name, image, time)
    }

    /// Takes the observation of the control step at `time` from its entries, and requests a plan if one is due: of each the newest at
    /// or before `time`. Returns whether there is one. If not, a [`WorkerEvent::Unobserved`] names the entry that has not come yet, or
    /// that is older than [`Entries::stale`](crate::entries::Entries::stale), once until it is back. In place of
    /// [`Controller::observe`], once per control period.
    pub fn observe_entries(&mut self, time: Duration) -> bool {
        self.watch(time);
        let planning = self.is_planning();
        self.receive();
        let due = self.rules.observe_entries(time);
        self.tell_of_clock(time);
        while let Some(unobserved) = self.rules.unobserved() {
            self.tell(time, WorkerEvent::Unobserved(unobserved));
        }
        self.tell_of_values(time);
        if due == Some(true) && !planning {
            self.ask(time);
        }
        due.is_some()
    }

    /// The command for `time`. Called once per control period; wait-free, without allocation.
    pub fn command(&mut self, time: Duration) -> Command<'_> {
        self.receive();
        self.rules.advance(time);
        self.tell_of_clock(time);
        self.rules.command(time)
    }

    /// The plan that commands come from, with what it took; none before the first, and after the clock went back. Wait-free,
    /// without allocation.
    pub fn plan(&mut self) -> Option<InForce<'_>> {
        self.receive();
        self.rules.in_force()
    }

    /// Reports every episode to `observer`, from the next one on: observations and commands from the control thread,
    /// plans and events from the worker.
    pub fn observed_by(&mut self, observer: Arc<dyn Observer>) {
        self.rules.observed_by(observer);
    }

    /// What went wrong since the last call.
    pub fn events(&self) -> TryIter<'_, WorkerEvent> {
        self.events.try_iter()
    }

    /// A handle through which other threads can read the controller's state.
    #[must_use]
    pub fn monitor(&self) -> Monitor {
        Monitor { shared: Arc::clone(&self.reports.shared), events: self.events.clone() }
    }

    fn is_planning(&self) -> bool {
        self.worker.as_ref().is_some_and(|worker| self.reports.shared.is_working(worker.id))
    }

    fn receive(&mut self) {
        if let Some(worker) = &mut self.worker
            && worker.deliveries.update()
        {
            self.rules.take(worker.deliveries.output_buffer());
        }
    }

    /// Gives up a worker that hangs, and takes on the next one.
    fn watch(&mut self, time: Duration) {
        if self.worker.is_none() {
            self.worker = self.crew.next();
        }
        let hangs = |worker: &mut Link| {
            let (elapsed, making) = worker.phase.elapsed();
            let limit = if making { self.watchdog.saturating_mul(MAKING) } else { self.watchdog };
            // Fails if it has nothing to do, or was done in this very moment.
            elapsed > limit && self.reports.shared.end(worker.id)
        };
        if let Some(worker) = self.worker.take_if(hangs) {
            let (elapsed, _) = worker.phase.elapsed();
            // Before what the crew may have to tell of its successor.
            self.tell(time, WorkerEvent::Hung(elapsed));
            self.crew.replace(worker);
        }
    }

    fn tell_of_clock(&mut self, time: Duration) {
        if let Some(step) = self.rules.stepped() {
            self.tell(time, WorkerEvent::ClockWentBack(step));
        }
    }

    fn tell_of_values(&mut self, time: Duration) {
        while let Some(found) = self.rules.far_outside() {
            self.tell(time, WorkerEvent::FarOutside(found));
        }
    }

    fn tell(&self, time: Duration, event: WorkerEvent) {
        self.rules.observer().event(time, event.kind(), &event);
        self.reports.queue(event);
    }

    fn ask(&mut self, time: Duration) {
        let Some(worker) = &mut self.worker else { return };
        let request = worker.requests.input_buffer_mut();
        (request.episode, request.seed, request.observed) = (self.rules.episode(), self.seed, self.rules.observed());
        request.history.assign(&self.rules.history());
        self.rules.foresee(time, &mut request.committed);
        request.within = self.rules.spare(time);
        request.last.copy_from_slice(self.rules.last());
        request.observer = self.rules.observer();
        worker.requests.publish();
        self.reports.shared.begin(worker.id);
        self.rules.asked();
        worker.wake();
    }
}

impl Drop for Controller {
    /// Ends the worker, in bounded time: an idle one is waited for until it has dropped its policy, for a second at most.
    /// One that is at work may hang, so it is not waited for; it ends when its plan is done, and those that were abandoned
    /// likewise.
    fn drop(&mut self) {
        let planning = self.is_planning();
        if let Some(worker) = self.worker.take().filter(|_| !planning) {
            worker.end();
        }
    }
}
