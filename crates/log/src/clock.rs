//! Log times of an episode.
//!
//! The loop's clock is the caller's: it has any origin, and it may be set while an episode goes on. Log times are ns since
//! 1970. With `n` the newest log time of the episode, a message of the loop's time `t` gets
//!
//! ```text
//! l = t + offset                 offset = now − t of the episode's first message
//! l = n, offset = n − t          if l < n − 1 s or l > n + 1 h: the clock was set, and the log goes on
//! ```
//!
//! What is not of the loop's own time, a plan that will be ready later say, is kept within an hour of `n`.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

const SECOND: u64 = 1_000_000_000;

/// A clock that goes back by more was set; less is the time that passes between threads.
const BACK: u64 = SECOND;

/// A clock that goes on by more between two messages was set.
const AHEAD: u64 = 3600 * SECOND;

/// From the loop's time to log time. Several threads may use it; none waits, locks or allocates.
#[derive(Debug, Default)]
pub(super) struct EpisodeClock {
    begun: AtomicBool,
    /// Added to the loop's time, ns.
    offset: AtomicI64,
    /// Newest log time of the loop.
    newest: AtomicU64,
}

impl EpisodeClock {
    /// The episode's first message, of the loop's time `time`, is stamped with `now`. `None` if it has begun already.
    pub fn begin(&self, time: u64, now: impl FnOnce() -> u64) -> Option<u64> {
        if self.begun.load(Ordering::Acquire) || self.begun.swap(true, Ordering::AcqRel) {
            return None;
        }
        let now = now();
        self.offset.store(between(time, now), Ordering::Relaxed);
        self.newest.store(now, Ordering::Release);
        Some(now)
    }

    /// Log time of the loop's time `time`. `own`: it is the loop's own, now.
    pub fn log_time(&self, time: u64, own: bool) -> u64 {
        let newest = self.newest.load(Ordering::Acquire);
        let at = signed(time).saturating_add(self.offset.load(Ordering::Relaxed)).max(0).unsigned_abs();
        if !own {
            return at.clamp(newest.saturating_sub(AHEAD), newest.saturating_add(AHEAD));
        }
        if at < newest.saturating_sub(BACK) || at > newest.saturating_add(AHEAD) {
            self.offset.store(between(time, newest), Ordering::Relaxed);
            return newest;
        }
        self.newest.fetch_max(at, Ordering::AcqRel);
        at
    }
}

/// What leads from the loop's time to a log time.
fn between(time: u64, log_time: u64) -> i64 {
    signed(log_time).saturating_sub(signed(time))
}

/// The loop's time ends after 292 years.
fn signed(time: u64) -> i64 {
    i64::try_from(time).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026, in ns since 1970.
    const NOW: u64 = 1_780_000_000 * SECOND;

    /// An episode whose first message is of the loop's time `time`.
    fn begun(time: u64) -> EpisodeClock {
        let clock = EpisodeClock::default();
        assert_eq!(clock.begin(time, || NOW), Some(NOW));
        assert_eq!(clock.begin(time, || 0), None);
        clock
    }

    #[test]
    fn any_origin_gives_the_same_log_times() {
        for origin in [0, 12_345, NOW, 200 * 365 * 86_400 * SECOND] {
            let clock = begun(origin);
            let times = [0, 1, 5].map(|second| clock.log_time(origin + second * SECOND, true));
            assert_eq!(times, [NOW, NOW + SECOND, NOW + 5 * SECOND], "{origin}");
        }
    }

    #[test]
    fn a_clock_that_is_set_goes_on_where_it_was() {
        let clock = begun(10_000 * SECOND);
        assert_eq!(clock.log_time(10_002 * SECOND, true), NOW + 2 * SECOND);
        assert_eq!(clock.log_time(6_402 * SECOND, true), NOW + 2 * SECOND, "an hour back");
        assert_eq!(clock.log_time(6_403 * SECOND, true), NOW + 3 * SECOND);
        assert_eq!(clock.log_time(NOW, true), NOW + 3 * SECOND, "decades ahead");
        assert_eq!(clock.log_time(u64::MAX, true), NOW + 3 * SECOND, "the end of time");
        assert_eq!(clock.log_time(0, true), NOW + 3 * SECOND);
        assert_eq!(clock.log_time(SECOND, true), NOW + 4 * SECOND);
    }

    #[test]
    fn a_plan_is_stamped_with_when_it_is_ready_but_not_years_off() {
        let clock = begun(0);
        assert_eq!(clock.log_time(2 * SECOND, false), NOW + 2 * SECOND);
        assert_eq!(clock.log_time(u64::MAX, false), NOW + AHEAD);
        assert_eq!(clock.log_time(SECOND, true), NOW + SECOND, "the loop goes on as before");
    }
}
