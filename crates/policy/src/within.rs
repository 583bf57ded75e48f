//! A distance in the unit of the actions, as a tolerance of their plans.

use std::str::FromStr;

use crate::{Entry, Manifest, Normalization};

/// How far an action may be off, in its own unit: `0.5px`, or `0.01` where the policy declares no units.
///
/// ```
/// # use parapolicy_policy::{Manifest, Within};
/// let manifest = Manifest::load(concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/pusht").as_ref())?;
/// let within: Within = "0.5px".parse()?;
/// assert!((0.001..0.003).contains(&within.tolerance(&manifest)?));
/// assert!("0.5mm".parse::<Within>()?.tolerance(&manifest).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Within {
    distance: f64,
    unit: String,
}

/// Why a distance is none, or not one of the policy's.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum WithinError {
    /// It is not written like one.
    #[error(
        "within is \"{0}\", but must be a number over 0, followed by the unit of an action where it has one: 0.5px, say"
    )]
    Text(String),
    /// No action is in this unit.
    #[error("within is in \"{unit}\", but the actions of policy `{policy}` are in {known}")]
    Unit {
        /// What was given.
        unit: String,
        /// The policy's name.
        policy: String,
        /// The units of its actions.
        known: String,
    },
}

impl FromStr for Within {
    type Err = WithinError;

    fn from_str(text: &str) -> Result<Self, WithinError> {
        let wrong = || WithinError::Text(text.into());
        let text = text.trim();
        // The longest beginning that is a number: `1e-3` of `1e-3m`.
        let splits = (1..=text.len()).rev().filter_map(|at| text.split_at_checked(at));
        let mut numbers = splits.filter_map(|(number, unit)| Some((number.parse::<f64>().ok()?, unit)));
        let (distance, unit) = numbers.find(|(number, _)| *number > 0.0).ok_or_else(wrong)?;
        if distance.is_finite() { Ok(Self { distance, unit: unit.trim().into() }) } else { Err(wrong()) }
    }
}

impl Within {
    /// The largest tolerance in normalised units that keeps every action in this unit within the distance; without a unit,
    /// every action.
    ///
    /// # Errors
    /// [`WithinError::Unit`] if no action of the policy is in this unit, or it is left out where actions have several.
    pub fn tolerance(&self, manifest: &Manifest) -> Result<f64, WithinError> {
        let of_one_unit = manifest.actions.windows(2).all(|pair| pair[0].unit == pair[1].unit);
        let is_meant = |entry: &&Entry| match self.unit.as_str() {
            "" => of_one_unit,
            unit => entry.unit.as_deref() == Some(unit),
        };
        let entries = manifest.actions.iter().filter(is_meant);
        let widest = entries.flat_map(|entry| (0..entry.len()).map(|index| scale(&entry.normalization, index)));
        widest.reduce(f64::max).map(|widest| self.distance / widest).ok_or_else(|| self.unknown(manifest))
    }

    fn unknown(&self, manifest: &Manifest) -> WithinError {
        let told = |entry: &Entry| match &entry.unit {
            Some(unit) => format!("{unit} (`{}`)", entry.name),
            None => format!("no declared unit (`{}`)", entry.name),
        };
        let known: Vec<String> = manifest.actions.iter().map(told).collect();
        WithinError::Unit { unit: self.unit.clone(), policy: manifest.name.clone(), known: known.join(", ") }
    }
}

/// Raw units that one normalised unit stands for.
fn scale(normalization: &Normalization, index: usize) -> f64 {
    match normalization {
        Normalization::MinMax { min, max } => 0.5 * (max[index] - min[index]),
        Normalization::MeanStd { std, .. } => std[index],
        Normalization::Identity {} => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<(f64, String), WithinError> {
        text.parse().map(|Within { distance, unit }| (distance, unit))
    }

    #[test]
    fn a_distance_is_a_number_with_or_without_a_unit() {
        for (text, distance, unit) in [
            ("0.5px", 0.5, "px"),
            ("1e-3 rad", 1e-3, "rad"),
            ("2", 2.0, ""),
            ("3e", 3.0, "e"),
            ("1°", 1.0, "°"),
            ("1m/s", 1.0, "m/s"),
        ] {
            assert_eq!(parsed(text), Ok((distance, unit.into())), "{text}");
        }
        for text in ["", "px", "0px", "-1px", "nan", "inf", "1e999px"] {
            assert_eq!(parsed(text), Err(WithinError::Text(text.into())), "{text}");
        }
    }
}
