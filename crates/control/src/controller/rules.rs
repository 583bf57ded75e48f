//! What holds whoever plans, a thread or a simulation of one: which observations are taken, when a plan is due, and what
//! is sent.

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
    /// Observations since the one that was asked about last.
    since: Option<usize>,
    arrived: Option<PlanCost>,
    delays: Delays,
    /// Who is told of episodes, and of this one.
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

    /// Forgets observations and plans, and those that are to come for the episode before.
    pub fn begin(&mut self, seed: u64) {
        self.forget();
        self.told = self.observer.begin(seed);
    }

    /// The same, where another loop has told of the beginning.
    pub fn begin_told(&mut self, told: &Arc<dyn EpisodeObserver>) {
        self.forget();
        self.told = Arc::clone(told);
    }

    /// Tells `observer` of the episodes to come.
    pub fn observed_by(&mut self, observer: Arc<dyn Observer>) {
        self.observer = observer;
    }

    /// Who is told of this episode.
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

    /// Takes the observation of `time`; tells whether a plan is due.
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

    /// Takes note that a plan was asked for, for the newest observation.
    pub fn asked(&mut self) {
        self.since = Some(0);
    }

    /// Takes a plan, unless it is for another episode.
    pub fn take(&mut self, delivery: &Delivery) {
        let Delivery { episode, observed, len, intended, actions, cost } = delivery;
        if *episode == self.episode {
            // The plan's shape was checked when the delivery was made up.
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

    /// What the plan cost that arrived since this was asked last.
    pub fn arrived(&mut self) -> Option<PlanCost> {
        self.arrived.take()
    }

    /// Writes what will have been sent by the time a plan for the observation of `time` is there.
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
