//! How overlapping plans are combined into one action.

use std::time::Duration;

use super::PlaybackError;
use super::config::field;
use super::plans::Plans;

/// How a new plan takes over from the old one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Blend {
    /// The newest plan alone, from now on.
    Switch,
    /// Temporal ensembling (Zhao et al. 2023, arXiv 2304.13705, algorithm 2): the mean of the actions of all plans for
    /// the current time, the i-th oldest with weight exp(−`decay` · i). With a decay over 0 older plans weigh more.
    Ensemble {
        /// From one plan to the next, at least 0.
        decay: f64,
    },
}

impl Blend {
    pub(crate) fn validate(self) -> Result<(), PlaybackError> {
        match self {
            Self::Ensemble { decay } if !(decay >= 0.0 && decay.is_finite()) => {
                Err(field("decay", &decay, "finite and not negative"))
            }
            _ => Ok(()),
        }
    }

    /// Writes the action that `plans` combine to at `now`; the newest plan must have an action for it.
    pub(super) fn mix(self, plans: &Plans, now: Duration, period: Duration, action: &mut [f64]) {
        let Self::Ensemble { decay } = self else {
            if let Some(newest) = plans.newest() {
                action.copy_from_slice(newest.action(newest.index(now, period)));
            }
            return;
        };
        action.fill(0.0);
        let mut total = 0.0;
        let covering = plans.oldest_first().filter(|plan| plan.index(now, period) < plan.len());
        for (age, plan) in covering.enumerate() {
            let weight = (-decay * age as f64).exp();
            total += weight;
            action.iter_mut().zip(plan.action(plan.index(now, period))).for_each(|(sum, value)| *sum += weight * value);
        }
        action.iter_mut().for_each(|sum| *sum /= total);
    }
}
