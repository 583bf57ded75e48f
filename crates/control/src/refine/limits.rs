//! Limits on speed and acceleration.

use ndarray::{Array1, ArrayViewMut2, s};

use super::{Cost, SettingError, Way};

/// A limit on the speed between two control steps T apart. The excess of each is a length,
///
/// ```text
/// (‖p_{i+1} − p_i‖ − (limit − margin) T)₊
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SpeedLimit {
    limit: f64,
    margin: f64,
}

/// A limit on the acceleration over three control steps T apart. The excess of each is a length,
///
/// ```text
/// (‖p_{i+1} − 2 p_i + p_{i−1}‖ − (limit − margin) T²)₊
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AccelerationLimit {
    limit: f64,
    margin: f64,
}

impl SpeedLimit {
    /// In raw units per second; plans should stay `margin` below the limit.
    ///
    /// # Errors
    /// A limit that is not positive and finite, a margin that is not between 0 and it.
    pub fn new(limit: f64, margin: f64) -> Result<Self, SettingError> {
        SettingError::check_positive("speed limit", limit)?;
        SettingError::check_margin(margin, limit)?;
        Ok(Self { limit, margin })
    }
}

impl AccelerationLimit {
    /// In raw units per second squared; plans should stay `margin` below the limit.
    ///
    /// # Errors
    /// A limit that is not positive and finite, a margin that is not between 0 and it.
    pub fn new(limit: f64, margin: f64) -> Result<Self, SettingError> {
        SettingError::check_positive("acceleration limit", limit)?;
        SettingError::check_margin(margin, limit)?;
        Ok(Self { limit, margin })
    }
}

impl Cost for SpeedLimit {
    fn add_gradient(&self, way: &Way, gradient: ArrayViewMut2<'_, f64>) -> f64 {
        add_gradient(way, &[-1.0, 1.0], (self.limit - self.margin) * way.period, gradient)
    }

    fn violation(&self, way: &Way) -> f64 {
        largest(way, &[-1.0, 1.0], self.limit * way.period) / way.period
    }
}

impl Cost for AccelerationLimit {
    fn add_gradient(&self, way: &Way, gradient: ArrayViewMut2<'_, f64>) -> f64 {
        add_gradient(way, &[1.0, -2.0, 1.0], (self.limit - self.margin) * way.period.powi(2), gradient)
    }

    fn violation(&self, way: &Way) -> f64 {
        largest(way, &[1.0, -2.0, 1.0], self.limit * way.period.powi(2)) / way.period.powi(2)
    }
}

/// The finite differences of the positions at the control rate, each with the control step it begins at.
fn differences<'a>(way: &'a Way, stencil: &'a [f64]) -> impl Iterator<Item = (usize, Array1<f64>)> + 'a {
    let positions = way.at_control_rate();
    (0..(positions.nrows() + 1).saturating_sub(stencil.len())).map(move |first| {
        let points = positions.slice(s![first..first + stencil.len(), ..]).to_owned();
        (first, Array1::from_vec(stencil.to_vec()).dot(&points))
    })
}

fn add_gradient(way: &Way, stencil: &[f64], limit: f64, mut gradient: ArrayViewMut2<'_, f64>) -> f64 {
    let mut cost = 0.0;
    for (first, difference) in differences(way, stencil) {
        let length = difference.dot(&difference).sqrt();
        let excess = length - limit;
        if excess > 0.0 {
            cost += 0.5 * excess * excess;
            for (step, weight) in (first..).zip(stencil) {
                gradient.row_mut(step * way.substeps).scaled_add(weight * excess / length, &difference);
            }
        }
    }
    cost
}

fn largest(way: &Way, stencil: &[f64], limit: f64) -> f64 {
    differences(way, stencil).map(|(_, d)| d.dot(&d).sqrt() - limit).fold(0.0, f64::max)
}
