//! What the node does with messages: observations for the controller, commands of it. No network.

use std::time::{Duration, Instant};

use ndarray::{ArrayView1, aview1};
use parapolicy_control::controller::{Controller, ControllerConfig};
use parapolicy_control::playback::{Source, Withheld};
use parapolicy_policy::Manifest;

use crate::clock::{Due, MessageClock};
use crate::config::{Resting, Ros2Config};
use crate::error::{Refusal, Ros2Error};
use crate::map::TopicMap;
use crate::observed::Observed;

/// Whether commands are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing was observed in this episode yet.
    Waiting,
    Running,
    /// It was told to stop: the safe action goes out once, where there is one.
    Stopping,
    Stopped,
}

/// Observes for the controller, and has its commands.
pub(crate) struct Robot {
    pub map: TopicMap,
    pub controller: Controller,
    clock: MessageClock,
    period: Duration,
    stale: Duration,
    resting: Resting,
    safe: Option<Vec<f64>>,
    action_dim: usize,
    pub state: State,
    seed: u64,
    pub commands: u64,
    /// The newest command.
    action: Vec<f64>,
    pub source: Option<Source>,
    pub withheld: Option<Withheld>,
    /// What went wrong last, in the controller or with the robot's position.
    pub problem: Option<String>,
}

/// A command to be sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Step<'a> {
    /// Of the messages that it answers.
    pub time: Duration,
    pub action: &'a [f64],
    /// Until the next.
    pub period: Duration,
}

impl Robot {
    /// `start` makes the controller of a configuration.
    pub fn new<E: From<Ros2Error>>(
        config: &Ros2Config,
        manifest: &Manifest,
        seed: u64,
        start: impl FnOnce(ControllerConfig) -> Result<Controller, E>,
    ) -> Result<Self, E> {
        let map = TopicMap::new(manifest, config)?;
        let (controller, resting) = config.controller(manifest)?;
        let (period, stale, safe) = (config.period()?, config.stale()?, controller.playback.safe.clone());
        let mut controller = start(controller)?;
        controller.reset(seed);
        let action_dim = manifest.action_dim();
        Ok(Self {
            map,
            controller,
            clock: MessageClock::new(period, stale),
            period,
            stale,
            resting,
            safe,
            action_dim,
            state: State::Waiting,
            seed,
            commands: 0,
            action: vec![0.0; action_dim],
            source: None,
            withheld: None,
            problem: None,
        })
    }

    /// Takes a message of a topic, or refuses it. `sent` is when it was, by the sender's clock: it counts where messages of
    /// the topic that steps follow do not say themselves when they were taken.
    pub fn take(&mut self, topic: usize, message: &Observed, sent: Duration, now: Instant) {
        if let Err(problem) = self.try_take(topic, message, sent, now) {
            self.map.refuse(topic, problem);
        }
    }

    fn try_take(&mut self, topic: usize, message: &Observed, sent: Duration, now: Instant) -> Result<(), Refusal> {
        let is_clock = topic == self.map.clock;
        let known = if is_clock { Some(sent) } else { self.clock.newest() };
        // Before there is a time, a message that has none of its own has none at all; the next will have.
        let Some(time) = message.stamp()?.or(known) else { return Ok(()) };
        self.map.take(topic, message, time)?;
        if is_clock {
            self.clock.hear(time, now);
        }
        Ok(())
    }

    /// Begins an episode.
    pub fn reset(&mut self) {
        self.seed = self.seed.wrapping_add(1);
        self.controller.reset(self.seed);
        self.map.forget();
        (self.state, self.source, self.withheld, self.problem) = (State::Waiting, None, None, None);
    }

    /// Ends it: nothing is sent any more but the safe action, once.
    pub fn stop(&mut self) {
        if self.state != State::Stopped {
            self.state = State::Stopping;
        }
    }

    /// The time of messages.
    pub fn time(&self, now: Instant) -> Option<Duration> {
        self.clock.now(now)
    }

    /// How old what was observed may be.
    pub fn stale(&self) -> Duration {
        self.stale
    }

    /// The command of the control step that is due, if one is, and if there is something to send.
    pub fn step(&mut self, now: Instant) -> Option<Step<'_>> {
        if self.state == State::Stopping {
            self.state = State::Stopped;
            self.action.clone_from(self.safe.as_ref()?);
            let time = self.clock.now(now)?;
            return Some(Step { time, action: &self.action, period: self.period });
        }
        let due = self.clock.step(now)?;
        if self.state == State::Stopped {
            return None;
        }
        self.observe(due);
        self.note_events();
        if self.state == State::Waiting {
            return None;
        }
        let command = self.controller.command(due.time);
        (self.source, self.withheld) = (Some(command.source), command.withheld);
        // Without a plan there is an action to send only where somebody has given one.
        if command.observed.is_none() && self.resting == Resting::Nothing && self.safe.is_none() {
            return None;
        }
        self.action.iter_mut().zip(command.action).for_each(|(own, number)| *own = *number);
        self.commands += 1;
        Some(Step { time: due.time, action: &self.action, period: self.period })
    }

    /// Hands what was observed to the controller, where all of it is there.
    fn observe(&mut self, due: Due) {
        let Some(row) = self.map.row(due.time, self.stale).filter(|_| due.heard) else { return };
        if self.state == State::Waiting {
            if let Resting::Observed(first) = self.resting {
                let position: ArrayView1<'_, f64> = aview1(&row[first..first + self.action_dim]);
                if let Err(error) = self.controller.rest_at(position) {
                    self.problem = Some(format!("the robot cannot rest where it is: {error}"));
                    return;
                }
            }
            self.state = State::Running;
        }
        if let Err(error) = self.controller.observe(aview1(row), due.time) {
            self.problem = Some(error.to_string());
        }
    }

    fn note_events(&mut self) {
        for event in self.controller.events() {
            tracing::warn!("{event}");
            self.problem = Some(event.to_string());
        }
    }
}
