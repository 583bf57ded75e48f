//! Places plans on a time line and decides which action is sent at a given time, whether plans are on time, late or
//! missing.
//!
//! A plan's action `i` is meant for `observed + i · period`, where `observed` is when the plan's observation was taken.
//! By the time it is ready its first actions are past, so a plan is played from the current time on, not from its
//! beginning. [`Blend`] decides what is sent when plans overlap, [`Late`] what is sent when they run out; and no
//! command exceeds [`Limits`].
//!
//! Time is whatever the caller's clock says, from an origin of its own. Nothing here allocates, waits, or looks at a
//! clock, so the same type serves a real robot and a simulated one.

use std::time::Duration;

use ndarray::{ArrayView1, ArrayView2};

mod blend;
mod config;
mod foresight;
mod late;
mod limits;
mod plans;

pub use blend::Blend;
pub use config::{PlaybackConfig, PlaybackError};
pub use late::Late;
pub use limits::{Excess, Limits};

use late::Ending;
use plans::Plans;

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
    /// No plan has arrived yet.
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
    /// The action is beyond a limit; the closest one within is sent.
    BeyondLimits(Excess),
}

/// The plans in force and what was sent last.
#[derive(Clone, Debug)]
pub struct Playback {
    config: PlaybackConfig,
    plans: Plans,
    ending: Ending,
    /// The last command, `[action_dim]`.
    last: Vec<f64>,
    /// Buffer for the next command.
    action: Vec<f64>,
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
            ending: Ending::new(action_dim),
            last: config.initial.clone(),
            action: config.initial.clone(),
            config,
        })
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
        self.last.copy_from_slice(&initial);
        self.config.initial = initial;
        self.clear();
        Ok(())
    }

    /// Forgets all plans; the last command stays the last command.
    pub fn clear(&mut self) {
        self.plans.clear();
        self.ending.begin_again();
    }

    /// Takes a plan: `actions`, `[n, action_dim]`, the first for the moment `observed`; the first `intended` of them
    /// are meant to be executed. Actions beyond the horizon are dropped.
    ///
    /// # Errors
    /// [`PlaybackError::Plan`] if the actions have another length than commands have, or there are none.
    pub fn take(
        &mut self,
        observed: Duration,
        actions: ArrayView2<'_, f64>,
        intended: usize,
    ) -> Result<(), PlaybackError> {
        let (found, expected) = (actions.dim(), self.last.len());
        if found.0 == 0 || found.1 != expected {
            return Err(PlaybackError::Plan { found: [found.0, found.1], action_dim: expected });
        }
        self.plans.push(observed, actions, intended);
        Ok(())
    }

    /// Actions of the newest plan that are meant to be executed and are not past.
    pub fn left(&self, now: Duration) -> usize {
        self.plans.newest().map_or(0, |plan| plan.intended.saturating_sub(plan.index(now, self.config.period)))
    }

    /// The actions of the newest plan that are meant to be executed and are not past, one after the other.
    pub fn ahead(&self, now: Duration) -> &[f64] {
        self.plans.newest().map_or(&[], |plan| plan.ahead(now, self.config.period))
    }

    /// The command for `now`. Called once per control period.
    pub fn command(&mut self, now: Duration) -> Command<'_> {
        let (source, mut withheld) = self.choose(now);
        if let Some(index) = self.action.iter().position(|value| !value.is_finite()) {
            withheld = Some(Withheld::NotFinite { index });
            self.action.copy_from_slice(&self.last);
        }
        if let Some(excess) = self.config.limits.keep(&mut self.action, &self.last) {
            withheld = withheld.or(Some(Withheld::BeyondLimits(excess)));
        }
        self.ending.note(source, &self.last, &self.action);
        self.last.copy_from_slice(&self.action);
        let observed = self.plans.newest().map(|plan| plan.observed);
        Command { action: ArrayView1::from(&self.last), source, withheld, observed }
    }

    /// Writes what would be sent if there were no limits.
    fn choose(&mut self, now: Duration) -> (Source, Option<Withheld>) {
        let Self { config, plans, ending, last, action } = self;
        let Some(newest) = plans.newest() else {
            return (config.safe(last, action), Some(Withheld::NoPlan));
        };
        let age = now.saturating_sub(newest.observed);
        if age > config.max_age {
            return (config.safe(last, action), Some(Withheld::Stale { age }));
        }
        let index = newest.index(now, config.period);
        if index < newest.intended {
            config.blend.mix(plans, now, config.period, action);
            return (Source::Plan, None);
        }
        ending.go_on(config, newest, index, last, action);
        (Source::Late, None)
    }
}
