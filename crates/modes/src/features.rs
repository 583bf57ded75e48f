//! Plans as points in which a unit is a distance between plans.
//!
//! ```text
//! x_i = actions of plan i, in one row, less the mean of its group's first actions, over √(number of actions)
//! y_i = the leading principal components of x_i
//! ```
//!
//! So |y_i − y_j| is how far the actions of two plans are apart, as a root mean square over the actions, in the actions' own unit; what is
//! left out is what plans hardly differ in. Components are **not** scaled to unit variance: then a tight cloud would be spread as far as
//! two ways round, and there were always modes. A group is what was planned at one time. Taking from its plans the place where they begin makes
//! plans of different times comparable: what is left is the way, not the place.

use nalgebra::{DMatrix, SymmetricEigen};
use ndarray::{Array2, ArrayView3, Axis};

use crate::error::ModesError;

/// Share of the variance that is kept.
const KEPT: f64 = 0.95;
/// Components at most: each takes points to be known.
const MOST: usize = 6;

/// Plans as points.
#[derive(Clone, Debug)]
pub struct Features {
    /// `[n, D]`, D at most 6.
    pub points: Array2<f64>,
    /// Share of the plans' variance that the points have.
    pub kept: f64,
}

impl Features {
    /// Of `plans`, `[n, actions, action_dim]`, in units in which actions can be compared; `groups` is the group of every plan, `[n]`.
    ///
    /// # Errors
    ///
    /// [`ModesError`] if there are no plans or no actions, a value is not finite, or `groups` is of other plans.
    pub fn new(plans: ArrayView3<'_, f64>, groups: &[u32]) -> Result<Self, ModesError> {
        let (count, actions, dim) = plans.dim();
        for (what, found) in [("plans", count), ("actions", actions), ("numbers an action", dim)] {
            if found == 0 {
                return Err(ModesError::Shape { field: "plans", what, expected: 1, found });
            }
        }
        if groups.len() != count {
            return Err(ModesError::Shape { field: "groups", what: "plans", expected: count, found: groups.len() });
        }
        if let Some(((point, action, column), &value)) = plans.indexed_iter().find(|(_, value)| !value.is_finite()) {
            return Err(ModesError::Point { point, column: action * dim + column, value, expected: "finite" });
        }
        Ok(Self::project(&centred(plans, groups)))
    }

    /// The leading principal components.
    fn project(rows: &Array2<f64>) -> Self {
        let (count, width) = rows.dim();
        let covariance = rows.t().dot(rows) / count as f64;
        let total: f64 = covariance.diag().sum();
        let matrix = DMatrix::from_fn(width, width, |i, j| covariance[[i, j]]);
        let SymmetricEigen { eigenvectors, eigenvalues } = SymmetricEigen::new(matrix);
        let mut order: Vec<usize> = (0..width).collect();
        order.sort_by(|&a, &b| eigenvalues[b].total_cmp(&eigenvalues[a]));
        let (mut kept, mut axes) = (0.0, 0);
        while axes < MOST.min(width) && (axes == 0 || kept < KEPT * total) {
            kept += eigenvalues[order[axes]].max(0.0);
            axes += 1;
        }
        // An axis has no direction of its own: the largest of its entries is positive.
        let axis = |column: usize| {
            let vector = eigenvectors.column(order[column]);
            let sign = vector[vector.iamax()].signum();
            vector.iter().map(|entry| sign * entry).collect::<Vec<_>>()
        };
        let axes = Array2::from_shape_fn((axes, width), {
            let axes: Vec<_> = (0..axes).map(axis).collect();
            move |(row, column)| axes[row][column]
        });
        Self { points: rows.dot(&axes.t()), kept: if total > 0.0 { (kept / total).min(1.0) } else { 1.0 } }
    }
}

/// Rows less where the plans of their group begin, and then less their mean: `[n, actions · action_dim]`.
fn centred(plans: ArrayView3<'_, f64>, groups: &[u32]) -> Array2<f64> {
    let (count, actions, dim) = plans.dim();
    let most = groups.iter().max().map_or(0, |most| *most as usize + 1);
    let (mut begins, mut sizes) = (Array2::<f64>::zeros((most, dim)), vec![0.0; most]);
    for (plan, &group) in plans.outer_iter().zip(groups) {
        let mut begin = begins.row_mut(group as usize);
        begin += &plan.row(0);
        sizes[group as usize] += 1.0;
    }
    let unit = (actions as f64).sqrt();
    let mut rows = Array2::from_shape_fn((count, actions * dim), |(plan, column)| {
        let group = groups[plan] as usize;
        (plans[[plan, column / dim, column % dim]] - begins[[group, column % dim]] / sizes[group]) / unit
    });
    let mean = rows.sum_axis(Axis(0)) / count as f64;
    rows -= &mean;
    rows
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]
mod tests {
    use ndarray::Array3;

    use super::*;

    /// Straight ways from a place, to the left or to the right.
    fn fork(from: f64) -> Array3<f64> {
        Array3::from_shape_fn((6, 4, 2), |(plan, action, axis)| match axis {
            0 => from + action as f64 * if plan < 3 { -10.0 } else { 10.0 },
            _ => from + 5.0 * action as f64,
        })
    }

    #[test]
    fn distances_are_those_of_plans() {
        let plans = fork(100.0);
        let features = Features::new(plans.view(), &[0; 6]).unwrap();
        assert_eq!(features.points.ncols(), 1, "they differ in one direction");
        assert!((features.kept - 1.0).abs() < 1e-12);
        let apart = (features.points[[0, 0]] - features.points[[3, 0]]).abs();
        let expected = ((0.0_f64 + 20.0 * 20.0 + 40.0 * 40.0 + 60.0 * 60.0) / 4.0).sqrt();
        assert!((apart - expected).abs() < 1e-9, "{apart} {expected}");
        assert!((features.points[[0, 0]] - features.points[[1, 0]]).abs() < 1e-9);
    }

    #[test]
    fn the_place_where_a_group_begins_does_not_matter() {
        let both = ndarray::concatenate(Axis(0), &[fork(100.0).view(), fork(300.0).view()]).unwrap();
        let groups: Vec<u32> = (0..12).map(|plan| plan / 6).collect();
        let features = Features::new(both.view(), &groups).unwrap();
        for plan in 0..6 {
            assert!((features.points[[plan, 0]] - features.points[[plan + 6, 0]]).abs() < 1e-9);
        }
    }

    #[test]
    fn what_are_no_plans_is_refused() {
        let nan = Array3::from_elem((2, 3, 1), f64::NAN);
        let texts = [
            Features::new(nan.view(), &[0, 0]),
            Features::new(Array3::zeros((0, 3, 1)).view(), &[]),
            Features::new(Array3::zeros((2, 0, 1)).view(), &[0, 0]),
            Features::new(Array3::zeros((2, 3, 1)).view(), &[0]),
        ]
        .map(|refused| refused.unwrap_err().to_string());
        assert_eq!(
            texts,
            [
                "value 0 of point 0 is NaN, but must be finite",
                "plans has 0 plans, but must have 1",
                "plans has 0 actions, but must have 1",
                "groups has 1 plans, but must have 2"
            ]
        );
        let same = Features::new(Array3::from_elem((4, 3, 2), 7.0).view(), &[0; 4]).unwrap();
        assert!(same.points.iter().all(|value| value.abs() < 1e-12), "plans that are all the same are one point");
    }
}
