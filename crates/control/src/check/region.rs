//! Where plans may not lead.

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2, s};

use super::penalty::margin;
use super::{Rule, Violation};
use crate::playback::{PlaybackError, field};

/// A disc, or a ball in as many dimensions as its centre has, that the straight ways from action to action stay out of; the first
/// is that from the robot's present state. For actions that are positions.
#[derive(Clone, Debug, PartialEq)]
pub struct Region {
    /// The number of an action that the centre's first number is compared with; the others follow.
    pub first: usize,
    /// Its centre, in raw units.
    pub centre: Vec<f64>,
    /// Its radius, more than 0.
    pub radius: f64,
}

impl Region {
    pub(super) fn validate(&self, action_dim: usize) -> Result<(), PlaybackError> {
        let Self { first, centre, radius } = self;
        if centre.is_empty() || first.checked_add(centre.len()).is_none_or(|end| end > action_dim) {
            let found = format!("{} numbers from {first} on", centre.len());
            return Err(field("region's centre", &found, "numbers that an action has"));
        }
        if let Some(value) = centre.iter().find(|value| !value.is_finite()) {
            return Err(field("region's centre", value, "finite"));
        }
        if !(*radius > 0.0 && radius.is_finite()) {
            return Err(field("region's radius", radius, "more than 0 and finite"));
        }
        Ok(())
    }

    /// The first way that comes too near.
    pub(super) fn find(
        &self,
        index: usize,
        plan: ArrayView2<'_, f64>,
        present: ArrayView1<'_, f64>,
    ) -> Option<Violation> {
        let mut from = present;
        plan.rows().into_iter().enumerate().find_map(|(step, to)| {
            let distance = self.distance(std::mem::replace(&mut from, to), to);
            let entry = format!("region {index}");
            let violation = Violation { step, entry, rule: Rule::Region, value: distance, limit: self.radius };
            (distance.is_nan() || distance < self.radius).then_some(violation)
        })
    }

    /// As [`PlanCheck::add_gradient`](super::PlanCheck::add_gradient). A way through the very centre is drawn nowhere.
    pub(super) fn add_gradient(
        &self,
        plan: ArrayView2<'_, f64>,
        present: ArrayView1<'_, f64>,
        scale: ArrayView1<'_, f64>,
        mut gradient: ArrayViewMut2<'_, f64>,
    ) -> f64 {
        let scale = scale.slice(s![self.first..self.first + self.centre.len()]);
        let length = scale.mean().unwrap_or(1.0);
        let (mut from, mut cost) = (present, 0.0);
        for (step, to) in plan.rows().into_iter().enumerate() {
            let before = std::mem::replace(&mut from, to);
            let (share, distance) = self.nearest(before, to);
            let excess = (self.radius - distance) / length + margin(self.radius / length);
            if !(excess > 0.0 && distance > 0.0) {
                continue;
            }
            cost += 0.5 * excess * excess;
            for (index, (centre, scale)) in self.centre.iter().zip(scale).enumerate() {
                let number = self.first + index;
                let off = before[number] + share * (to[number] - before[number]) - centre;
                let pull = excess * off / distance * scale / length;
                gradient[[step, number]] -= share * pull;
                if let Some(before) = step.checked_sub(1) {
                    gradient[[before, number]] -= (1.0 - share) * pull;
                }
            }
        }
        cost
    }

    /// Distance of the centre from the way between two points.
    fn distance(&self, from: ArrayView1<'_, f64>, to: ArrayView1<'_, f64>) -> f64 {
        self.nearest(from, to).1
    }

    /// The share of the way between two points at which it is nearest to the centre, and how near.
    fn nearest(&self, from: ArrayView1<'_, f64>, to: ArrayView1<'_, f64>) -> (f64, f64) {
        let ends = |index: usize| (from[self.first + index], to[self.first + index]);
        let (mut along, mut length) = (0.0, 0.0);
        for (index, centre) in self.centre.iter().enumerate() {
            let (from, to) = ends(index);
            along += (centre - from) * (to - from);
            length += (to - from).powi(2);
        }
        let share = if length > 0.0 { (along / length).clamp(0.0, 1.0) } else { 0.0 };
        let off = |(index, centre): (usize, &f64)| {
            let (from, to) = ends(index);
            (from + share * (to - from) - centre).powi(2)
        };
        (share, self.centre.iter().enumerate().map(off).sum::<f64>().sqrt())
    }
}
