//! Predicts the commands that will be sent if no new plan arrives.

use std::time::Duration;

use super::timeline::Now;
use super::{Late, Playback};

impl Playback {
    /// Writes what will be sent from `now` on, a command a period, if no other plan comes: one action after the other, as
    /// far as the newest plan reaches, is not too old, and `actions` has room; returns how many. Limits are kept, and
    /// nothing is sent. The first of them is the action that a plan for an observation of `now` begins with.
    pub fn foresee(&self, now: Duration, actions: &mut [f64]) -> usize {
        let Self { config, plans, timeline, last, .. } = self;
        let Some(newest) = plans.newest() else { return 0 };
        let now = timeline.at(now);
        let first = newest.index(now, config.period);
        let reach = if config.late == Late::Finish { newest.len() } else { newest.intended };
        let len = reach.saturating_sub(first).min(actions.len() / last.len());
        let mut then = now;
        for row in 0..len {
            if newest.age(then) > config.max_age {
                return row;
            }
            let (before, rest) = actions.split_at_mut(row * last.len());
            let action = &mut rest[..last.len()];
            if first + row < newest.intended {
                config.mix(plans, then, action);
            } else {
                action.copy_from_slice(newest.action(first + row));
            }
            let before = if row == 0 { last } else { &before[before.len() - last.len()..] };
            config.limits.keep(action, before);
            then = Now {
                time: then.time.saturating_add(config.period),
                executed: then.executed + config.period.as_nanos(),
            };
        }
        len
    }
}
