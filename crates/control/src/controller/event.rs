//! What went wrong while a controller ran.

use std::time::Duration;

use thiserror::Error;

use super::Unobserved;
use crate::check::Violation;
use crate::playback::ClockStep;
use crate::trained::{FAR_OUTSIDE, FarOutside};

/// Something went wrong in the worker, with an observation, or with the clock. The controller goes on: what is sent meanwhile follows the same
/// rules as ever, and a plan is asked for again with the next observation.
///
/// Errors are held as text: whoever reads them runs no code of the policy's.
#[derive(Clone, Debug, Error, PartialEq)]
#[non_exhaustive]
pub enum WorkerEvent {
    /// There is no policy, or no worker to run it: it could not be made, at the start, after a panic, or after it hung.
    /// It is tried again.
    #[error("the policy cannot be made: {0}")]
    NotMade(String),
    /// The policy failed; it is asked again as it is.
    #[error("the policy failed: {0}")]
    Failed(String),
    /// The policy panicked, while it was made, planned, or was dropped; it is made again.
    #[error("the policy panicked: {0}")]
    Panicked(String),
    /// The plan holds NaN or infinity, or has a shape that cannot be executed; no action of it is sent.
    #[error("a plan was withheld: {0}")]
    Withheld(&'static str),
    /// The plan fails its check ([`check`](super::ControllerConfig::check)); no action of it is sent.
    #[error("a plan was refused: {0}")]
    Refused(Violation),
    /// The plan fails its check from an action on; it ends before that.
    #[error("a plan was cut: {0}")]
    Cut(Violation),
    /// The plan failed its check, was refined ([`refine`](crate::check::PlanCheck::refine)), and keeps it now.
    #[error("a plan was refined: {0}")]
    Refined(Violation),
    /// The plan failed its check and could not be refined; that it was refused or cut is told next.
    #[error("a plan could not be refined: {0}")]
    NotRefined(String),
    /// The policy has not returned for the time that the configuration allows
    /// ([`watchdog`](super::ControllerConfig::watchdog)). Its thread was abandoned, and whatever it still returns is
    /// dropped; the policy is made again in a new one.
    #[error("the policy hangs: it has not returned for {0:?}; its thread is abandoned, and the policy made again")]
    Hung(Duration),
    /// An entry of the observation has not come yet or is too old, so that there was no observation of a control step; it is
    /// told again once it was back.
    #[error("{0}")]
    Unobserved(Unobserved),
    /// An entry of an observation is far outside of what the policy was trained on ([`trained`](crate::trained)); it is told again once
    /// it was back. The observation is taken all the same.
    #[error("{0}")]
    FarOutside(FarOutside),
    /// An observer panicked when it was told of a plan or of an event. The plan is used all the same.
    #[error("an observer panicked: {0}")]
    ObserverPanicked(String),
    /// The clock went back. The age of plans cannot be known any more: all of them were dropped, and so were the
    /// observations.
    #[error("the clock went back from {:?} to {:?}: all plans were dropped", .0.from, .0.to)]
    ClockWentBack(ClockStep),
}

impl WorkerEvent {
    /// What happened, in one or two words.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NotMade(_) => "not made",
            Self::Failed(_) => "failed",
            Self::Panicked(_) => "panicked",
            Self::Withheld(_) => "withheld",
            Self::Refused(_) => "refused",
            Self::Cut(_) => "cut",
            Self::Refined(_) => "refined",
            Self::NotRefined(_) => "not refined",
            Self::Hung(_) => "hung",
            Self::Unobserved(_) => "not observed",
            Self::FarOutside(_) => FAR_OUTSIDE,
            Self::ObserverPanicked(_) => "observer panicked",
            Self::ClockWentBack(_) => "clock went back",
        }
    }

    /// Whether a plan that was asked for did not come of it.
    #[must_use]
    pub fn costs_a_plan(&self) -> bool {
        !matches!(
            self,
            Self::Cut(_)
                | Self::Refined(_)
                | Self::NotRefined(_)
                | Self::Unobserved(_)
                | Self::FarOutside(_)
                | Self::ObserverPanicked(_)
                | Self::ClockWentBack(_)
        )
    }
}
