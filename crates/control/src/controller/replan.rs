//! When a controller requests a new plan.

/// When a new plan is requested. Only one is sampled at a time, always for the newest observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replan {
    /// When this many observations have arrived since the one that the last request was for.
    Every(usize),
    /// When fewer than this many intended actions of the newest plan are left.
    Below(usize),
    /// As soon as the last one is done.
    Always,
}

impl Replan {
    /// Whether a plan is due, `since` observations after the last request (if there was one) and with `left` actions
    /// left.
    pub(super) fn is_due(self, since: Option<usize>, left: usize) -> bool {
        match (self, since) {
            (_, None) | (Self::Always, _) => true,
            (Self::Every(observations), Some(since)) => since >= observations,
            (Self::Below(actions), _) => left < actions,
        }
    }
}
