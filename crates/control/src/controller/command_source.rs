//! The trait that a loop gets its commands from, whether plans come from a worker thread or from a simulation.

use std::sync::Arc;
use std::time::Duration;

use ndarray::ArrayView1;

use super::{Controller, ControllerError, WorkerEvent};
use crate::playback::Command;
use crate::{EpisodeObserver, PlanCost};

/// Source of commands in a realtime loop: a [`Controller`], or a [`SimulatedController`](super::SimulatedController) on
/// simulated time.
pub trait CommandSource {
    /// Begins an episode; `resting` is sent until the first plan. Everything random follows from `seed`. `observer`
    /// receives observations, plans, commands, and failures of plans.
    ///
    /// # Errors
    /// An action that may not be sent.
    fn begin(
        &mut self,
        seed: u64,
        resting: ArrayView1<'_, f64>,
        observer: &Arc<dyn EpisodeObserver>,
    ) -> Result<(), ControllerError>;

    /// Takes the observation of `time` and requests a plan if one is due. Called once per control period.
    ///
    /// # Errors
    /// An observation of another length, or that is not finite.
    fn observe(&mut self, observation: ArrayView1<'_, f64>, time: Duration) -> Result<(), ControllerError>;

    /// The command for `time`. Called once per control period.
    fn command(&mut self, time: Duration) -> Command<'_>;

    /// The actions of the newest plan that are meant to be executed from `time` on, one after the other.
    fn ahead(&self, time: Duration) -> &[f64];

    /// Cost of the plan that arrived since the last call, if one did.
    fn arrived(&mut self) -> Option<PlanCost>;

    /// What went wrong since the last call.
    fn events(&mut self) -> Vec<WorkerEvent>;
}

impl CommandSource for Controller {
    fn begin(
        &mut self,
        seed: u64,
        resting: ArrayView1<'_, f64>,
        observer: &Arc<dyn EpisodeObserver>,
    ) -> Result<(), ControllerError> {
        self.rules.begin_told(observer);
        self.seed = seed;
        self.rest_at(resting)
    }

    fn observe(&mut self, observation: ArrayView1<'_, f64>, time: Duration) -> Result<(), ControllerError> {
        Self::observe(self, observation, time)
    }

    fn command(&mut self, time: Duration) -> Command<'_> {
        Self::command(self, time)
    }

    fn ahead(&self, time: Duration) -> &[f64] {
        self.rules.ahead(time)
    }

    fn arrived(&mut self) -> Option<PlanCost> {
        self.rules.arrived()
    }

    fn events(&mut self) -> Vec<WorkerEvent> {
        Self::events(self).collect()
    }
}
