//! c(p): what a batch of p rows costs.

use crate::error::ConfigError;

/// The time of a batch of p rows, measured at some p and interpolated between them.
///
/// ```
/// use parapolicy_sampler::BatchCost;
///
/// let cost = BatchCost::new(vec![(1, 1.0), (4, 2.5)])?;
/// assert_eq!(cost.of(2), 1.5);
/// assert_eq!(cost.of(8), 5.0); // beyond the last: in proportion to the rows
/// # Ok::<(), parapolicy_sampler::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct BatchCost {
    /// Rows and milliseconds, after (0, 0).
    points: Vec<(usize, f64)>,
}

impl BatchCost {
    /// From pairs of rows and milliseconds, rows increasing from 1.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if there are none, if the rows do not increase from 1, or if a time is not finite and above 0.
    pub fn new(points: Vec<(usize, f64)>) -> Result<Self, ConfigError> {
        if points.first().is_none_or(|(rows, _)| *rows != 1) {
            let first = points.first().map_or_else(|| "nothing".to_owned(), |(rows, _)| rows.to_string());
            return Err(ConfigError::out_of_range("first batch", &first, "1 row"));
        }
        if let Some(pair) = points.windows(2).find(|pair| pair[0].0 >= pair[1].0) {
            let expected = format!("above the {} before it", pair[0].0);
            return Err(ConfigError::out_of_range("rows of a batch", &pair[1].0, expected));
        }
        if let Some((_, time)) = points.iter().find(|(_, time)| !(time.is_finite() && *time > 0.0)) {
            return Err(ConfigError::out_of_range("time of a batch", time, "finite and above 0"));
        }
        Ok(Self { points: std::iter::once((0, 0.0)).chain(points).collect() })
    }

    /// c(p) in milliseconds: linear between the measured p, in proportion to p beyond the last; 0 for no rows.
    pub fn of(&self, rows: usize) -> f64 {
        let above = self.points.partition_point(|(measured, _)| *measured < rows).max(1);
        let (low, low_time) = self.points[above - 1];
        match self.points.get(above) {
            Some((high, time)) => low_time + (time - low_time) * (rows - low) as f64 / (high - low) as f64,
            None => low_time * rows as f64 / low as f64,
        }
    }
}
