//! Converts between a robot's units and the network's.

use serde::{Deserialize, Serialize};

/// How one entry of the manifest is normalised.
///
/// # Example
/// ```
/// # use parapolicy_policy::Normalization;
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
    /// Mean 0 and standard deviation 1, a number of each per component:
    ///
    /// ```text
    /// y = (x − mean)/std
    /// ```
    MeanStd {
        /// Mean of each component, in raw units.
        mean: Vec<f64>,
        /// Standard deviation of each component, in raw units.
        std: Vec<f64>,
    },
    /// None: the network's units are the raw ones.
    // With braces, so that statistics given beside it are refused.
    Identity {},
}

impl Normalization {
    /// Component `index` of an entry, from raw units to the network's.
    ///
    /// # Panics
    /// If the entry has no such component.
    pub fn normalize(&self, index: usize, raw: f64) -> f32 {
        let normalized = match self {
            Self::MinMax { min, max } => 2.0 * (raw - min[index]) / (max[index] - min[index]) - 1.0,
            Self::MeanStd { mean, std } => (raw - mean[index]) / std[index],
            Self::Identity {} => raw,
        };
        normalized as f32
    }

    /// Component `index` of an entry, from the network's units to raw ones.
    ///
    /// # Panics
    /// If the entry has no such component.
    pub fn denormalize(&self, index: usize, normalized: f32) -> f64 {
        let normalized = f64::from(normalized);
        match self {
            Self::MinMax { min, max } => 0.5 * (normalized + 1.0) * (max[index] - min[index]) + min[index],
            Self::MeanStd { mean, std } => normalized * std[index] + mean[index],
            Self::Identity {} => normalized,
        }
    }

    /// Checks the statistics of an entry with `len` components; the error is the field and what is wrong with it.
    pub(crate) fn validate(&self, len: usize) -> Result<(), Problem> {
        match self {
            Self::MinMax { min, max } => {
                check_lengths([("min", min), ("max", max)], len)?;
                min.iter().zip(max).enumerate().try_for_each(|(index, (&low, &high))| check_range(index, low, high))
            }
            Self::MeanStd { mean, std } => {
                check_lengths([("mean", mean), ("std", std)], len)?;
                let finite = mean.iter().enumerate().find(|(_, mean)| !mean.is_finite());
                finite.map_or(Ok(()), |(index, mean)| {
                    Err((format!("mean[{index}]"), format!("is {mean:?}, but must be finite")))
                })?;
                std.iter().enumerate().try_for_each(|(index, &std)| check_deviation(index, std))
            }
            Self::Identity {} => Ok(()),
        }
    }
}

/// A statistic, and what is wrong with it.
type Problem = (String, String);

fn check_lengths(statistics: [(&str, &Vec<f64>); 2], len: usize) -> Result<(), Problem> {
    let wrong = statistics.into_iter().find(|(_, numbers)| numbers.len() != len);
    wrong.map_or(Ok(()), |(field, numbers)| {
        Err((field.into(), format!("has {} numbers, the entry's shape asks for {len}", numbers.len())))
    })
}

/// The span must be finite too: it divides.
fn check_range(index: usize, low: f64, high: f64) -> Result<(), Problem> {
    if low < high && (high - low).is_finite() {
        return Ok(());
    }
    Err((format!("min[{index}]"), format!("is {low:?}, but must be finite and below max, which is {high:?}")))
}

fn check_deviation(index: usize, std: f64) -> Result<(), Problem> {
    if std > 0.0 && std.is_finite() {
        return Ok(());
    }
    Err((format!("std[{index}]"), format!("is {std:?}, but must be positive and finite")))
}
