//! Rules shared by the threaded and the simulated controller: which observations are taken, when a plan is due, and
//! what is sent.

use std::sync::Arc;
use std::time::Duration;

use ndarray::{ArrayView1, ArrayView2, s};
use parapolicy_policy::ObservationHistory;

use super::continuity::Delays;
use super::worker::{Committed, Delivery};
use super::{Continuity, ControllerConfig, ControllerError};
use crate::playback::{Command, Playback};
use crate::{EpisodeObserver, Observer, PlanCost};

pub(super) struct Rules {
    config: ControllerConfig,
    playback: Playback,
    history: ObservationHistory,
    episode: u64,
    /// Observations since the one that the last request was for.
    since: Option<usize>,
    arrived: Option<PlanCost>,
    delays: Delays,
    /// Observers of all episodes, and of the current one.
    observer: Arc<dyn Observer>,
    told: Arc<dyn EpisodeObserver>,
}

impl Rules {
    pub fn new(config: ControllerConfig) -> Result<Self, ControllerError> {
        let ControllerConfig { n_obs_steps, observation_dim, horizon, .. } = config;
        let sizes = [("n_obs_steps", n_obs_steps), ("observation_dim", observation_dim), ("horizon", horizon)];
        if let Some((field, _)) = sizes.into_iter().find(|(_, size)| *size == 0) {
            return Err(ControllerError::Zero { field });
        }
        let playback = Playback::new(config.playback.clone(), horizon)?;
        let history = ObservationHistory::new(n_obs_steps, observation_dim);
        Ok(Self {
            config,
            playback,
            history,
            episode: 0,
            since: None,
            arrived: None,
            delays: Delays::default(),
            observer: Arc::new(()),
            told: Arc::new(()),
        })
    }

    /// Forgets observations and plans; plans that still arrive for the previous episode will be ignored.
    pub fn begin(&mut self, seed: u64) {
        self.forget();
        self.told = self.observer.begin(seed);
    }

    /// The same, where the calling loop has already begun the episode with its observer.
    pub fn begin_told(&mut self, told: &Arc<dyn EpisodeObserver>) {
        self.forget();
        self.told = Arc::clone(told);
    }

    /// Reports the following episodes to `observer`.
    pub fn observed_by(&mut self, observer: Arc<dyn Observer>) {
        self.observer = observer;
    }

    /// The observer of this episode.
    pub fn observer(&self) -> Arc<dyn EpisodeObserver> {
        Arc::clone(&self.told)
    }

    fn forget(&mut self) {
        self.history.reset();
        self.playback.clear();
        (self.episode, self.since, self.arrived) = (self.episode + 1, None, None);
    }

    pub fn rest_at(&mut self, action: ArrayView1<'_, f64>) -> Result<(), ControllerError> {
        Ok(self.playback.rest_at(action)?)
    }

    /// Takes the observation of `time`; returns whether a plan is due.
    pub fn observe(&mut self, observation: ArrayView1<'_, f64>, time: Duration) -> Result<bool, ControllerError> {
        let (found, expected) = (observation.len(), self.config.observation_dim);
        if found != expected {
            return Err(ControllerError::Length { expected, found });
        }
        if let Some(index) = observation.iter().position(|value| !value.is_finite()) {
            return Err(ControllerError::NotFinite { index });
        }
        self.history.push(observation);
        self.told.observation(time, observation);
        self.since = self.since.map(|since| since + 1);
        Ok(self.config.replan.is_due(self.since, self.playback.left(time)))
    }

    /// Records that a plan was requested for the newest observation.
    pub fn asked(&mut self) {
        self.since = Some(0);
    }

    /// Takes a plan, unless it is for another episode.
    pub fn take(&mut self, delivery: &Delivery) {
        let Delivery { episode, observed, len, intended, actions, cost } = delivery;
        if *episode == self.episode {
            // The plan's shape was checked when the delivery was filled.
            let taken = self.playback.take(*observed, actions.slice(s![..*len, ..]), *intended);
            debug_assert!(taken.is_ok());
            self.arrived = Some(*cost);
            self.delays.note(cost.latency);
        }
    }

    pub fn command(&mut self, time: Duration) -> Command<'_> {
        let command = self.playback.command(time);
        self.told.command(time, &command);
        command
    }

    pub fn ahead(&self, time: Duration) -> &[f64] {
        self.playback.ahead(time)
    }

    /// Cost of the plan that arrived since the last call, if one did.
    pub fn arrived(&mut self) -> Option<PlanCost> {
        self.arrived.take()
    }

    /// Writes the actions that will have been sent when a plan for the observation of `time` arrives.
    pub fn foresee(&self, time: Duration, committed: &mut Committed) {
        committed.len = 0;
        if self.config.continuity == Continuity::Inpaint {
            let foreseen = self.playback.foresee(time, committed.actions.as_slice_mut().unwrap_or_default());
            committed.len = foreseen.min(self.delays.periods(self.config.playback.period));
        }
    }

    pub fn episode(&self) -> u64 {
        self.episode
    }

    /// `[n_obs_steps, observation_dim]`, oldest first.
    pub fn history(&self) -> ArrayView2<'_, f64> {
        self.history.view()
    }
}
