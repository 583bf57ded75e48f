//! Runs a policy in a robot's control loop; the control thread never waits for the policy.
//!
//! ```text
//! control thread   observe(observation, time) ──newest wins──▶  worker thread
//!                  command(time)  ◀──────────newest plan──────  samples plans
//! ```
//!
//! Both directions are triple buffers, so [`Controller::command`] takes a bounded number of instructions whatever the
//! worker does: it neither locks, nor allocates, nor waits. [`playback`](crate::playback) decides which action is sent.
//! When the worker hangs, fails, or panics, the plans run out, and the same rules decide what is sent.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam::channel::{Receiver, Sender, TryIter, bounded};
use ndarray::{Array2, ArrayView1};
use parapolicy_policy::Manifest;
use thiserror::Error;
use triple_buffer::{Input, Output, triple_buffer};

use crate::playback::{Command, PlaybackConfig, PlaybackError};
use crate::{BoxError, Observer, Policy};

mod command_source;
mod continuity;
mod monitor;
mod replan;
mod rules;
mod simulated;
mod worker;

pub use command_source::CommandSource;
pub use continuity::Continuity;
pub use monitor::{Health, Monitor};
pub use replan::Replan;
pub use simulated::{SamplingTime, SimulatedController};
pub use worker::WorkerEvent;

use monitor::Shared;
use rules::Rules;
use worker::{Committed, Delivery, Request, Worker};

/// Capacity of the event queue; events beyond it are counted and dropped.
const EVENTS: usize = 64;

/// Configuration of a controller.
#[derive(Clone, Debug, PartialEq)]
pub struct ControllerConfig {
    /// How plans become commands.
    pub playback: PlaybackConfig,
    /// When a new plan is requested.
    pub replan: Replan,
    /// How a plan relates to the one before it.
    pub continuity: Continuity,
    /// Number of observations that the policy takes as input, at least 1.
    pub n_obs_steps: usize,
    /// Length of an observation, at least 1.
    pub observation_dim: usize,
    /// Maximum number of actions in a plan, at least 1.
    pub horizon: usize,
}

impl ControllerConfig {
    /// For the policy that `manifest` describes, with plans that are independent of each other.
    #[must_use]
    pub fn of(manifest: &Manifest, playback: PlaybackConfig, replan: Replan) -> Self {
        Self {
            playback,
            replan,
            continuity: Continuity::default(),
            n_obs_steps: manifest.n_obs_steps,
            observation_dim: manifest.observation_dim(),
            horizon: manifest.horizon,
        }
    }
}

/// Why a controller cannot be made, or does not take an observation.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ControllerError {
    /// A size is 0.
    #[error("{field} is 0, but must be at least 1")]
    Zero {
        /// Its name.
        field: &'static str,
    },
    /// The playback configuration is invalid.
    #[error(transparent)]
    Playback(#[from] PlaybackError),
    /// The thread could not be started.
    #[error("the worker thread cannot be started")]
    Thread(#[from] std::io::Error),
    /// The observation has another length.
    #[error("the observation has {found} numbers, but the policy sees {expected}")]
    Length {
        /// `observation_dim`.
        expected: usize,
        /// What was given.
        found: usize,
    },
    /// The observation holds NaN or infinity; it was not taken.
    #[error("the observation is not finite at {index}")]
    NotFinite {
        /// Index of the first such value.
        index: usize,
    },
}

/// Plans in a worker thread and provides the command for every control period meanwhile.
pub struct Controller {
    rules: Rules,
    seed: u64,
    requests: Input<Request>,
    deliveries: Output<Delivery>,
    wake: Option<Sender<()>>,
    events: Receiver<WorkerEvent>,
    shared: Arc<Shared>,
    worker: Option<JoinHandle<()>>,
}

impl Controller {
    /// Starts the worker. `make` makes the policy, in the worker's thread, when the first plan is asked for; and again
    /// after a failure to make it, or a panic. Before every plan, the policy receives the last `n_obs_steps`
    /// observations again.
    ///
    /// # Errors
    /// [`ControllerError`] if the configuration is inconsistent, or the thread cannot be started.
    pub fn start<M>(config: ControllerConfig, make: M) -> Result<Self, ControllerError>
    where
        M: FnMut() -> Result<Box<dyn Policy>, BoxError> + Send + 'static,
    {
        let (horizon, action_dim) = (config.horizon, config.playback.initial.len());
        let history = Array2::zeros((config.n_obs_steps, config.observation_dim));
        let rules = Rules::new(config)?;
        let committed = Committed::new(horizon, action_dim);
        let request =
            Request { episode: 0, seed: 0, observed: Duration::ZERO, history, committed, observer: rules.observer() };
        let (requests, asked) = triple_buffer(&request);
        let (delivered, deliveries) = triple_buffer(&Delivery::new(horizon, action_dim));
        let (wake, woken) = bounded(1);
        let (report, events) = bounded(EVENTS);
        let shared = Arc::new(Shared::default());
        let worker = Worker {
            make: Box::new(make),
            requests: asked,
            deliveries: delivered,
            wake: woken,
            events: report,
            shared: Arc::clone(&shared),
        };
        let worker = std::thread::Builder::new().name("parapolicy-worker".into()).spawn(|| worker.run())?;
        let (wake, worker) = (Some(wake), Some(worker));
        Ok(Self { rules, seed: 0, requests, deliveries, wake, events, shared, worker })
    }

    /// Begins an episode: observations and plans so far are forgotten, and a plan that is being worked on will be
    /// ignored. Everything random in the policy follows from `seed`.
    pub fn reset(&mut self, seed: u64) {
        self.rules.begin(seed);
        self.seed = seed;
    }

    /// Sends `action` until the first plan, in place of [`PlaybackConfig::initial`]. For use before an episode begins:
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
        // In this order: if the worker is idle, its last plan is taken before another one is asked for.
        let planning = self.is_planning();
        self.receive();
        if self.rules.observe(observation, time)? && !planning {
            self.ask(time);
        }
        Ok(())
    }

    /// The command for `time`. Called once per control period; wait-free, without allocation.
    pub fn command(&mut self, time: Duration) -> Command<'_> {
        self.receive();
        self.rules.command(time)
    }

    /// Reports every episode to `observer`, from the next one on: observations and commands from the control thread,
    /// plans and events from the worker.
    pub fn observed_by(&mut self, observer: Arc<dyn Observer>) {
        self.rules.observed_by(observer);
    }

    /// Failures in the worker since the last call.
    pub fn events(&self) -> TryIter<'_, WorkerEvent> {
        self.events.try_iter()
    }

    /// A handle through which other threads can read the controller's state.
    #[must_use]
    pub fn monitor(&self) -> Monitor {
        Monitor { shared: Arc::clone(&self.shared), events: self.events.clone() }
    }

    fn is_planning(&self) -> bool {
        self.shared.busy.load(Ordering::Acquire)
    }

    fn receive(&mut self) {
        if self.deliveries.update() {
            self.rules.take(self.deliveries.output_buffer());
        }
    }

    fn ask(&mut self, time: Duration) {
        let request = self.requests.input_buffer_mut();
        (request.episode, request.seed, request.observed) = (self.rules.episode(), self.seed, time);
        request.history.assign(&self.rules.history());
        self.rules.foresee(time, &mut request.committed);
        request.observer = self.rules.observer();
        self.requests.publish();
        self.shared.busy.store(true, Ordering::Release);
        self.rules.asked();
        // The channel holds one token and the worker is not busy, so there is room.
        if let Some(wake) = &self.wake {
            let _full = wake.try_send(());
        }
    }
}

impl Drop for Controller {
    /// Ends the worker and joins it if it is idle. A busy worker may hang, so it is not joined; it ends when its plan
    /// is done.
    fn drop(&mut self) {
        self.wake = None;
        if let Some(worker) = self.worker.take().filter(|_| !self.is_planning()) {
            let _panicked = worker.join();
        }
    }
}
