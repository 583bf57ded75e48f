//! A recorded episode, for pictures and pages.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use ndarray::Array2;
use parapolicy_control::{EpisodeObserver, Observer, PlanEvent, StepEvent};

/// Draws moments of an environment.
pub trait Painter: Send {
    /// Width and height of its pictures, pixels.
    fn size(&self) -> [u32; 2];

    /// A moment as `[height, width, 3]` bytes of red, green and blue: the numbers of
    /// [`Environment::scene`](parapolicy_control::Environment::scene), and the actions that are still to be executed.
    fn draw(&mut self, moment: &Moment) -> Vec<u8>;
}

/// A recorded episode, for pictures and pages.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recording {
    /// The moment after each control step.
    pub moments: Vec<Moment>,
    /// The rounds of its second plan, where they were observed.
    pub rounds: Option<Rounds>,
}

/// The environment after a control step.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Moment {
    /// The numbers of its scene.
    pub scene: Vec<f64>,
    /// The actions still to be executed, `[n, action_dim]`, the one of this step first.
    pub ahead: Array2<f64>,
    /// Reward of the step.
    pub reward: f64,
}

/// A plan, as it stood after each round of its sampler.
#[derive(Clone, Debug, PartialEq)]
pub struct Rounds {
    /// The scene that it was sampled for.
    pub scene: Vec<f64>,
    /// `[n, action_dim]` a round.
    pub plans: Vec<Array2<f64>>,
}

/// Records the first episode of one seed that it is told of.
#[derive(Clone, Debug)]
pub struct Recorder {
    seed: u64,
    begun: Arc<AtomicBool>,
    recording: Arc<Mutex<Recording>>,
}

impl Recorder {
    /// Records the episode of this seed.
    #[must_use]
    pub fn of(seed: u64) -> Self {
        Self { seed, begun: Arc::default(), recording: Arc::default() }
    }

    /// What was recorded so far.
    #[must_use]
    pub fn recording(&self) -> Recording {
        self.recording.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Observer for Recorder {
    fn begin(&self, seed: u64) -> Arc<dyn EpisodeObserver> {
        let is_first = seed == self.seed && !self.begun.swap(true, Ordering::Relaxed);
        if is_first { Arc::new(self.clone()) } else { Arc::new(()) }
    }
}

/// This observer locks a mutex and allocates.
impl EpisodeObserver for Recorder {
    /// Keeps how a plan came about that was asked for at the last moment: the first that is shown.
    fn plan(&self, event: &PlanEvent<'_>) {
        let mut recording = self.recording.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(Moment { scene, .. }) = recording.moments.last() else { return };
        let plans = &event.plan.iterates;
        if recording.rounds.is_none() && !plans.is_empty() {
            recording.rounds = Some(Rounds { scene: scene.clone(), plans: plans.clone() });
        }
    }

    fn step(&self, event: &StepEvent<'_>) {
        let StepEvent { scene, ahead, action, outcome, .. } = *event;
        let dim = action.len().max(1);
        let ahead = Array2::from_shape_fn((ahead.len() / dim, dim), |(row, column)| ahead[row * dim + column]);
        let moment = Moment { scene: scene.to_vec(), ahead, reward: outcome.reward };
        self.recording.lock().unwrap_or_else(PoisonError::into_inner).moments.push(moment);
    }
}
