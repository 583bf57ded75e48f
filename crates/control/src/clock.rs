//! The time of a control loop.

mod priority;

use std::time::{Duration, Instant};

pub use priority::RealtimeSupport;

/// Time since the episode began.
pub trait Clock {
    /// Starts the clock at zero.
    fn start(&mut self);

    /// Waits until `deadline`; returns at once if it has passed.
    fn wait_until(&mut self, deadline: Duration);

    /// The current time.
    fn now(&self) -> Duration;

    /// Whether time passes while the loop computes, so that a loop can be late.
    fn passes(&self) -> bool;
}

/// Real time, from the system's monotonic clock.
#[derive(Clone, Copy, Debug)]
pub struct WallClock(Instant);

impl Default for WallClock {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock for WallClock {
    fn start(&mut self) {
        self.0 = Instant::now();
    }

    fn wait_until(&mut self, deadline: Duration) {
        // Deadlines are absolute, so the overrun of one sleep does not delay the next.
        std::thread::sleep(deadline.saturating_sub(self.now()));
    }

    fn now(&self) -> Duration {
        self.0.elapsed()
    }

    fn passes(&self) -> bool {
        true
    }
}

/// Simulated time that advances only while the loop waits: computation takes no time.
#[derive(Clone, Copy, Debug, Default)]
pub struct VirtualClock(Duration);

impl Clock for VirtualClock {
    fn start(&mut self) {
        self.0 = Duration::ZERO;
    }

    fn wait_until(&mut self, deadline: Duration) {
        self.0 = self.0.max(deadline);
    }

    fn now(&self) -> Duration {
        self.0
    }

    fn passes(&self) -> bool {
        false
    }
}
