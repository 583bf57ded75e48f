//! A mean, how far it may be off, and whether it is beyond a margin.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Fewer values have no interval that means anything.
const ENOUGH: usize = 5;

/// A 95 % confidence interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// Lower bound.
    pub low: f64,
    /// Upper bound.
    pub high: f64,
}

/// A mean of several values.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Estimate {
    /// The mean.
    pub mean: f64,
    /// Its 95 % bootstrap interval; none where the values are too few, or all the same.
    pub interval: Option<Interval>,
    /// Values.
    pub count: usize,
}

/// What an estimate says of a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The whole interval is on the good side: not worse than the reference, beyond chance.
    Like,
    /// The interval holds the limit, or there is none: not shown to be worse.
    Unclear,
    /// The whole interval is beyond it: worse, beyond chance.
    Worse,
}

impl Estimate {
    /// Whether it is at most `limit`.
    #[must_use]
    pub fn not_above(&self, limit: f64) -> Verdict {
        match self.bounds() {
            Some(Interval { high, .. }) if high <= limit => Verdict::Like,
            Some(Interval { low, .. }) if low > limit => Verdict::Worse,
            _ => Verdict::Unclear,
        }
    }

    /// Whether it is at least `limit`.
    #[must_use]
    pub fn not_below(&self, limit: f64) -> Verdict {
        match self.bounds() {
            Some(Interval { low, .. }) if low >= limit => Verdict::Like,
            Some(Interval { high, .. }) if high < limit => Verdict::Worse,
            _ => Verdict::Unclear,
        }
    }

    /// The interval; of enough values that are all the same, the value.
    fn bounds(&self) -> Option<Interval> {
        self.interval.or((self.count >= ENOUGH).then_some(Interval { low: self.mean, high: self.mean }))
    }

    /// Whether all of its numbers are finite.
    pub(super) fn is_finite(&self) -> bool {
        let ends = self.interval.map_or([self.mean; 2], |interval| [interval.low, interval.high]);
        ends.iter().chain([&self.mean]).all(|number| number.is_finite())
    }
}

/// With its sign and three digits: `+0.012 (-0.004 to +0.031)`.
impl fmt::Display for Estimate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:+.3}", self.mean)?;
        self.interval.map_or(Ok(()), |Interval { low, high }| write!(f, " ({low:+.3} to {high:+.3})"))
    }
}
