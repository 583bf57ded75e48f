//! How commands are made between the actions of a plan, for a robot that takes more of them than a policy plans.

use std::time::Duration;

use super::config::{field, finite, length};
use super::{Limits, Part, PlaybackError};

/// What is sent between the times of two actions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Interpolation {
    /// The nearest action, so that commands step from one to the next.
    #[default]
    Hold,
    /// The straight line between the two.
    Linear,
    /// A cubic that keeps the velocity from one action to the next, and never leaves the range between the two (Fritsch and
    /// Butland 1984).
    Cubic,
}

/// How commands are made between the actions of a plan.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Between {
    /// What lies between two actions of a plan.
    pub interpolation: Interpolation,
    /// Numbers of an action that no line leads between, in their order: grippers are held, and between two rotations lies a
    /// rotation, on the shortest way at an even speed.
    pub parts: Vec<Part>,
    /// Limits on how a command may follow the ones before it, kept by a trajectory generator; none: commands jump as plans do.
    pub motion: Option<MotionLimits>,
}

/// Limits on velocity, acceleration and jerk of the commands, each number by itself. They hold whatever the policy, the network
/// and the clock do: the generator counts commands, not time, a cycle from each to the next. In raw units and seconds.
#[derive(Clone, Debug, PartialEq)]
pub struct MotionLimits {
    /// Time from one command to the next, at most a period.
    pub cycle: Duration,
    /// Largest velocity of each number of an action, more than 0.
    pub velocity: Vec<f64>,
    /// Largest acceleration.
    pub acceleration: Vec<f64>,
    /// Largest jerk.
    pub jerk: Vec<f64>,
}

impl Between {
    pub(super) fn validate(&self, period: Duration, limits: &Limits, action_dim: usize) -> Result<(), PlaybackError> {
        Part::validate(&self.parts, action_dim, limits, self.motion.as_ref())?;
        let Some(MotionLimits { cycle, velocity, acceleration, jerk }) = &self.motion else { return Ok(()) };
        if cycle.is_zero() || *cycle > period {
            return Err(field("cycle", &format!("{cycle:?}"), "more than 0, and at most a period"));
        }
        for (name, values) in [("velocity", velocity), ("acceleration", acceleration), ("jerk", jerk)] {
            length(name, values, action_dim)?;
            finite(name, values)?;
            if let Some(value) = values.iter().find(|value| **value <= 0.0) {
                return Err(field(name, value, "more than 0"));
            }
        }
        match limits.max_change.first() {
            Some(change) => Err(field("max_change", change, "left out where the velocity is limited")),
            None => Ok(()),
        }
    }
}

impl Between {
    /// Whether a number of an action is a position.
    pub(super) fn is_position(&self, number: usize) -> bool {
        !self.parts.iter().any(|part| part.numbers.contains(&number))
    }
}

/// A place between two actions of a plan.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    /// The action before it.
    pub index: usize,
    /// The share of the way to the next, from 0 to less than 1.
    pub share: f64,
}

impl Interpolation {
    /// The value at a place among `values`, of which there is at least one, and how it changes from one action to the next; beyond
    /// the last it is at rest.
    pub(super) fn at(self, place: Place, len: usize, value: impl Fn(usize) -> f64) -> (f64, f64) {
        let Place { index, share } = place;
        if index + 1 >= len {
            return (value(len - 1), 0.0);
        }
        let (from, to) = (value(index), value(index + 1));
        match self {
            Self::Hold => (if share < 0.5 { from } else { to }, 0.0),
            Self::Linear => (from + share * (to - from), to - from),
            Self::Cubic => {
                let before = index.checked_sub(1).map(|index| from - value(index));
                let after = (index + 2 < len).then(|| value(index + 2) - to);
                cubic(from, to, [slope(before, Some(to - from)), slope(Some(to - from), after)], share)
            }
        }
    }
}

/// The slope where two differences meet: their harmonic mean where both go the same way, else 0; at an end the one there is.
fn slope(before: Option<f64>, after: Option<f64>) -> f64 {
    match (before, after) {
        (Some(before), Some(after)) if before * after > 0.0 => 2.0 * before / (before + after) * after,
        (Some(_), Some(_)) => 0.0,
        (one, other) => one.or(other).unwrap_or_default(),
    }
}

/// Hermite's cubic between two values with these slopes, and its derivative.
fn cubic(from: f64, to: f64, [m0, m1]: [f64; 2], s: f64) -> (f64, f64) {
    let r = 1.0 - s;
    let value = from * (1.0 + 2.0 * s) * r * r + to * s * s * (3.0 - 2.0 * s) + s * r * (m0 * r - m1 * s);
    let slope = 6.0 * s * r * (to - from) + m0 * r * (1.0 - 3.0 * s) + m1 * s * (3.0 * s - 2.0);
    // By rounding alone it could lie outside; what is no number stays none.
    let within = if value.is_finite() { value.max(from.min(to)).min(from.max(to)) } else { value };
    (within, slope)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(interpolation: Interpolation, values: &[f64], t: f64) -> (f64, f64) {
        let place = Place { index: t as usize, share: t.fract() };
        interpolation.at(place, values.len(), |index| values[index])
    }

    /// Values of `scipy.interpolate.PchipInterpolator(range(5), [0, 1, 4, 4.5, 2])` (`scipy` 1.17) away from its ends, where it has
    /// three-point slopes, and their derivatives.
    #[test]
    fn the_cubic_is_pchip() {
        let values = [0.0, 1.0, 4.0, 4.5, 2.0];
        for (t, value, slope) in PCHIP {
            let (found, by_action) = at(Interpolation::Cubic, &values, t);
            assert!((found - value).abs() < 1e-12 && (by_action - slope).abs() < 1e-12, "{t}: {found}, {by_action}");
        }
    }

    const PCHIP: [(f64, f64, f64); 4] = [
        (1.25, 1.639_508_928_571_428_6, 3.388_392_857_142_857),
        (1.5, 2.580_357_142_857_143, 3.910_714_285_714_285),
        (2.25, 4.198_660_714_285_714, 0.723_214_285_714_285_7),
        (2.75, 4.462_053_571_428_571, 0.294_642_857_142_857_15),
    ];

    proptest! {
        #[test]
        fn what_lies_between_is_between(values in prop::collection::vec(-5.0..5.0_f64, 1..8), t in 0.0..9.0_f64) {
            let least = values.iter().copied().fold(f64::INFINITY, f64::min);
            let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            for interpolation in [Interpolation::Hold, Interpolation::Linear, Interpolation::Cubic] {
                let (value, slope) = at(interpolation, &values, t);
                prop_assert!(least <= value && value <= most && slope.is_finite());
                let index = (t as usize).min(values.len() - 1);
                prop_assert_eq!(at(interpolation, &values, index as f64).0, values[index]);
            }
        }

        /// The slope is that of the value, by central differences.
        #[test]
        fn slopes_are_slopes(values in prop::collection::vec(-5.0..5.0_f64, 2..8), t in 0.0..1.0_f64) {
            let t = t * (values.len() - 1) as f64;
            prop_assume!(t.fract() > 1e-3 && t.fract() < 0.999);
            for interpolation in [Interpolation::Linear, Interpolation::Cubic] {
                let h = 1e-6;
                let difference = (at(interpolation, &values, t + h).0 - at(interpolation, &values, t - h).0) / (2.0 * h);
                prop_assert!((difference - at(interpolation, &values, t).1).abs() < 1e-4);
            }
        }
    }
}
