//! Places plans on a time line and decides which action is sent at a given time, whether plans are on time, late or
//! missing.
//!
//! A plan begins with the action for its observation. While it was sampled, the robot has gone on with the plan before
//! it: a plan is entered at what the robot has executed since its observation, not at the time that has passed. While
//! plans are followed, the two are the same: a plan that took three periods is entered at its fourth action. After the
//! start, a hold, or a stop nothing has been executed, and a plan is entered at its first action, however late it is.
//! The equation, with several commands a period and with commands left out, is in `playback/timeline.rs`.
//!
//! [`Blend`] decides what is sent when plans overlap, [`Late`] what is sent when they run out; and no command exceeds
//! [`Limits`], or comes from a plan older than [`max_age`](PlaybackConfig::max_age).
//!
//! Between the actions of a plan [`Between`] decides what is sent, and keeps limits on the motion.
//!
//! Time is whatever the caller's clock says, from an origin of its own. It may jump. Forward, plans are too old at once,
//! and withheld. Back, by more than half a period: ages cannot be known any more, so all plans are dropped, those being
//! sampled are not taken ([`ClockStep`]), and until there is a new one `PlaybackConfig::safe` is sent. A smaller step
//! back counts as no time. Nothing here allocates, waits, or looks at a clock, so the same type serves a real robot and a
//! simulated one.

use std::time::Duration;

use ndarray::{ArrayView1, ArrayView2};

mod between;
mod blend;
mod config;
mod foresight;
mod generator;
mod late;
mod limits;
mod parts;
mod plans;
mod rotation;
mod timeline;

pub use between::{Between, Interpolation, MotionLimits};
pub use blend::Blend;
pub use config::{PlaybackConfig, PlaybackError};
pub(crate) use config::{field, finite, length};
pub use foresight::Foreseen;
pub use late::Late;
pub use limits::{Excess, Limits};
pub use parts::Part;
pub use timeline::{ClockStep, Moment};

use generator::Generator;
use late::Ending;
use plans::Plans;
use timeline::{Now, Timeline};

/// The command to send now.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Command<'a> {
    /// The action, in raw units.
    pub action: ArrayView1<'a, f64>,
    /// Where it comes from.
    pub source: Source,
    /// Why the planned action was not sent as it was, if so.
    pub withheld: Option<Withheld>,
    /// When the newest plan's observation was taken; none before the first plan.
    pub observed: Option<Duration>,
}

/// Where a command comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Actions that a plan intends to be executed.
    Plan,
    /// The plans are used up: [`Late`] decides.
    Late,
    /// There is no plan that can be trusted: the safe action, or the last one sent.
    Safe,
}

/// Why another action is sent than the plans, or [`Late`], would have led to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Withheld {
    /// No plan has arrived yet, or none since the clock went back.
    NoPlan,
    /// The newest plan's observation is older than the configuration allows.
    Stale {
        /// Its age.
        age: Duration,
    },
    /// The action holds NaN or infinity; the last one is sent again.
    NotFinite {
        /// Index of the first such value.
        index: usize,
    },
    /// The action, or that of a plan in a mean, is beyond a limit; the closest one within is sent.
    BeyondLimits(Excess),
}

/// The plans in force and what was sent last.
#[derive(Clone, Debug)]
pub struct Playback {
    config: PlaybackConfig,
    plans: Plans,
    timeline: Timeline,
    ending: Ending,
    /// The last command, `[action_dim]`.
    last: Vec<f64>,
    /// Buffer for the next command.
    action: Vec<f64>,
    /// How it changes from one action of the plan to the next.
    slope: Vec<f64>,
    /// Keeps limits on the motion, if there are any.
    generator: Option<Generator>,
}

impl Playback {
    /// A playback without plans, for plans of at most `horizon` actions.
    ///
    /// # Errors
    /// [`PlaybackError`] names the field that is wrong.
    pub fn new(config: PlaybackConfig, horizon: usize) -> Result<Self, PlaybackError> {
        config.validate()?;
        let action_dim = config.initial.len();
        Ok(Self {
            plans: Plans::new(horizon, action_dim),
            timeline: Timeline::new(config.period),
            ending: Ending::new(action_dim),
            last: config.initial.clone(),
            action: config.initial.clone(),
            slope: vec![0.0; action_dim],
            generator: config
                .between
                .motion
                .as_ref()
                .map(|motion| Generator::new(motion, &config.limits, &config.initial)),
            config,
        })
    }

    /// The last command, `[action_dim]`; before the first, what is sent until there is a plan.
    pub fn last(&self) -> &[f64] {
        &self.last
    }

    /// The configuration.
    pub fn config(&self) -> &PlaybackConfig {
        &self.config
    }

    /// Sends `action` until the first plan, in place of [`PlaybackConfig::initial`], and forgets all plans.
    ///
    /// # Errors
    /// [`PlaybackError`] if it has another length than commands have, is not finite, or beyond the limits.
    pub fn rest_at(&mut self, action: ArrayView1<'_, f64>) -> Result<(), PlaybackError> {
        let initial = action.to_vec();
        self.config.may_be_sent("action", &initial, self.last.len())?;
        self.config.initial = initial;
        self.begin();
        Ok(())
    }

    /// Forgets all plans, and what was sent: until the first plan it is [`PlaybackConfig::initial`] again, or what
    /// [`Playback::rest_at`] was told last. Time may begin again.
    pub fn begin(&mut self) {
        self.clear();
        self.last.copy_from_slice(&self.config.initial);
        if let Some(generator) = &mut self.generator {
            generator.rest_at(&self.config.initial);
        }
    }

    /// Forgets all plans, and that any was executed; the last command stays the last command. Time may begin again.
    pub fn clear(&mut self) {
        self.plans.clear();
        self.timeline.begin_again();
        self.ending.begin_again();
    }

    /// Takes note of when an observation was taken. If the clock went back since the one before it, all plans are
    /// dropped.
    pub fn observe(&mut self, time: Duration) -> Option<ClockStep> {
        let step = self.timeline.goes_back_at_observation(time);
        if step.is_some() {
            self.clear();
        }
        self.timeline.observe(time);
        step
    }

    /// The newest observation's place in time, for the plan that is sampled from it; none before the first.
    pub fn observed(&self) -> Option<Moment> {
        self.timeline.observed()
    }

    /// Takes a plan: `actions`, `[n, action_dim]`, the first for the observation of `observed`; the first `intended` of
    /// them are meant to be executed. Actions beyond the horizon are dropped. Returns whether it is in force now: a plan
    /// for an observation from before [`Playback::clear`], or from before the clock went back, is not.
    ///
    /// # Errors
    /// [`PlaybackError::Plan`] if the actions have another length than commands have, or there are none.
    pub fn take(
        &mut self,
        observed: Moment,
        actions: ArrayView2<'_, f64>,
        intended: usize,
    ) -> Result<bool, PlaybackError> {
        let (found, expected) = (actions.dim(), self.last.len());
        if found.0 == 0 || found.1 != expected {
            return Err(PlaybackError::Plan { found: [found.0, found.1], action_dim: expected });
        }
        let known = observed.line == self.timeline.line();
        if known {
            self.plans.push(observed, actions, intended);
        }
        Ok(known)
    }

    /// Actions of the newest plan that are meant to be executed and were not yet; none of a plan that is too old.
    pub fn left(&self, now: Duration) -> usize {
        let now = self.timeline.at(now);
        let trusted = self.plans.newest().filter(|plan| plan.age(now) <= self.config.max_age);
        trusted.map_or(0, |plan| plan.intended.saturating_sub(plan.index(now, self.config.period)))
    }

    /// The actions of the newest plan that are meant to be executed and were not yet, one after the other.
    pub fn ahead(&self, now: Duration) -> &[f64] {
        let now = self.timeline.at(now);
        self.plans.newest().map_or(&[], |plan| plan.ahead(now, self.config.period))
    }

    /// Time that the next plan may take if its observation is that of `now`: until the newest runs out, which has no action left
    /// then that is sent ([`Late`] says how many are), or is too old; and half of what a plan lasts at most, so that the next has
    /// as much left when it is there as it took. None if there is no plan.
    pub fn spare(&self, now: Duration) -> Option<Duration> {
        let (newest, now) = (self.plans.newest()?, self.timeline.at(now));
        let (period, reach) = (self.config.period, self.config.reach(newest));
        let half = period.saturating_mul(u32::try_from(reach).unwrap_or(u32::MAX)) / 2;
        let trusted = self.config.max_age.saturating_sub(newest.age(now));
        Some(newest.left(reach, now, period).min(half).min(trusted))
    }

    /// When the newest plan's observation was taken, its actions `[n, action_dim]`, and how many of them are meant to be executed.
    pub fn newest(&self) -> Option<(Duration, ArrayView2<'_, f64>, usize)> {
        let newest = self.plans.newest()?;
        Some((newest.observed.time, newest.actions()?, newest.intended))
    }

    /// Drops all plans if the clock went back: if `now` is before the last command, or before the newest observation.
    pub fn advance(&mut self, now: Duration) -> Option<ClockStep> {
        let step = self.timeline.goes_back_at_command(now);
        if step.is_some() {
            self.clear();
        }
        step
    }

    /// The command for `now`, after [`Playback::advance`]. Called once per control period.
    pub fn command(&mut self, now: Duration) -> Command<'_> {
        self.advance(now);
        let now = self.timeline.at(now);
        let Chosen { source, mut withheld, action } = self.choose(now);
        self.timeline.sent(now, action);
        self.config.between.parts.iter().for_each(|part| part.align(&self.last, &mut self.action));
        if let Some(index) = self.action.iter().position(|value| !value.is_finite()) {
            withheld = Some(Withheld::NotFinite { index });
            self.action.copy_from_slice(&self.last);
            self.slope.fill(0.0);
        }
        if let Some(excess) = self.config.limits.keep(&mut self.action, &self.last) {
            withheld = withheld.or(Some(Withheld::BeyondLimits(excess)));
        }
        if let Some(generator) = &mut self.generator {
            let period = self.config.period.as_secs_f64();
            self.slope.iter_mut().for_each(|slope| *slope /= period);
            generator.follow(&mut self.action, &self.slope);
        }
        self.ending.note(source, &self.last, &self.action);
        self.last.copy_from_slice(&self.action);
        let observed = self.plans.newest().map(|plan| plan.observed.time);
        Command { action: ArrayView1::from(&self.last), source, withheld, observed }
    }

    /// Writes what would be sent if there were no limits.
    fn choose(&mut self, now: Now) -> Chosen {
        let Self { config, plans, ending, last, action, slope, .. } = self;
        slope.fill(0.0);
        let Some(newest) = plans.newest() else {
            return Chosen { source: config.safe(last, action), withheld: Some(Withheld::NoPlan), action: None };
        };
        let age = newest.age(now);
        if age > config.max_age {
            let withheld = Some(Withheld::Stale { age });
            return Chosen { source: config.safe(last, action), withheld, action: None };
        }
        let index = newest.index(now, config.period);
        let executes = |reach| (index < reach).then_some((newest.observed, index));
        if index < newest.intended {
            let excess = config.mix(plans, now, action, Some(slope));
            let withheld = excess.map(Withheld::BeyondLimits);
            return Chosen { source: Source::Plan, withheld, action: executes(newest.intended) };
        }
        ending.go_on(config, newest, now, last, action, slope);
        Chosen { source: Source::Late, withheld: None, action: executes(config.reach(newest)) }
    }
}

/// What is sent, and why.
struct Chosen {
    source: Source,
    withheld: Option<Withheld>,
    /// The plan's observation and the index, if an action of a plan is executed.
    action: Option<(Moment, usize)>,
}
