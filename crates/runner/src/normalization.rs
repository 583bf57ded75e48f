//! Between a robot's units and the network's.

use serde::{Deserialize, Serialize};

/// How one entry of the manifest is normalised.
///
/// # Example
/// ```
/// # use parapolicy_runner::Normalization;
/// let pixels = Normalization::MinMax { min: vec![0.0], max: vec![512.0] };
/// assert_eq!(pixels.normalize(0, 128.0), -0.5);
/// assert_eq!(pixels.denormalize(0, -0.5), 128.0);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "snake_case", deny_unknown_fields)]
pub enum Normalization {
    /// `min..max` of the training data, a number per component, becomes `-1..1` (Chi et al. 2023, section IV,
    /// <https://arxiv.org/abs/2303.04137>):
    ///
    /// ```text
    /// y = 2·(x − min)/(max − min) − 1
    /// ```
    ///
    /// What lies outside the training data lies outside `-1..1`: nothing is clipped.
    MinMax {
        /// Smallest value of each component, in raw units.
        min: Vec<f64>,
        /// Largest value of each component, in raw units.
        max: Vec<f64>,
    },
}

impl Normalization {
    /// Component `index` of an entry, from raw units to the network's.
    ///
    /// # Panics
    /// If the entry has no such component.
    pub fn normalize(&self, index: usize, raw: f64) -> f32 {
        let Self::MinMax { min, max } = self;
        (2.0 * (raw - min[index]) / (max[index] - min[index]) - 1.0) as f32
    }

    /// Component `index` of an entry, from the network's units to raw ones.
    ///
    /// # Panics
    /// If the entry has no such component.
    pub fn denormalize(&self, index: usize, normalized: f32) -> f64 {
        let Self::MinMax { min, max } = self;
        0.5 * (f64::from(normalized) + 1.0) * (max[index] - min[index]) + min[index]
    }

    /// Checks the statistics of an entry with `len` components; the error is the field and what is wrong with it.
    pub(crate) fn validate(&self, len: usize) -> Result<(), (String, String)> {
        let Self::MinMax { min, max } = self;
        for (field, numbers) in [("min", min), ("max", max)] {
            if numbers.len() != len {
                return Err((field.into(), format!("has {} numbers, the entry's shape asks for {len}", numbers.len())));
            }
        }
        for (index, (low, high)) in min.iter().zip(max).enumerate() {
            // The span must be finite too: it divides.
            if !(low < high && (high - low).is_finite()) {
                return Err((
                    format!("min[{index}]"),
                    format!("is {low:?}, but must be finite and below max, which is {high:?}"),
                ));
            }
        }
        Ok(())
    }
}
