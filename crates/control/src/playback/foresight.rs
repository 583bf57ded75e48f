//! Predicts the commands that will be sent if no new plan arrives.

use std::time::Duration;

use super::{Late, Playback};

impl Playback {
    /// Writes what will be sent from `now` on if no other plan comes, one action after the other, as far as the newest
    /// plan reaches and `actions` has room; returns how many. Limits are kept, and nothing is sent.
    pub fn foresee(&self, now: Duration, actions: &mut [f64]) -> usize {
        let Self { config, plans, last, .. } = self;
        let Some(newest) = plans.newest() else { return 0 };
        let first = newest.index(now, config.period);
        let reach = if config.late == Late::Finish { newest.len() } else { newest.intended };
        let len = reach.saturating_sub(first).min(actions.len() / last.len());
        let mut time = now;
        for row in 0..len {
            let (before, rest) = actions.split_at_mut(row * last.len());
            let action = &mut rest[..last.len()];
            if first + row < newest.intended {
                config.blend.mix(plans, time, config.period, action);
            } else {
                action.copy_from_slice(newest.action(first + row));
            }
            let before = if row == 0 { last } else { &before[before.len() - last.len()..] };
            config.limits.keep(action, before);
            time += config.period;
        }
        len
    }
}
