//! Numbers of an action that are no positions: grippers and rotations.

use std::ops::Range;

use parapolicy_policy::{Kind, Manifest};

use super::between::{Interpolation, MotionLimits, Place};
use super::config::field;
use super::rotation::Rotation;
use super::{Limits, PlaybackError};

/// Numbers of an action that no line leads between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is called where it does not fit.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// The numbers of an action that are its own.
    pub numbers: Range<usize>,
}

impl Part {
    /// The parts of a policy's actions that are not positions.
    #[must_use]
    pub fn of(manifest: &Manifest) -> Vec<Self> {
        let parts = manifest.action_parts().filter(|(entry, _)| entry.kind != Kind::Position);
        parts.map(|(entry, numbers)| Self { name: entry.name.clone(), kind: entry.kind, numbers }).collect()
    }

    /// Checks parts against each other and against what is kept number by number.
    pub(super) fn validate(
        parts: &[Self],
        action_dim: usize,
        limits: &Limits,
        motion: Option<&MotionLimits>,
    ) -> Result<(), PlaybackError> {
        let mut free = 0;
        for part in parts {
            let Range { start, end } = part.numbers;
            let fits = start >= free && start < end && end <= action_dim;
            if !fits || part.kind.size().is_some_and(|size| size != end - start) {
                return Err(field(
                    "parts",
                    &part.told(),
                    "numbers of an action, as many as it needs, and after those before",
                ));
            }
            free = end;
            if part.kind.is_rotation() {
                part.refuse(limits, motion)?;
            }
        }
        Ok(())
    }

    /// A limit on one number of a rotation would make it none.
    fn refuse(&self, limits: &Limits, motion: Option<&MotionLimits>) -> Result<(), PlaybackError> {
        let over = |values: &[f64], binds: fn(f64) -> bool| {
            values.get(self.numbers.clone()).into_iter().flatten().any(|value| binds(*value))
        };
        if motion.is_some() {
            let expected = "left out where an action has rotations, which are not kept within limits number by number";
            return Err(field("velocity", &format!("given, and there is {}", self.told()), expected));
        }
        let bound = [
            ("min", over(&limits.min, |min| min > -1.0), "at most -1 there: a rotation is not kept within it"),
            ("max", over(&limits.max, |max| max < 1.0), "at least 1 there: a rotation is not kept within it"),
            (
                "max_change",
                over(&limits.max_change, |most| most < 2.0),
                "at least 2 there: a rotation is not kept within it",
            ),
        ];
        match bound.into_iter().find(|(_, binds, _)| *binds) {
            Some((name, _, expected)) => Err(field(name, &format!("narrower than {}", self.told()), expected)),
            None => Ok(()),
        }
    }

    /// `pose (quaternion, numbers 3 to 6)`.
    fn told(&self) -> String {
        let Self { name, kind, numbers: Range { start, end } } = self;
        format!("{name} ({kind}, numbers {start} to {})", end.saturating_sub(1))
    }

    /// Writes what lies at a place among the first `len` actions in its numbers of `action`; of a mean so far, `share` is the
    /// share of the way to it.
    pub(super) fn write<'a>(
        &self,
        interpolation: Interpolation,
        place: Place,
        len: usize,
        value: impl Fn(usize) -> &'a [f64],
        share: f64,
        action: &mut [f64],
    ) {
        let numbers = |index: usize| &value(index.min(len - 1))[self.numbers.clone()];
        let nearest = if place.share < 0.5 { place.index } else { place.index.saturating_add(1) };
        let action = &mut action[self.numbers.clone()];
        let Some(rotation) = Rotation::of(self.kind, numbers(place.index)) else {
            // The newest plan's: a mean of open and closed is neither.
            action.copy_from_slice(numbers(nearest));
            return;
        };
        let asked = match interpolation {
            // What comes next may be none.
            _ if place.share == 0.0 => Some(rotation),
            Interpolation::Hold => Rotation::of(self.kind, numbers(nearest)),
            _ => Rotation::of(self.kind, numbers(place.index.saturating_add(1)))
                .map(|next| rotation.towards(next, place.share)),
        };
        let mean = if share < 1.0 { Rotation::of(self.kind, action) } else { None };
        if let Some(asked) = asked {
            mean.map_or(asked, |mean| mean.towards(asked, share)).write(self.kind, action);
        }
    }

    /// Makes of numbers that went on from `last` one by one what they are: a gripper stays as it was, and a rotation is one.
    pub(super) fn go_on(&self, last: &[f64], action: &mut [f64]) {
        let action = &mut action[self.numbers.clone()];
        if self.kind == Kind::Gripper {
            action.copy_from_slice(&last[self.numbers.clone()]);
        }
        self.kind.project(action);
    }

    /// Of a quaternion's two signs takes that which is nearer to the last command.
    pub(super) fn align(&self, last: &[f64], action: &mut [f64]) {
        let (last, action) = (&last[self.numbers.clone()], &mut action[self.numbers.clone()]);
        if self.kind == Kind::Quaternion && last.iter().zip(&*action).map(|(last, now)| last * now).sum::<f64>() < 0.0 {
            action.iter_mut().for_each(|number| *number = -*number);
        }
    }
}
