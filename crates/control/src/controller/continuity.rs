//! How a plan relates to the one before it, and the sampling times that this needs.

use std::time::Duration;

use super::{ControllerError, Fade};

/// Plans whose sampling times are remembered.
const REMEMBERED: usize = 40;

/// How a plan relates to the one before it, which is still being executed while the new one is sampled.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Continuity {
    /// Plans are sampled independently of each other.
    #[default]
    Independent,
    /// Real-time chunking (Black et al. 2025, arXiv 2506.07339), by inpainting without a gradient: a plan begins with the
    /// actions that will have been sent when it arrives, and agrees less and less with those that the plan before it had for
    /// later ([`Policy::commit`](crate::Policy::commit)).
    Inpaint {
        /// How firmly the later actions are held.
        fade: Fade,
        /// The share of the last 40 plans, more than 0 and at most 1, that took no longer than the next one is expected to
        /// take; [`Continuity::QUANTILE`] fits most. A plan that takes longer meets actions that it was not told of, and
        /// the command jumps; one that is expected to take longer than it does is held to more of the old plan than need be.
        quantile: f64,
    },
}

impl Continuity {
    /// The quantile of the sampling times if nothing is said: of up to 20 plans the slowest, of 40 the third slowest.
    pub const QUANTILE: f64 = 0.95;

    /// Real-time chunking with a delay that 95 % of the plans keep.
    #[must_use]
    pub const fn inpaint(fade: Fade) -> Self {
        Self::Inpaint { fade, quantile: Self::QUANTILE }
    }

    /// Checks the quantile.
    ///
    /// # Errors
    /// [`ControllerError::Quantile`] if it is not more than 0 and at most 1.
    pub fn validate(self) -> Result<(), ControllerError> {
        match self {
            Self::Inpaint { quantile, .. } if !(quantile > 0.0 && quantile <= 1.0) => {
                Err(ControllerError::Quantile { found: quantile })
            }
            _ => Ok(()),
        }
    }
}

/// Sampling times of recent plans, or what they took beyond the time that they were given.
#[derive(Clone, Debug)]
pub(super) struct Delays {
    last: [Duration; REMEMBERED],
    count: usize,
}

impl Default for Delays {
    fn default() -> Self {
        Self { last: [Duration::ZERO; REMEMBERED], count: 0 }
    }
}

impl Delays {
    pub fn note(&mut self, delay: Duration) {
        self.last[self.count % REMEMBERED] = delay;
        // Beyond this number it only matters where the next one goes.
        self.count = if self.count + 1 == 2 * REMEMBERED { REMEMBERED } else { self.count + 1 };
    }

    /// Number of actions that will have been sent when a plan arrives, by this quantile of the plans so far.
    pub fn periods(&self, period: Duration, quantile: f64) -> usize {
        usize::try_from(self.at(quantile).as_nanos().div_ceil(period.as_nanos())).unwrap_or(usize::MAX)
    }

    /// This quantile (nearest rank) of those so far; none before the first.
    pub fn at(&self, quantile: f64) -> Duration {
        let mut sorted = self.last;
        let known = &mut sorted[..self.count.min(REMEMBERED)];
        known.sort_unstable();
        let rank = (quantile * known.len() as f64).ceil() as usize;
        rank.checked_sub(1).and_then(|index| known.get(index)).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn the_delay_is_the_nearest_rank_of_the_last_forty() {
        let mut delays = Delays::default();
        assert_eq!(delays.periods(MS, 0.5), 0, "nothing is known yet");
        (1..=100).rev().for_each(|ms| delays.note(ms * MS));
        // 40 to 1 ms are left.
        for (quantile, expected) in [(0.001, 1), (0.5, 20), (0.95, 38), (0.951, 39), (1.0, 40)] {
            assert_eq!(delays.periods(MS, quantile), expected, "{quantile}");
        }
        assert_eq!(delays.periods(7 * MS, 0.5), 3, "20 ms have not passed before the third period is over");
    }
}
