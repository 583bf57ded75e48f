//! How a plan relates to the one before it, and the sampling times that this needs.

use std::time::Duration;

/// Plans whose sampling times are remembered.
const REMEMBERED: usize = 10;

/// How a plan relates to the one before it, which is still being executed while the new one is sampled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Continuity {
    /// Plans are sampled independently of each other.
    #[default]
    Independent,
    /// A plan begins with the actions that will have been sent when it arrives, assuming that it takes as long as the
    /// slowest of the last ten plans: [`Policy::commit`](crate::Policy::commit). Real-time chunking (Black et al. 2025,
    /// arXiv 2506.07339), by inpainting without a gradient.
    Inpaint,
}

/// Sampling times of recent plans.
#[derive(Clone, Debug, Default)]
pub(super) struct Delays {
    last: [Duration; REMEMBERED],
    count: usize,
}

impl Delays {
    pub fn note(&mut self, delay: Duration) {
        self.last[self.count % REMEMBERED] = delay;
        self.count = self.count.wrapping_add(1);
    }

    /// Number of actions that will have been sent when a plan arrives.
    pub fn periods(&self, period: Duration) -> usize {
        let slowest = self.last.iter().max().copied().unwrap_or_default();
        usize::try_from(slowest.as_nanos().div_ceil(period.as_nanos())).unwrap_or(usize::MAX)
    }
}
