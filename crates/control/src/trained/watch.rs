//! Observations that are far outside of what a policy was trained on, in a loop without a controller.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use ndarray::ArrayView1;
use parapolicy_policy::Manifest;

use super::{FAR_OUTSIDE, Trained};
use crate::playback::Command;
use crate::{EpisodeObserver, Observer, PlanEvent, StepEvent};

/// Tells an observer, besides all that happens, of observations that are far outside of what the policy was trained on, as events. A
/// [`Controller`](crate::controller::Controller) does so by itself.
pub struct RangeWatch {
    trained: Trained,
    told: Arc<dyn Observer>,
}

impl RangeWatch {
    /// Of the policy that `manifest` describes.
    #[must_use]
    pub fn new(manifest: &Manifest, told: Arc<dyn Observer>) -> Self {
        Self { trained: Trained::of(&manifest.observations), told }
    }
}

impl Observer for RangeWatch {
    fn begin(&self, seed: u64) -> Arc<dyn EpisodeObserver> {
        Arc::new(Episode { trained: self.trained.afresh(), told: self.told.begin(seed) })
    }
}

struct Episode {
    trained: Trained,
    told: Arc<dyn EpisodeObserver>,
}

impl EpisodeObserver for Episode {
    fn observation(&self, time: Duration, observation: ArrayView1<'_, f64>) {
        self.told.observation(time, observation);
        self.trained.look(observation, |found| self.told.event(time, FAR_OUTSIDE, &found));
    }

    fn plan(&self, event: &PlanEvent<'_>) {
        self.told.plan(event);
    }

    fn command(&self, time: Duration, command: &Command<'_>) {
        self.told.command(time, command);
    }

    fn step(&self, event: &StepEvent<'_>) {
        self.told.step(event);
    }

    fn event(&self, time: Duration, kind: &'static str, words: &dyn Display) {
        self.told.event(time, kind, words);
    }

    fn cancels(&self) -> bool {
        self.told.cancels()
    }
}
