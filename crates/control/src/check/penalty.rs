//! How far a plan is beyond its bounds, as a cost with a gradient.
//!
//! Every number is measured in the policy's own units, in which its actions lie between −1 and 1 or have deviation 1. With e the
//! excess of a bound over what is asked, less a margin, the cost is Σ e²/2.

use std::time::Duration;

use ndarray::{ArrayView1, ArrayView2, ArrayViewMut2};

use super::PlanCheck;

/// How far within a bound a plan is drawn, at most, in the policy's units: a descent ends a little beyond what it is drawn to.
const MARGIN: f64 = 0.02;

/// The margin's largest share of what is allowed.
const SHARE: f64 = 0.25;

/// The margin of a bound that leaves this much, in the policy's units.
pub(super) fn margin(room: f64) -> f64 {
    MARGIN.min(SHARE * room)
}

impl PlanCheck {
    /// The cost of `plan`, `[n, action_dim]` in raw units, of which a unit of the policy is `scale`, `[action_dim]`, all more than 0.
    /// Its gradient by the plan in the policy's units is added to `gradient`, `[n, action_dim]`.
    pub(crate) fn add_gradient(
        &self,
        plan: ArrayView2<'_, f64>,
        period: Duration,
        present: ArrayView1<'_, f64>,
        scale: ArrayView1<'_, f64>,
        mut gradient: ArrayViewMut2<'_, f64>,
    ) -> f64 {
        let of_bounds = self.bounds.add_gradient(plan, period, present, scale, gradient.view_mut());
        let of_regions =
            self.regions.iter().map(|region| region.add_gradient(plan, present, scale, gradient.view_mut()));
        of_bounds + of_regions.sum::<f64>()
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, aview1};
    use proptest::prelude::*;

    use super::*;
    use crate::check::{PlanBounds, Region};

    const PERIOD: Duration = Duration::from_millis(500);
    const PRESENT: [f64; 2] = [0.3, -0.2];
    const SCALE: [f64; 2] = [2.0, 0.5];

    fn cost(check: &PlanCheck, plan: &Array2<f64>) -> (f64, Array2<f64>) {
        let mut gradient = Array2::zeros(plan.dim());
        let scale = aview1(&SCALE);
        let cost = check.add_gradient(plan.view(), PERIOD, aview1(&PRESENT), scale, gradient.view_mut());
        (cost, gradient)
    }

    proptest! {
        /// The gradient is that of the cost, by central differences; and what costs nothing keeps the check.
        #[test]
        fn gradients_are_those_of_the_cost(
            numbers in prop::collection::vec(-2.0..2.0_f64, 10), limit in 0.2..3.0_f64, step in 0..5_usize, index in 0..2_usize,
        ) {
            let plan = Array2::from_shape_vec((5, 2), numbers).unwrap_or_default();
            let all = PlanBounds {
                min: vec![-limit; 2],
                max: vec![limit; 2],
                step: vec![limit; 2],
                velocity: vec![limit; 2],
                acceleration: vec![2.0 * limit; 2],
                jerk: vec![4.0 * limit; 2],
            };
            let region = Region { first: 0, centre: vec![0.1, 0.4], radius: limit };
            let checks = [
                PlanCheck { bounds: all, ..PlanCheck::default() },
                PlanCheck { regions: vec![region], ..PlanCheck::default() },
            ];
            for check in checks {
                let (found, gradient) = cost(&check, &plan);
                prop_assert!(found > 0.0 || check.find(plan.view(), PERIOD, aview1(&PRESENT)).is_none());
                let h = 1e-6;
                let moved = |by: f64| {
                    let mut moved = plan.clone();
                    moved[[step, index]] += by * SCALE[index];
                    cost(&check, &moved).0
                };
                let slope = (moved(h) - moved(-h)) / (2.0 * h);
                let close = (slope - gradient[[step, index]]).abs() < 1e-4 * (1.0 + slope.abs());
                prop_assert!(close, "{slope}, {}", gradient[[step, index]]);
            }
        }
    }
}
