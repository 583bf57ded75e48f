//! A part of an entry: what a key holds, or a range of it.

use std::fmt;
use std::ops::Range;

use parapolicy_policy::Entry;

use super::config::{Layout, Source};
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
    transpose: Option<Transpose>,
    scale: f64,
    /// Whether only bytes are scaled.
    scale_bytes: bool,
}

/// An image's axes, moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transpose {
    /// `[H, W, C]` comes, the entry is `[C, H, W]`.
    ChannelsFirst { pixels: usize, channels: usize },
    /// `[C, H, W]` comes, the entry is `[H, W, C]`.
    ChannelsLast { pixels: usize, channels: usize },
}

impl Part {
    /// `whole`: the entry has no other part.
    pub fn new(entry: &Entry, source: Source, at: usize, whole: bool) -> Result<Self, MapError> {
        let wrong = |problem: String| MapError::Part { entry: entry.name.clone(), problem };
        let Source { key, range, layout, scale, scale_bytes, length } = source;
        if !scale.is_finite() {
            return Err(wrong(format!("scale is {scale}, but must be finite")));
        }
        let (shape, range, transpose) = match (layout, range) {
            (Some(_), Some(_)) => return Err(wrong("of an image all is taken: leave out from and to".to_owned())),
            (Some(layout), None) => {
                let (shape, transpose) = image(entry, layout).map_err(wrong)?;
                (shape, 0..entry.len(), transpose)
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
        Ok(Self { key, entry: entry.name.clone(), shape, range, at, transpose, scale, scale_bytes })
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
                    || (self.transpose.is_none() && shape.len() <= 1 && numbers(shape) == numbers(expected))
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
                        let place = self.place(index - self.range.start);
                        rows[step * width + self.at + place] = number * scale;
                    }
                }
            }
            Value::Number(number) => rows[self.at] = number * self.scale,
            Value::Integer(number) => rows[self.at] = *number as f64 * self.scale,
            _ => {}
        }
    }

    /// Where in the entry the number `index` of what comes goes.
    fn place(&self, index: usize) -> usize {
        match self.transpose {
            None => index,
            Some(Transpose::ChannelsFirst { pixels, channels }) => index % channels * pixels + index / channels,
            Some(Transpose::ChannelsLast { pixels, channels }) => index % pixels * channels + index / pixels,
        }
    }
}

/// The shape of an image that comes in `layout`, and how its axes are moved for the entry.
fn image(entry: &Entry, layout: Layout) -> Result<(Vec<usize>, Option<Transpose>), String> {
    let &[a, b, c] = &entry.shape[..] else {
        return Err(format!("the entry has shape {:?}, but an image has three axes", entry.shape));
    };
    // Channels are the fewest: 1, 3 or 4 of them.
    match (layout, a <= 4 && a < c, c <= 4 && c < a) {
        (Layout::Hwc, false, true) | (Layout::Chw, true, false) => Ok((entry.shape.clone(), None)),
        (Layout::Hwc, true, false) => {
            Ok((vec![b, c, a], Some(Transpose::ChannelsFirst { pixels: b * c, channels: a })))
        }
        (Layout::Chw, false, true) => Ok((vec![c, a, b], Some(Transpose::ChannelsLast { pixels: a * b, channels: c }))),
        _ => Err(format!("the entry's shape {:?} does not tell which axis is that of the channels", entry.shape)),
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, entry, shape, range, scale, scale_bytes, transpose, .. } = self;
        write!(f, "{key}")?;
        match &shape[..] {
            [] => write!(f, "[{}..{}]", range.start, range.end)?,
            shape if range.len() == shape.iter().product::<usize>() => write!(f, " {shape:?}")?,
            shape => write!(f, " {shape:?}[{}..{}]", range.start, range.end)?,
        }
        write!(f, " -> {entry}")?;
        match transpose {
            Some(Transpose::ChannelsFirst { .. }) => f.write_str(", channels moved to the front")?,
            Some(Transpose::ChannelsLast { .. }) => f.write_str(", channels moved to the end")?,
            None => {}
        }
        if *scale != 1.0 {
            write!(f, ", {}times {scale}", if *scale_bytes { "bytes " } else { "" })?;
        }
        Ok(())
    }
}
