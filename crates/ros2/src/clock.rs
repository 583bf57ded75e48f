//! The time of messages: control steps follow the stamps of one topic.
//!
//! A step is due when a period has gone by in that time, whatever clock it is of: a simulator's may run faster or slower than
//! this machine's, or stand still. When that topic falls silent, time goes on by this machine's clock, so that plans grow old
//! and what is safe is sent.

use std::time::{Duration, Instant};

/// Share of a period by which a step may come early, so that messages at the rate of the steps may come unevenly.
const EARLY: u32 = 4;

/// The time of messages.
#[derive(Clone, Debug)]
pub(crate) struct MessageClock {
    period: Duration,
    /// How long the topic may be silent.
    silence: Duration,
    /// The newest stamp, and when it was heard.
    newest: Option<(Duration, Instant)>,
    /// From when on the next step is due, by stamps.
    due: Option<Duration>,
    /// When the last step without a message was.
    alone: Option<Instant>,
}

/// A control step that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Due {
    pub time: Duration,
    /// Whether there was a message for it.
    pub heard: bool,
}

impl MessageClock {
    pub fn new(period: Duration, silence: Duration) -> Self {
        Self { period, silence, newest: None, due: None, alone: None }
    }

    /// A message of the topic, of this stamp.
    pub fn hear(&mut self, stamp: Duration, now: Instant) {
        // Time that went back begins anew: what was due then never comes.
        if self.newest.is_some_and(|(newest, _)| stamp < newest) {
            self.due = None;
        }
        (self.newest, self.alone) = (Some((stamp, now)), None);
    }

    /// The newest stamp; none before the first message.
    pub fn newest(&self) -> Option<Duration> {
        self.newest.map(|(stamp, _)| stamp)
    }

    /// The time; none before the first message.
    pub fn now(&self, now: Instant) -> Option<Duration> {
        self.newest.map(|(stamp, heard)| stamp.saturating_add(now.saturating_duration_since(heard)))
    }

    /// The step that is due, if one is.
    pub fn step(&mut self, now: Instant) -> Option<Due> {
        let (stamp, heard) = self.newest?;
        let early = self.period / EARLY;
        if self.alone.is_none() && self.due.is_none_or(|due| stamp.saturating_add(early) >= due) {
            // By a grid, so that a topic ten times as fast does not make steps early; a late one begins another grid.
            let next = self.due.unwrap_or(stamp).saturating_add(self.period);
            self.due = Some(if next.saturating_add(early) > stamp { next } else { stamp.saturating_add(self.period) });
            return Some(Due { time: stamp, heard: true });
        }
        let is_silent = now.saturating_duration_since(heard) > self.silence;
        let is_due = self.alone.is_none_or(|last| now.saturating_duration_since(last) >= self.period);
        if !(is_silent && is_due) {
            return None;
        }
        self.alone = Some(now);
        self.now(now).map(|time| Due { time, heard: false })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(time: u64) -> Duration {
        Duration::from_millis(time)
    }

    /// The stamps that steps are taken at, of messages in this order.
    fn steps(stamps: &[u64]) -> Vec<u64> {
        let mut clock = MessageClock::new(ms(100), ms(500));
        let now = Instant::now();
        let hear = |stamp: &u64| {
            clock.hear(ms(*stamp), now);
            clock.step(now).map(|due| due.time.as_millis() as u64)
        };
        stamps.iter().filter_map(hear).collect()
    }

    #[test]
    fn steps_keep_their_rate() {
        assert_eq!(
            steps(&[1000, 1104, 1196, 1310, 1400]),
            [1000, 1104, 1196, 1310, 1400],
            "messages at the steps' rate"
        );
        let fast: Vec<u64> = (0..1000).map(|tick| 1000 + 10 * tick).collect();
        assert_eq!(steps(&fast).len(), 101, "messages at ten times the rate, for ten seconds");
        assert_eq!(steps(&[1000, 1500, 1600, 1650]), [1000, 1500, 1600], "messages that stayed away for a while");
        assert_eq!(steps(&[5000, 5050, 10, 110]), [5000, 10, 110], "a clock that goes back");
    }

    #[test]
    fn a_silent_topic_lets_time_go_on() {
        let mut clock = MessageClock::new(ms(100), ms(500));
        let begun = Instant::now();
        assert_eq!(clock.step(begun), None, "nothing was heard yet");
        clock.hear(ms(1000), begun);
        assert_eq!(clock.step(begun), Some(Due { time: ms(1000), heard: true }));
        assert_eq!(clock.step(begun + ms(500)), None);
        assert_eq!(clock.step(begun + ms(501)), Some(Due { time: ms(1501), heard: false }));
        assert_eq!(clock.step(begun + ms(600)), None);
        assert_eq!(clock.step(begun + ms(601)), Some(Due { time: ms(1601), heard: false }));
        clock.hear(ms(1100), begun + ms(700));
        assert_eq!(clock.step(begun + ms(700)), Some(Due { time: ms(1100), heard: true }));
    }
}
