//! A region that the robot must stay out of.

use ndarray::{ArrayViewMut2, s};

use super::{Cost, SettingError, Way};

/// A disc, or a ball in as many dimensions as the robot has, that the robot must stay out of. With d the distance of a
/// position from the centre, the excess of every substep is
///
/// ```text
/// (radius + margin − d)₊
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct KeepOut {
    centre: Vec<f64>,
    radius: f64,
    margin: f64,
}

/// Largest radius, whose square is finite.
const FURTHEST: f64 = 1e100;

impl KeepOut {
    /// All in raw units; plans are to keep `margin` away, and have failed when they enter the disc itself.
    ///
    /// # Errors
    /// A centre that is not finite, a radius that is not positive, a margin that is negative.
    pub fn new(centre: Vec<f64>, radius: f64, margin: f64) -> Result<Self, SettingError> {
        centre.iter().try_for_each(|&value| SettingError::check_finite("centre", value))?;
        SettingError::check_positive("radius", radius)?;
        SettingError::check_not_negative("margin", margin)?;
        SettingError::check(radius + margin <= FURTHEST, "radius", radius, "at most 1e100 with its margin")?;
        Ok(Self { centre, radius, margin })
    }

    fn distance(&self, position: ndarray::ArrayView1<'_, f64>) -> f64 {
        position.iter().zip(&self.centre).map(|(p, c)| (p - c).powi(2)).sum::<f64>().sqrt()
    }
}

impl Cost for KeepOut {
    fn add_gradient(&self, way: &Way, mut gradient: ArrayViewMut2<'_, f64>) -> f64 {
        let mut cost = 0.0;
        for (position, mut gradient) in way.positions.rows().into_iter().zip(gradient.rows_mut()).skip(1) {
            let distance = self.distance(position);
            let excess = (self.radius + self.margin - distance).max(0.0);
            // At the exact centre the direction is undefined; the gradient is 0.
            let slope = if distance > 0.0 { -excess / distance } else { 0.0 };
            for ((gradient, p), c) in gradient.iter_mut().zip(position).zip(&self.centre) {
                *gradient += slope * (p - c);
            }
            cost += 0.5 * excess * excess;
        }
        cost
    }

    fn violation(&self, way: &Way) -> f64 {
        let ahead = way.positions.slice(s![1.., ..]);
        ahead.rows().into_iter().map(|position| self.radius - self.distance(position)).fold(0.0, f64::max)
    }
}
