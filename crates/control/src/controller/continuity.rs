use std::time::Duration;

/// Plans whose sampling times are remembered.
const REMEMBERED: usize = 10;

/// How a plan goes with the one before it, which is still being executed while it is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Continuity {
    /// It does not know of it.
    #[default]
    Independent,
    /// It begins with the actions that will have been sent by the time it is there, if it takes as long as the slowest of
    /// the last ten: [`Policy::commit`](crate::Policy::commit). Real-time chunking (Black et al. 2025, arXiv 2506.07339),
    /// by inpainting without a gradient.
    Inpaint,
}

/// How long plans have taken of late.
#[derive(Clone, Debug, Default)]
pub(super) struct Delays {
    last: [Duration; REMEMBERED],
    count: usize,
}

impl Delays {
    pub fn note(&mut self, delay: Duration) {
        self.last[self.count % REMEMBERED] = delay;
        self.count += 1;
    }

    /// Actions that will have been sent by the time a plan is there.
    pub fn periods(&self, period: Duration) -> usize {
        let slowest = self.last.iter().max().copied().unwrap_or_default();
        usize::try_from(slowest.as_nanos().div_ceil(period.as_nanos())).unwrap_or(usize::MAX)
    }
}
