//! Who is told what happens in a control loop: one trait for logs, viewers, pictures, progress and metrics.
//!
//! ```text
//! Observer ──begin(seed)──▶ EpisodeObserver    observation, plan, command, step, event
//! ```
//!
//! An episode's observer is told from several threads: observations, commands and steps from the control thread, plans and
//! what goes wrong with them from the one that draws them. Whoever must not wait, as the control thread of a robot, relies
//! on observers that do not: they neither lock nor allocate, or say that they do.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use ndarray::ArrayView1;

use crate::playback::Command;
use crate::{Outcome, Plan};

/// Is told of the episodes of a run.
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
    /// An episode begins; what is returned is told of it, until the next one begins and beyond: a plan may be late.
    fn begin(&self, seed: u64) -> Arc<dyn EpisodeObserver>;
}

/// Is told what happens in an episode. Times are the loop's, from the episode's beginning. Nothing must be answered.
pub trait EpisodeObserver: Send + Sync {
    /// Something was observed.
    fn observation(&self, _time: Duration, _observation: ArrayView1<'_, f64>) {}

    /// A plan is ready.
    fn plan(&self, _event: &PlanEvent<'_>) {}

    /// Something is sent.
    fn command(&self, _time: Duration, _command: &Command<'_>) {}

    /// A control step was taken, in a loop that knows what came of it.
    fn step(&self, _event: &StepEvent<'_>) {}

    /// Something happened that should not: what kind of thing, and in words.
    fn event(&self, _time: Duration, _kind: &'static str, _words: &dyn Display) {}
}

/// A plan, and what it answers.
#[derive(Clone, Copy, Debug)]
pub struct PlanEvent<'a> {
    /// When the newest observation was taken that it answers.
    pub observed: Duration,
    /// When it was ready.
    pub ready: Duration,
    /// The plan, with what it was after each round where that was asked for.
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
    /// What the newest plan intends from this step on, one action after the other.
    pub ahead: &'a [f64],
    /// What came of it.
    pub outcome: Outcome,
    /// How the environment looks afterwards: the numbers of [`Environment::scene`](crate::Environment::scene).
    pub scene: &'a [f64],
}

/// Nobody is told.
impl Observer for () {
    fn begin(&self, _seed: u64) -> Arc<dyn EpisodeObserver> {
        Arc::new(())
    }
}

impl EpisodeObserver for () {}

/// All of them are told, in this order.
impl Observer for Vec<Arc<dyn Observer>> {
    fn begin(&self, seed: u64) -> Arc<dyn EpisodeObserver> {
        Arc::new(Together(self.iter().map(|observer| observer.begin(seed)).collect()))
    }
}

/// Several observers of one episode.
struct Together(Vec<Arc<dyn EpisodeObserver>>);

impl EpisodeObserver for Together {
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
}
