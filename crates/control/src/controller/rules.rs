//! Rules shared by the threaded and the simulated controller: which observations are taken, when a plan is due, and
//! what is sent.

use std::sync::Arc;
use std::time::Duration;

use ndarray::{ArrayView1, ArrayView2, s};
use parapolicy_policy::{ObservationHistory, Pixels};

use super::continuity::Delays;
use super::stamped::{Stamped, Unobserved};
use super::worker::{Committed, Delivery};
use super::{Continuity, ControllerConfig, ControllerError, Deadline, Fade, InForce};
use crate::playback::{ClockStep, Command, Foreseen, Moment, Playback};
use crate::trained::{FarOutside, Trained};
use crate::{EpisodeObserver, Observer, PlanCost};

pub(super) struct Rules {
    config: ControllerConfig,
    playback: Playback,
    history: ObservationHistory,
    stamped: Stamped,
    trained: Trained,
    /// Entries of the newest observation that are far outside of what the policy was trained on, and that nobody was told of yet.
    outside: Vec<FarOutside>,
    episode: u64,
    /// Observations since the one that the last request was for.
    since: Option<usize>,
    arrived: Option<PlanCost>,
    /// Of the newest plan.
    cost: PlanCost,
    /// The clock went back, and nobody was told yet.
    stepped: Option<ClockStep>,
    delays: Delays,
    /// What plans that were cut short took beyond their time.
    excesses: Delays,
    /// The time that the plan that is worked on was given.
    given: Option<Duration>,
    /// Observers of all episodes, and of the current one.
    observer: Arc<dyn Observer>,
    told: Arc<dyn EpisodeObserver>,
}

impl Rules {
    pub fn new(mut config: ControllerConfig) -> Result<Self, ControllerError> {
        config.validate()?;
        let ControllerConfig { n_obs_steps, observation_dim, horizon, .. } = config;
        let playback = Playback::new(config.playback.clone(), horizon)?;
        let history = ObservationHistory::new(n_obs_steps, observation_dim);
        // The statistics of images may be large, and are needed no more.
        let entries = std::mem::take(&mut config.entries);
        let (stamped, trained) = (Stamped::new(&entries), Trained::of(&entries.list));
        let outside = Vec::with_capacity(entries.list.len());
        Ok(Self {
            config,
            playback,
            history,
            stamped,
            trained,
            outside,
            episode: 0,
            since: None,
            arrived: None,
            cost: PlanCost::default(),
            stepped: None,
            delays: Delays::default(),
            excesses: Delays::default(),
            given: None,
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
        self.stamped.forget();
        self.trained.forget();
        self.outside.clear();
        self.playback.begin();
        (self.since, self.arrived, self.stepped) = (None, None, None);
        self.episode = self.episode.wrapping_add(1);
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
        let step = self.playback.observe(time);
        self.note(step);
        self.history.push(observation);
        Ok(self.observed_at(time))
    }

    /// Takes an entry of `time`, to be observed by a control step.
    pub fn observe_entry<V>(&mut self, name: &str, values: V, time: Duration) -> Result<(), ControllerError>
    where
        V: IntoIterator<Item = f64, IntoIter: ExactSizeIterator>,
    {
        self.stamped.take(name, values, time)
    }

    /// The same, of an entry that is an image.
    pub fn observe_image(&mut self, name: &str, image: &Pixels<'_>, time: Duration) -> Result<(), ControllerError> {
        self.stamped.take_image(name, image, time)
    }

    /// Takes the observation of the control step at `time` from what has come of its entries; returns whether a plan is due, and
    /// none where there is no such observation.
    pub fn observe_entries(&mut self, time: Duration) -> Option<bool> {
        // Before anything is looked up: what is from before the clock went back is not of this time.
        let step = self.playback.observe(time);
        self.note(step);
        if !self.stamped.is_whole(time) {
            return None;
        }
        let Self { history, stamped, .. } = self;
        history.push_with(|row| row.into_iter().zip(stamped.row(time)).for_each(|(to, value)| *to = value));
        Some(self.observed_at(time))
    }

    /// An entry for want of which there was no observation, once until it is back.
    pub fn unobserved(&mut self) -> Option<Unobserved> {
        self.stamped.untold()
    }

    /// An entry of the newest observation that is far outside of what the policy was trained on, once until it is back.
    pub fn far_outside(&mut self) -> Option<FarOutside> {
        (!self.outside.is_empty()).then(|| self.outside.remove(0))
    }

    /// Whether a plan is due after the newest observation, of `time`.
    fn observed_at(&mut self, time: Duration) -> bool {
        if let Some(newest) = self.history.newest() {
            self.told.observation(time, newest);
            self.outside.clear();
            self.trained.look(newest, |found| self.outside.push(found));
        }
        self.since = self.since.map(|since| since.saturating_add(1));
        self.config.replan.is_due(self.since, self.playback.left(time))
    }

    /// Records that a plan was requested for the newest observation.
    pub fn asked(&mut self) {
        self.since = Some(0);
    }

    /// Where the newest observation lies in time, for the request.
    pub fn observed(&self) -> Option<Moment> {
        self.playback.observed()
    }

    /// Takes a plan, unless it is for another episode, or from before the clock went back.
    pub fn take(&mut self, delivery: &Delivery) {
        let Delivery { observed, len, intended, actions, cost } = delivery;
        let Some(observed) = *observed else { return };
        // The plan's shape was checked when the delivery was filled.
        if let Ok(true) = self.playback.take(observed, actions.slice(s![..*len, ..]), *intended) {
            (self.arrived, self.cost) = (Some(*cost), *cost);
            self.delays.note(cost.latency);
            if let Some(given) = self.given.filter(|_| cost.residual.is_some()) {
                self.excesses.note(cost.latency.saturating_sub(given));
            }
        }
    }

    /// The clock has gone back: what was seen before says nothing of now, and a plan is due at once.
    fn note(&mut self, step: Option<ClockStep>) {
        if step.is_some() {
            self.history.reset();
            self.stamped.forget();
            (self.since, self.stepped) = (None, step);
        }
    }

    /// The clock's step back since this was asked last, if it made one.
    pub fn stepped(&mut self) -> Option<ClockStep> {
        self.stepped.take()
    }

    /// Takes note of the time of a command, before it is asked for.
    pub fn advance(&mut self, time: Duration) {
        let step = self.playback.advance(time);
        self.note(step);
    }

    pub fn command(&mut self, time: Duration) -> Command<'_> {
        let command = self.playback.command(time);
        self.told.command(time, &command);
        command
    }

    pub fn ahead(&self, time: Duration) -> &[f64] {
        self.playback.ahead(time)
    }

    /// The newest plan, if there is one.
    pub fn in_force(&self) -> Option<InForce<'_>> {
        let (observed, actions, intended) = self.playback.newest()?;
        Some(InForce { observed, actions, intended, cost: self.cost })
    }

    /// Cost of the plan that arrived since the last call, if one did.
    pub fn arrived(&mut self) -> Option<PlanCost> {
        self.arrived.take()
    }

    /// Writes what a plan for the observation of `time` is held to: the actions that will have been sent when it arrives,
    /// and as far as the agreement fades those after them.
    pub fn foresee(&self, time: Duration, committed: &mut Committed) {
        committed.len = 0;
        let Continuity::Inpaint { fade, quantile } = self.config.continuity else { return };
        let Committed { actions, weights, len } = committed;
        let Foreseen { sent, reach } = self.playback.foresee(time, actions.as_slice_mut().unwrap_or_default());
        let sent = sent.min(self.delays.periods(self.config.playback.period, quantile));
        *len = if fade == Fade::Hard { sent } else { reach };
        fade.write(sent, &mut weights[..*len]);
    }

    /// The time in which a plan for the observation of `time` has to be there, where the loop has a say in it.
    pub fn spare(&mut self, time: Duration) -> Option<Duration> {
        let Deadline::Loop { quantile } = self.config.deadline else { return None };
        let left = self.playback.spare(time);
        let least = self.config.playback.period / 2;
        self.given = left.map(|left| left.saturating_sub(self.excesses.at(quantile)).max(least));
        self.given
    }

    /// The last command, `[action_dim]`.
    pub fn last(&self) -> &[f64] {
        self.playback.last()
    }

    pub fn episode(&self) -> u64 {
        self.episode
    }

    /// `[n_obs_steps, observation_dim]`, oldest first.
    pub fn history(&self) -> ArrayView2<'_, f64> {
        self.history.view()
    }
}
