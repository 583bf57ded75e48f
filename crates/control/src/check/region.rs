//! Where plans may not lead.

use ndarray::{ArrayView1, ArrayView2};

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

    /// Distance of the centre from the way between two points.
    fn distance(&self, from: ArrayView1<'_, f64>, to: ArrayView1<'_, f64>) -> f64 {
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
        self.centre.iter().enumerate().map(off).sum::<f64>().sqrt()
    }
}
