//! Configuration of a controller, and its validation: the only one, whichever language it is written in.

use std::time::Duration;

use parapolicy_policy::{Entry, EntryError, Kind, Manifest};
use thiserror::Error;

use super::{Continuity, Deadline, Fade, Replan};
use crate::check::PlanCheck;
use crate::entries::Entries;
use crate::playback::{Part, PlaybackConfig, PlaybackError, field};

/// Most numbers in the observations that a policy looks at: 8 cameras of 1280 × 960 pixels in colour, and more. A
/// controller holds five copies.
const OBSERVED: usize = 1 << 25;

/// Most numbers in a plan: a thousand actions of a thousand numbers. A controller holds some twenty copies.
const PLANNED: usize = 1 << 20;

/// Shortest time after which a policy counts as hanging, if nothing is said: networks are made ready and caches filled
/// during a first plan.
const WATCHDOG: Duration = Duration::from_secs(30);

/// How many times as long as its actions last a plan may take, if nothing is said.
const PLANS: u32 = 10;

/// Configuration of a controller.
#[derive(Clone, Debug, PartialEq)]
pub struct ControllerConfig {
    /// How plans become commands.
    pub playback: PlaybackConfig,
    /// When a new plan is requested.
    pub replan: Replan,
    /// How a plan relates to the one before it.
    pub continuity: Continuity,
    /// The time that a plan may take.
    pub deadline: Deadline,
    /// What a plan has to keep before any of it is sent.
    pub check: PlanCheck,
    /// Number of observations that the policy takes as input, at least 1.
    pub n_obs_steps: usize,
    /// Length of an observation, at least 1.
    pub observation_dim: usize,
    /// Its entries, where they are handed in one by one ([`Controller::observe_entry`](super::Controller::observe_entry)).
    pub entries: Entries,
    /// Maximum number of actions in a plan, at least 1.
    pub horizon: usize,
    /// Time after which a policy that has not returned with a plan counts as hanging, more than 0:
    /// [`WorkerEvent::Hung`](super::WorkerEvent::Hung). Making the policy may take ten times as long. Real time for a
    /// [`Controller`](super::Controller), which looks at it with every observation; the loop's for a
    /// [`SimulatedController`](super::SimulatedController).
    /// [`ControllerConfig::default_watchdog`] fits most.
    pub watchdog: Duration,
}

impl ControllerConfig {
    /// For the policy that `manifest` describes, with plans that are independent of each other. Which numbers of an action are no
    /// positions ([`Between::parts`](crate::playback::Between::parts)) is what the manifest says.
    #[must_use]
    pub fn of(manifest: &Manifest, mut playback: PlaybackConfig, replan: Replan) -> Self {
        playback.between.parts = Part::of(manifest);
        Self {
            watchdog: Self::default_watchdog(playback.period, manifest.horizon),
            entries: Entries::of(manifest, playback.period),
            playback,
            replan,
            continuity: Continuity::default(),
            deadline: Deadline::default(),
            check: PlanCheck { names: names(&manifest.actions), ..PlanCheck::default() },
            n_obs_steps: manifest.n_obs_steps,
            observation_dim: manifest.observation_dim(),
            horizon: manifest.horizon,
        }
    }

    /// Ten times what a plan of `horizon` actions lasts, and at least 30 s.
    #[must_use]
    pub fn default_watchdog(period: Duration, horizon: usize) -> Duration {
        let horizon = u32::try_from(horizon).unwrap_or(u32::MAX);
        period.saturating_mul(horizon).saturating_mul(PLANS).max(WATCHDOG)
    }

    /// Checks every field, before anything is allocated.
    ///
    /// # Errors
    /// [`ControllerError`] names the first field that is wrong.
    pub fn validate(&self) -> Result<(), ControllerError> {
        let Self { playback, replan, continuity, deadline, check, entries, .. } = self;
        let Self { n_obs_steps, observation_dim, horizon, watchdog, .. } = self;
        for (field, size) in [("n_obs_steps", n_obs_steps), ("observation_dim", observation_dim), ("horizon", horizon)]
        {
            at_least_one(field, *size)?;
        }
        replan.validate()?;
        continuity.validate()?;
        deadline.validate()?;
        if watchdog.is_zero() {
            return Err(ControllerError::Zero { field: "watchdog" });
        }
        playback.validate()?;
        check.validate(playback.initial.len(), *observation_dim)?;
        entries.validate(*observation_dim, playback.period)?;
        may_fade(*continuity, &playback.between.parts)?;
        at_most("n_obs_steps * observation_dim", *n_obs_steps, *observation_dim, OBSERVED)?;
        at_most("horizon * action_dim", *horizon, playback.initial.len(), PLANNED)
    }
}

/// Why a controller cannot be made, or does not take an observation.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ControllerError {
    /// A size, a count or a time is 0.
    #[error("{field} is 0, but must be {}", if *.field == "watchdog" { "more than 0" } else { "at least 1" })]
    Zero {
        /// Its name.
        field: &'static str,
    },
    /// The product of two sizes is more than a controller holds.
    #[error("{field} is {} * {}, but must be at most {most}", .sizes[0], .sizes[1])]
    TooLarge {
        /// Their names.
        field: &'static str,
        /// What they are.
        sizes: [usize; 2],
        /// What their product may be.
        most: usize,
    },
    /// The quantile of the delays, or of what plans take beyond their time, is none.
    #[error("quantile is {found}, but must be more than 0 and at most 1")]
    Quantile {
        /// What it is.
        found: f64,
    },
    /// The playback configuration is invalid.
    #[error(transparent)]
    Playback(#[from] PlaybackError),
    /// The thread could not be started.
    #[error("the worker thread cannot be started")]
    Thread(#[from] std::io::Error),
    /// The observation has another length.
    #[error("the observation has {found} numbers, but the policy sees {expected}")]
    Length {
        /// `observation_dim`.
        expected: usize,
        /// What was given.
        found: usize,
    },
    /// The entries are not those of the observation.
    #[error("the entries have {found} numbers, but an observation has {expected}")]
    Entries {
        /// Numbers of the entries.
        found: usize,
        /// `observation_dim`.
        expected: usize,
    },
    /// An entry may not be as old as a control step is long.
    #[error("stale is {found:?}, but must be at least a period, {period:?}")]
    Stale {
        /// How old it may be.
        found: Duration,
        /// The time between two actions of a plan.
        period: Duration,
    },
    /// There is no such entry, or what was given does not fit it; it was not taken.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// What was given of an entry is from before what was given last; it was not taken.
    #[error("`{name}` went back in time, from {from:?} to {to:?}")]
    EntryWentBack {
        /// Its name.
        name: String,
        /// The time of what was given last.
        from: Duration,
        /// That of what was given now.
        to: Duration,
    },
    /// The observation holds NaN or infinity; it was not taken.
    #[error("the observation is not finite at {index}")]
    NotFinite {
        /// Index of the first such value.
        index: usize,
    },
}

/// What the numbers of an action are called: `gripper`, `joints[2]`.
fn names(actions: &[Entry]) -> Vec<String> {
    let of = |entry: &Entry| match entry.len() {
        1 => vec![entry.name.clone()],
        len => (0..len).map(|index| format!("{}[{index}]", entry.name)).collect(),
    };
    actions.iter().flat_map(of).collect()
}

/// Of a quaternion two signs are the same rotation: what lies between its numbers and those of a plan before may be anything.
fn may_fade(continuity: Continuity, parts: &[Part]) -> Result<(), PlaybackError> {
    let fades = matches!(continuity, Continuity::Inpaint { fade, .. } if fade != Fade::Hard);
    match parts.iter().find(|part| fades && part.kind == Kind::Quaternion) {
        Some(part) => {
            let found = format!("{continuity}, and `{}` is a quaternion", part.name);
            Err(field(
                "continuity",
                &found,
                "independent or hard: agreement does not fade between numbers of two signs",
            ))
        }
        None => Ok(()),
    }
}

pub(super) fn at_least_one(field: &'static str, size: usize) -> Result<(), ControllerError> {
    if size == 0 { Err(ControllerError::Zero { field }) } else { Ok(()) }
}

fn at_most(field: &'static str, size: usize, other: usize, most: usize) -> Result<(), ControllerError> {
    if size.checked_mul(other).is_some_and(|product| product <= most) {
        return Ok(());
    }
    Err(ControllerError::TooLarge { field, sizes: [size, other], most })
}
