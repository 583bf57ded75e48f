//! How overlapping plans are combined into one action.

use super::config::field;
use super::plans::{Plans, TimedPlan};
use super::timeline::Now;
use super::{Excess, PlaybackConfig, PlaybackError};

/// How a new plan takes over from the old one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Blend {
    /// The newest plan alone, from now on.
    Switch,
    /// Temporal ensembling (Zhao et al. 2023, arXiv 2304.13705, algorithm 2): the mean of the actions that all plans
    /// intend for the current time, the i-th oldest with weight exp(−`decay` · i). With a decay over 0 older plans weigh
    /// more. What holds for a command holds for every plan in the mean: none is older than
    /// [`max_age`](PlaybackConfig::max_age), none is used beyond its intended actions, and an action beyond the range of
    /// the limits counts as the closest one within.
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
}

impl PlaybackConfig {
    /// Writes the action that `plans` combine to at `now`; the newest plan must intend one for it. Returns the first
    /// value of a plan in a mean that was beyond the limits.
    pub(super) fn mix(&self, plans: &Plans, now: Now, action: &mut [f64]) -> Option<Excess> {
        let index = |plan: &TimedPlan| plan.index(now, self.period);
        let Blend::Ensemble { decay } = self.blend else {
            if let Some(newest) = plans.newest() {
                action.copy_from_slice(newest.action(index(newest)));
            }
            return None;
        };
        action.fill(0.0);
        let (mut total, mut excess) = (0.0, None);
        let counts = |plan: &&TimedPlan| plan.age(now) <= self.max_age && index(plan) < plan.intended;
        for (age, plan) in plans.oldest_first().filter(counts).enumerate() {
            let weight = (-decay * age as f64).exp();
            total += weight;
            for (place, (sum, asked)) in action.iter_mut().zip(plan.action(index(plan))).enumerate() {
                // What is not finite makes the mean so, which is withheld.
                let within = if asked.is_finite() { self.limits.range(place, *asked) } else { *asked };
                *sum += weight * within;
                if asked.is_finite() && within != *asked {
                    excess = excess.or(Some(Excess { index: place, asked: *asked, sent: within }));
                }
            }
        }
        action.iter_mut().for_each(|sum| *sum /= total);
        excess
    }
}
