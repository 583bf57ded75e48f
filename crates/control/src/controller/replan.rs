/// When a new plan is asked for. Only one is worked on at a time, always for the newest observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replan {
    /// When so many observations have come since the one that was asked about last.
    Every(usize),
    /// When fewer actions than this are left of those that the newest plan intends.
    Below(usize),
    /// As soon as the last one is done.
    Always,
}

impl Replan {
    /// Whether a plan is due: `since` observations after the last one asked about, if any was, and with `left` actions
    /// left.
    pub(super) fn is_due(self, since: Option<usize>, left: usize) -> bool {
        match (self, since) {
            (_, None) | (Self::Always, _) => true,
            (Self::Every(observations), Some(since)) => since >= observations,
            (Self::Below(actions), _) => left < actions,
        }
    }
}
