//! How overlapping plans are combined into one action.

use super::config::field;
use super::plans::{Plans, TimedPlan};
use super::timeline::Now;
use super::{Excess, Late, PlaybackConfig, PlaybackError};

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
    /// Writes the action that `plans` combine to at `now`, and where it is asked for how it changes from one action to the next;
    /// the newest plan must intend one for it. Returns the first value of a plan in a mean that was beyond the limits.
    pub(super) fn mix(
        &self,
        plans: &Plans,
        now: Now,
        action: &mut [f64],
        mut slope: Option<&mut [f64]>,
    ) -> Option<Excess> {
        if self.blend == Blend::Switch {
            if let Some(newest) = plans.newest() {
                self.write(newest, self.reach(newest), now, action, slope);
            }
            return None;
        }
        let (mut total, mut excess) = (0.0, None);
        let index = |plan: &TimedPlan| plan.index(now, self.period);
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
            let (place, end) = (plan.place(now, self.period), self.blend.end(plan));
            let towards = |mean: f64, value: f64| if age == 0 { value } else { mean + share * (value - mean) };
            for (number, mean) in action.iter_mut().enumerate().filter(|(number, _)| self.between.is_position(*number))
            {
                let (asked, change) = self.between.interpolation.at(place, end, |index| plan.action(index)[number]);
                // What is not finite makes the mean so, which is withheld.
                let within = if asked.is_finite() { self.limits.range(number, asked) } else { asked };
                *mean = towards(*mean, within);
                if let Some(slope) = &mut slope {
                    slope[number] = towards(slope[number], change);
                }
                if asked.is_finite() && within != asked {
                    excess = excess.or(Some(Excess { index: number, asked, sent: within }));
                }
            }
            for part in &self.between.parts {
                part.write(self.between.interpolation, place, end, |index| plan.action(index), share, action);
            }
        }
        excess
    }

    /// How far a plan is followed: while it is not the end of its horizon that is played, to its last intended action.
    pub(super) fn reach(&self, plan: &TimedPlan) -> usize {
        if self.late == Late::Finish { plan.len() } else { plan.intended }
    }

    /// Writes what lies between two of the first `end` actions of a plan at `now`, and how it changes from one to the next.
    pub(super) fn write(
        &self,
        plan: &TimedPlan,
        end: usize,
        now: Now,
        action: &mut [f64],
        mut slope: Option<&mut [f64]>,
    ) {
        let place = plan.place(now, self.period);
        for (number, action) in action.iter_mut().enumerate().filter(|(number, _)| self.between.is_position(*number)) {
            let (value, change) = self.between.interpolation.at(place, end, |index| plan.action(index)[number]);
            *action = value;
            if let Some(slope) = &mut slope {
                slope[number] = change;
            }
        }
        for part in &self.between.parts {
            part.write(self.between.interpolation, place, end, |index| plan.action(index), 1.0, action);
        }
    }
}
