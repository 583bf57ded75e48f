//! A part of an entry: what a key holds, or a range of it.

use std::fmt;
use std::ops::Range;

use parapolicy_policy::{Entry, ImageAxes};

use super::config::Source;
use super::{KeyError, MapError};
use crate::wire::Value;

#[derive(Clone, Debug)]
pub(super) struct Part {
    pub key: String,
    entry: String,
    /// Shape that an array must have; the range of its numbers that is taken.
    shape: Vec<usize>,
    range: Range<usize>,
    /// Where the numbers go in the policy's observation.
    at: usize,
    /// Of images: how the axes of what comes are put in the order of the entry's.
    axes: Option<ImageAxes>,
    scale: f64,
    /// Whether only bytes are scaled.
    scale_bytes: bool,
}

impl Part {
    /// `whole`: the entry has no other part.
    pub fn new(entry: &Entry, source: Source, at: usize, whole: bool) -> Result<Self, MapError> {
        let wrong = |problem: String| MapError::Part { entry: entry.name.clone(), problem };
        let Source { key, range, layout, scale, scale_bytes, length } = source;
        if !scale.is_finite() {
            return Err(wrong(format!("scale is {scale}, but must be finite")));
        }
        let (shape, range, axes) = match (layout, range) {
            (Some(_), Some(_)) => return Err(wrong("of an image all is taken: leave out from and to".to_owned())),
            (Some(layout), None) => {
                let axes = ImageAxes::new(&entry.shape, layout).map_err(|error| wrong(error.to_string()))?;
                (axes.shape().to_vec(), 0..entry.len(), Some(axes))
            }
            (None, None) => match length {
                Some(length) if !whole => (vec![length], 0..length, None),
                _ if whole => (entry.shape.clone(), 0..entry.len(), None),
                _ => return Err(wrong(format!("`{key}` is one of several keys: write its range, from and to"))),
            },
            (None, Some((length, range)))
                if range.start < range.end && length.is_none_or(|length| range.end <= length) =>
            {
                // The length is not known where only the range is: as much as the range needs, at least.
                (length.map_or_else(Vec::new, |length| vec![length]), range, None)
            }
            (None, Some((_, range))) => {
                return Err(wrong(format!("from is {} and to {}, but to must be more", range.start, range.end)));
            }
        };
        Ok(Self { key, entry: entry.name.clone(), shape, range, at, axes, scale, scale_bytes })
    }

    /// Numbers that it gives.
    pub fn len(&self) -> usize {
        self.range.len()
    }

    /// How many observations a value holds: 1, or `n_obs_steps`.
    pub fn steps(&self, value: &Value<'_>, n_obs_steps: usize) -> Result<usize, KeyError> {
        let found = match value {
            Value::Array(array) => array.shape(),
            Value::Number(_) | Value::Integer(_) => &[],
            other => return Err(KeyError::Kind { key: self.key.clone(), found: other.name() }),
        };
        let numbers = |shape: &[usize]| shape.iter().try_fold(1_usize, |count, side| count.checked_mul(*side));
        // Any shape of one dimension that the range lies in; else the shape itself, or all of it in one dimension.
        let fits = |shape: &[usize]| match &self.shape[..] {
            [] if shape.is_empty() => self.range == (0..1),
            [] => matches!(shape, [length] if *length >= self.range.end),
            expected => {
                shape == expected
                    || (!self.axes.is_some_and(|axes| axes.is_moved())
                        && shape.len() <= 1
                        && numbers(shape) == numbers(expected))
            }
        };
        match found {
            one if fits(one) => Ok(1),
            [steps, one @ ..] if *steps == n_obs_steps && fits(one) => Ok(n_obs_steps),
            other => Err(KeyError::Shape {
                key: self.key.clone(),
                found: other.to_vec(),
                expected: if self.shape.is_empty() { vec![self.range.end] } else { self.shape.clone() },
                n_obs_steps,
            }),
        }
    }

    /// Writes a value of `steps` observations to the rows of `width` numbers that it belongs to.
    pub fn write(&self, value: &Value<'_>, steps: usize, width: usize, rows: &mut [f64]) {
        match value {
            Value::Array(array) => {
                let one = array.shape().iter().product::<usize>() / steps.max(1);
                let scale = if self.scale_bytes && !array.is_bytes() { 1.0 } else { self.scale };
                for (index, number) in array.numbers().enumerate() {
                    let (step, index) = (index / one.max(1), index % one.max(1));
                    if self.range.contains(&index) {
                        let index = index - self.range.start;
                        let place = self.axes.map_or(index, |axes| axes.place(index));
                        rows[step * width + self.at + place] = number * scale;
                    }
                }
            }
            Value::Number(number) => rows[self.at] = number * self.scale,
            Value::Integer(number) => rows[self.at] = *number as f64 * self.scale,
            _ => {}
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, entry, shape, range, scale, scale_bytes, axes, .. } = self;
        write!(f, "{key}")?;
        match &shape[..] {
            [] => write!(f, "[{}..{}]", range.start, range.end)?,
            shape if range.len() == shape.iter().product::<usize>() => write!(f, " {shape:?}")?,
            shape => write!(f, " {shape:?}[{}..{}]", range.start, range.end)?,
        }
        write!(f, " -> {entry}")?;
        if let Some(axes) = axes {
            write!(f, "{axes}")?;
        }
        if *scale != 1.0 {
            write!(f, ", {}times {scale}", if *scale_bytes { "bytes " } else { "" })?;
        }
        Ok(())
    }
}
