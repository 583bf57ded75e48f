//! What is sent after the newest plan is used up.

use std::time::Duration;

use super::config::field;
use super::plans::TimedPlan;
use super::timeline::Now;
use super::{PlaybackConfig, PlaybackError, Source};

/// What is sent when every action that a plan intends has been sent, and no new plan is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Late {
    /// The rest of the plan's horizon, then the last action again.
    Finish,
    /// The safe action at once, or the last action again if there is none.
    Hold,
    /// The motion of the last two commands goes on, slower from period to period, and comes to rest.
    Decelerate {
        /// Time until it rests, more than 0.
        within: Duration,
    },
}

impl Late {
    pub(crate) fn validate(self) -> Result<(), PlaybackError> {
        match self {
            Self::Decelerate { within } if within.is_zero() => Err(field("within", &"0", "more than 0")),
            _ => Ok(()),
        }
    }
}

/// State of the commands after plans were used up.
#[derive(Clone, Debug)]
pub(super) struct Ending {
    /// Change from the last command but one to the last, while plans were followed.
    velocity: Vec<f64>,
    /// Periods since the plans were used up.
    periods: u32,
}

impl Ending {
    pub fn new(action_dim: usize) -> Self {
        Self { velocity: vec![0.0; action_dim], periods: 0 }
    }

    pub fn begin_again(&mut self) {
        self.periods = 0;
        self.velocity.fill(0.0);
    }

    /// Records the command that was sent after `last`.
    pub fn note(&mut self, source: Source, last: &[f64], sent: &[f64]) {
        if source == Source::Late {
            self.periods = self.periods.saturating_add(1);
            return;
        }
        self.periods = 0;
        self.velocity.iter_mut().zip(last).zip(sent).for_each(|((velocity, last), sent)| *velocity = sent - last);
    }

    /// Writes the command that follows the intended actions of `newest`.
    pub fn go_on(
        &self,
        config: &PlaybackConfig,
        newest: &TimedPlan,
        now: Now,
        last: &[f64],
        action: &mut [f64],
        slope: &mut [f64],
    ) {
        match config.late {
            Late::Finish if newest.index(now, config.period) < newest.len() => {
                config.write(newest, newest.len(), now, action, Some(slope));
            }
            Late::Finish => action.copy_from_slice(last),
            Late::Hold => {
                config.safe(last, action);
            }
            Late::Decelerate { within } => {
                let elapsed = config.cycle().as_secs_f64() * (f64::from(self.periods) + 1.0);
                let share = (1.0 - elapsed / within.as_secs_f64()).max(0.0);
                let moving = last.iter().zip(&self.velocity);
                action.iter_mut().zip(moving).for_each(|(action, (last, velocity))| *action = last + share * velocity);
                config.between.parts.iter().for_each(|part| part.go_on(last, action));
            }
        }
    }
}
