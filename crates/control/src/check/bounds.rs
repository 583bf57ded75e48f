//! Bounds on every number of a plan's actions.

use std::time::Duration;

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2};

use super::penalty::margin;
use super::{Rule, Violation};
use crate::playback::{PlaybackError, field, finite, length};

/// Bounds on every number of a plan's actions; an empty list bounds nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PlanBounds {
    /// Smallest value of each number, in raw units.
    pub min: Vec<f64>,
    /// Largest value.
    pub max: Vec<f64>,
    /// Largest distance of the first action from the robot's present state.
    pub step: Vec<f64>,
    /// Largest change per second.
    pub velocity: Vec<f64>,
    /// Largest change of the velocity per second.
    pub acceleration: Vec<f64>,
    /// Largest change of the acceleration per second.
    pub jerk: Vec<f64>,
}

/// Relative rounding of a difference that is not held against a plan.
const ROUNDING: f64 = 1e-9;

/// Finite differences of order 1, 2 and 3, the newest action first.
const STENCILS: [(Rule, &[f64]); 3] =
    [(Rule::Velocity, &[1.0, -1.0]), (Rule::Acceleration, &[1.0, -2.0, 1.0]), (Rule::Jerk, &[1.0, -3.0, 3.0, -1.0])];

/// Whether a value is beyond a limit; what is no number is beyond every one.
fn exceeds(value: f64, limit: f64) -> bool {
    value.is_nan() || value > limit
}

/// Refuses a list that is there, but has another length than an action, or a number that is not finite.
fn filled(name: &'static str, values: &[f64], action_dim: usize) -> Result<(), PlaybackError> {
    if values.is_empty() {
        return Ok(());
    }
    length(name, values, action_dim)?;
    finite(name, values)
}

impl PlanBounds {
    pub(super) fn validate(&self, action_dim: usize) -> Result<(), PlaybackError> {
        let Self { min, max, step, velocity, acceleration, jerk } = self;
        for (name, values) in [("min", min), ("max", max)] {
            filled(name, values, action_dim)?;
        }
        if let Some((_, max)) = min.iter().zip(max).find(|(min, max)| min > max) {
            return Err(field("max", max, "at least min"));
        }
        for (name, values) in [("step", step), ("velocity", velocity), ("acceleration", acceleration), ("jerk", jerk)] {
            filled(name, values, action_dim)?;
            if let Some(value) = values.iter().find(|value| **value <= 0.0) {
                return Err(field(name, value, "more than 0"));
            }
        }
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        let Self { min, max, step, velocity, acceleration, jerk } = self;
        [min, max, step, velocity, acceleration, jerk].iter().all(|values| values.is_empty())
    }

    /// The first violation, of the smallest step.
    pub(super) fn find(
        &self,
        plan: ArrayView2<'_, f64>,
        period: Duration,
        present: ArrayView1<'_, f64>,
        name: &dyn Fn(usize) -> String,
    ) -> Option<Violation> {
        plan.rows().into_iter().enumerate().find_map(|(step, action)| {
            action.iter().enumerate().find_map(|(index, value)| {
                let found = self
                    .of_value(index, *value)
                    .or_else(|| if step == 0 { self.of_step(index, value - present[index]) } else { None })
                    .or_else(|| self.of_motion(plan, period, step, index));
                found.map(|(rule, value, limit)| Violation { step, entry: name(index), rule, value, limit })
            })
        })
    }

    /// As [`PlanCheck::add_gradient`](super::PlanCheck::add_gradient).
    pub(super) fn add_gradient(
        &self,
        plan: ArrayView2<'_, f64>,
        period: Duration,
        present: ArrayView1<'_, f64>,
        scale: ArrayView1<'_, f64>,
        mut gradient: ArrayViewMut2<'_, f64>,
    ) -> f64 {
        let mut cost = 0.0;
        // By how much a sum of actions, each with its weight, is beyond a limit that leaves `room`; `way` is 1 upwards, −1 downwards.
        let mut add = |step: usize, index: usize, stencil: &[f64], beyond: f64, way: f64, room: f64| {
            let excess = beyond / scale[index] + margin(room / scale[index]);
            if excess > 0.0 {
                cost += 0.5 * excess * excess;
                let weights = stencil.iter().enumerate();
                weights.for_each(|(back, weight)| gradient[[step - back, index]] += excess * way * weight);
            }
        };
        for ((step, index), value) in plan.indexed_iter() {
            let (min, max) = (self.min.get(index), self.max.get(index));
            let room = min.zip(max).map_or(f64::INFINITY, |(min, max)| max - min);
            max.into_iter().for_each(|max| add(step, index, &[1.0], value - max, 1.0, room));
            min.into_iter().for_each(|min| add(step, index, &[1.0], min - value, -1.0, room));
            if let Some(limit) = self.step.get(index).filter(|_| step == 0) {
                let distance = value - present[index];
                add(step, index, &[1.0], distance.abs() - limit, distance.signum(), *limit);
            }
            let bounds = [&self.velocity, &self.acceleration, &self.jerk];
            for (order, ((_, stencil), bound)) in STENCILS.iter().zip(bounds).enumerate() {
                if let Some(limit) = bound.get(index).filter(|_| step > order) {
                    let sum: f64 = stencil.iter().enumerate().map(|(back, w)| w * plan[[step - back, index]]).sum();
                    let limit = limit * period.as_secs_f64().powi(order as i32 + 1);
                    add(step, index, stencil, sum.abs() - limit, sum.signum(), limit);
                }
            }
        }
        cost
    }

    fn of_value(&self, index: usize, value: f64) -> Option<(Rule, f64, f64)> {
        let below = self.min.get(index).filter(|min| value < **min).map(|min| (Rule::Min, value, *min));
        below.or_else(|| self.max.get(index).filter(|max| value > **max).map(|max| (Rule::Max, value, *max)))
    }

    fn of_step(&self, index: usize, distance: f64) -> Option<(Rule, f64, f64)> {
        let limit = self.step.get(index).filter(|limit| exceeds(distance.abs(), **limit))?;
        Some((Rule::Step, distance.abs(), *limit))
    }

    fn of_motion(
        &self,
        plan: ArrayView2<'_, f64>,
        period: Duration,
        step: usize,
        index: usize,
    ) -> Option<(Rule, f64, f64)> {
        let bounds = [&self.velocity, &self.acceleration, &self.jerk];
        STENCILS.iter().zip(bounds).enumerate().find_map(|(order, ((rule, stencil), bound))| {
            let limit = *bound.get(index).filter(|_| step > order)?;
            let terms = stencil.iter().enumerate().map(|(back, weight)| weight * plan[[step - back, index]]);
            let (sum, most) = terms.fold((0.0, 0.0_f64), |(sum, most), term| (sum + term, most.max(term.abs())));
            let per_second = period.as_secs_f64().powi(order as i32 + 1);
            let value = sum.abs() / per_second;
            // What two of the terms cannot tell apart.
            let slack = ROUNDING * limit + f64::EPSILON * 4.0 * most / per_second;
            exceeds(value, limit + slack).then_some((*rule, value, limit))
        })
    }
}
