//! Predicts the commands that will be sent if no new plan arrives.

use std::time::Duration;

use super::timeline::Now;
use super::{Late, Playback};

/// How far the newest plan reaches from a moment on, in actions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Foreseen {
    /// Those that will be sent, one after the other, if no other plan comes.
    pub sent: usize,
    /// Those that the plan has, whether they would be sent or not; no fewer.
    pub reach: usize,
}

impl Playback {
    /// Writes what will be sent from `now` on, a command a period, if no other plan comes; and then what the newest plan has
    /// left that would not be sent ([`Late`]): one action after the other, as far as `actions` has room and the plan is not
    /// too old. Limits are kept, and nothing is sent. The first of them is the action that a plan for an observation of
    /// `now` begins with.
    pub fn foresee(&self, now: Duration, actions: &mut [f64]) -> Foreseen {
        let Self { config, plans, timeline, last, .. } = self;
        let Some(newest) = plans.newest() else { return Foreseen::default() };
        let now = timeline.at(now);
        let first = newest.index(now, config.period);
        let left = |end: usize| end.saturating_sub(first);
        let sent = left(if config.late == Late::Finish { newest.len() } else { newest.intended });
        let reach = left(newest.len()).min(actions.len() / last.len());
        let mut then = now;
        for row in 0..reach {
            if newest.age(then) > config.max_age {
                return Foreseen { sent: sent.min(row), reach: row };
            }
            let (before, rest) = actions.split_at_mut(row * last.len());
            let action = &mut rest[..last.len()];
            if first + row < newest.intended {
                config.mix(plans, then, action, None);
            } else {
                config.write(newest, newest.len(), then, action, None);
            }
            let before = if row == 0 { last } else { &before[before.len() - last.len()..] };
            config.limits.keep(action, before);
            then = Now {
                time: then.time.saturating_add(config.period),
                executed: then.executed + config.period.as_nanos(),
            };
        }
        Foreseen { sent: sent.min(reach), reach }
    }
}
