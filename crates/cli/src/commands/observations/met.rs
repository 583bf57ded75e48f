//! Collects the observations for which a policy planned.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ndarray::{Array2, ArrayView1};
use parapolicy_control::{EpisodeObserver, Observer, PlanEvent};
use parapolicy_policy::{Manifest, ObservationHistory};

/// The observations, `[n_obs_steps, observation_dim]` each, at which plans were drawn.
#[derive(Clone)]
pub struct Met(Arc<Mutex<State>>);

struct State {
    history: ObservationHistory,
    observations: Vec<Array2<f64>>,
}

impl Met {
    /// Of the policy that `manifest` describes.
    pub fn new(manifest: &Manifest) -> Self {
        let history = ObservationHistory::new(manifest.n_obs_steps, manifest.observation_dim());
        Self(Arc::new(Mutex::new(State { history, observations: Vec::new() })))
    }

    /// How many there are so far.
    pub fn len(&self) -> usize {
        self.state().observations.len()
    }

    /// All of them, in order.
    pub fn observations(&self) -> Vec<Array2<f64>> {
        self.state().observations.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Met {
    fn begin(&self, _seed: u64) -> Arc<dyn EpisodeObserver> {
        self.state().history.reset();
        Arc::new(self.clone())
    }
}

impl EpisodeObserver for Met {
    fn observation(&self, _time: Duration, observation: ArrayView1<'_, f64>) {
        self.state().history.push(observation);
    }

    fn plan(&self, _event: &PlanEvent<'_>) {
        let mut state = self.state();
        let seen = state.history.view().to_owned();
        state.observations.push(seen);
    }
}
