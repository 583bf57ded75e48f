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
    /// The queue of LeRobot's robot client, whose `weighted_average` has a share of 0.7: a new plan meets the actions that
    /// still have to be sent, and each of them becomes (1 − `newest`) of what it was and `newest` of what the plan has for its
    /// time. Plans are used to the end of their horizons; what is too old or beyond the range of the limits is treated as in an
    /// ensemble.
    Queue {
        /// Share of the newest plan, more than 0 and at most 1.
        newest: f64,
    },
}

impl Blend {
    pub(crate) fn validate(self) -> Result<(), PlaybackError> {
        match self {
            Self::Ensemble { decay } if !(decay >= 0.0 && decay.is_finite()) => {
                Err(field("decay", &decay, "finite and not negative"))
            }
            Self::Queue { newest } if !(newest > 0.0 && newest <= 1.0) => {
                Err(field("newest", &newest, "more than 0 and at most 1"))
            }
            _ => Ok(()),
        }
    }

    /// How far a plan is used in a mean.
    fn end(self, plan: &TimedPlan) -> usize {
        if matches!(self, Self::Queue { .. }) { plan.len() } else { plan.intended }
    }
}

impl PlaybackConfig {
    /// Writes the action that `plans` combine to at `now`; the newest plan must intend one for it. Returns the first
    /// value of a plan in a mean that was beyond the limits.
    pub(super) fn mix(&self, plans: &Plans, now: Now, action: &mut [f64]) -> Option<Excess> {
        let index = |plan: &TimedPlan| plan.index(now, self.period);
        if self.blend == Blend::Switch {
            if let Some(newest) = plans.newest() {
                action.copy_from_slice(newest.action(index(newest)));
            }
            return None;
        }
        let (mut total, mut excess) = (0.0, None);
        let counts = |plan: &&TimedPlan| plan.age(now) <= self.max_age && index(plan) < self.blend.end(plan);
        for (age, plan) in plans.oldest_first().filter(counts).enumerate() {
            // The mean so far moves by this share towards the plan: all the way to the oldest.
            let share = match self.blend {
                Blend::Queue { newest } if age > 0 => newest,
                Blend::Ensemble { decay } => {
                    let weight = (-decay * age as f64).exp();
                    total += weight;
                    weight / total
                }
                _ => 1.0,
            };
            for (place, (mean, asked)) in action.iter_mut().zip(plan.action(index(plan))).enumerate() {
                // What is not finite makes the mean so, which is withheld.
                let within = if asked.is_finite() { self.limits.range(place, *asked) } else { *asked };
                *mean = if age == 0 { within } else { *mean + share * (within - *mean) };
                if asked.is_finite() && within != *asked {
                    excess = excess.or(Some(Excess { index: place, asked: *asked, sent: within }));
                }
            }
        }
        excess
    }
}
