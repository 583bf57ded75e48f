//! Observers of a control loop: one trait for logs, viewers, pictures, progress and metrics.
//!
//! ```text
//! Observer ──begin(seed)──▶ EpisodeObserver    observation, plan, command, step, event
//! ```
//!
//! An episode's observer is called from several threads: observations, commands and steps from the control thread,
//! plans and their failures from the thread that samples them. A robot's control thread must not wait, so observers
//! should neither lock nor allocate; those that do say so in their documentation.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use ndarray::ArrayView1;

use crate::playback::Command;
use crate::{Outcome, Plan};

/// Observes the episodes of a run.
///
/// # Example
/// ```
/// use std::sync::atomic::{AtomicUsize, Ordering};
/// use std::sync::Arc;
///
/// use parapolicy_control::{EpisodeObserver, Observer, PlanEvent};
///
/// /// Counts plans, over all episodes.
/// #[derive(Clone, Debug, Default)]
/// struct Plans(Arc<AtomicUsize>);
///
/// impl Observer for Plans {
///     fn begin(&self, _seed: u64) -> Arc<dyn EpisodeObserver> {
///         Arc::new(self.clone())
///     }
/// }
///
/// impl EpisodeObserver for Plans {
///     fn plan(&self, _event: &PlanEvent<'_>) {
///         self.0.fetch_add(1, Ordering::Relaxed);
///     }
/// }
/// ```
pub trait Observer: Send + Sync {
    /// An episode begins. The returned observer receives its events, even after the next one begins, since a plan may
    /// be late.
    fn begin(&self, seed: u64) -> Arc<dyn EpisodeObserver>;
}

/// Observes one episode. Times are the loop's, from the episode's beginning. Every method is optional.
pub trait EpisodeObserver: Send + Sync {
    /// An observation was taken.
    fn observation(&self, _time: Duration, _observation: ArrayView1<'_, f64>) {}

    /// A plan is ready.
    fn plan(&self, _event: &PlanEvent<'_>) {}

    /// A command is sent.
    fn command(&self, _time: Duration, _command: &Command<'_>) {}

    /// A control step was taken, in a loop that knows its result.
    fn step(&self, _event: &StepEvent<'_>) {}

    /// A failure: its kind, and a description.
    fn event(&self, _time: Duration, _kind: &'static str, _words: &dyn Display) {}

    /// Whether the loop is to give the episode up, since somebody asked the program to stop, say. Loops that end ask before
    /// every control step; a robot's own loop is not asked.
    fn cancels(&self) -> bool {
        false
    }
}

/// A plan, and the observation that it was sampled for.
#[derive(Clone, Copy, Debug)]
pub struct PlanEvent<'a> {
    /// When the newest observation was taken that it was sampled for.
    pub observed: Duration,
    /// When it was ready.
    pub ready: Duration,
    /// The plan, with its iterates after each round where those were requested.
    pub plan: &'a Plan,
}

/// A control step, after it was taken.
#[derive(Clone, Copy, Debug)]
pub struct StepEvent<'a> {
    /// Control step, from 0.
    pub index: usize,
    /// When it began.
    pub time: Duration,
    /// What was observed before it.
    pub observation: ArrayView1<'a, f64>,
    /// What was sent.
    pub action: ArrayView1<'a, f64>,
    /// Intended actions of the newest plan from this step on, one after the other.
    pub ahead: &'a [f64],
    /// Its result.
    pub outcome: Outcome,
    /// How the environment looks afterwards: the numbers of [`Environment::scene`](crate::Environment::scene).
    pub scene: &'a [f64],
}

/// Ignores everything.
impl Observer for () {
    fn begin(&self, _seed: u64) -> Arc<dyn EpisodeObserver> {
        Arc::new(())
    }
}

impl EpisodeObserver for () {}

/// Calls all of them, in this order.
impl Observer for Vec<Arc<dyn Observer>> {
    fn begin(&self, seed: u64) -> Arc<dyn EpisodeObserver> {
        Arc::new(EpisodeObservers(self.iter().map(|observer| observer.begin(seed)).collect()))
    }
}

/// Calls several observers of one episode.
struct EpisodeObservers(Vec<Arc<dyn EpisodeObserver>>);

impl EpisodeObserver for EpisodeObservers {
    fn observation(&self, time: Duration, observation: ArrayView1<'_, f64>) {
        self.0.iter().for_each(|observer| observer.observation(time, observation));
    }

    fn plan(&self, event: &PlanEvent<'_>) {
        self.0.iter().for_each(|observer| observer.plan(event));
    }

    fn command(&self, time: Duration, command: &Command<'_>) {
        self.0.iter().for_each(|observer| observer.command(time, command));
    }

    fn step(&self, event: &StepEvent<'_>) {
        self.0.iter().for_each(|observer| observer.step(event));
    }

    fn event(&self, time: Duration, kind: &'static str, words: &dyn Display) {
        self.0.iter().for_each(|observer| observer.event(time, kind, words));
    }

    fn cancels(&self) -> bool {
        self.0.iter().any(|observer| observer.cancels())
    }
}
