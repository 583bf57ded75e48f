//! Observations and actions by the names of their entries.

use std::ops::Range;

use thiserror::Error;

use crate::{Entry, ImageAxes, Layout, LayoutError, Manifest};

/// Why an entry is not found, or does not take what is given for it.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EntryError {
    /// There is none of this name.
    #[error("`{name}` is no entry of the policy's observations; they are {}", known.join(", "))]
    Unknown {
        /// The name.
        name: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// An entry was not given.
    #[error("`{name}` is missing: the policy sees it")]
    Missing {
        /// Its name.
        name: String,
    },
    /// It has another number of values.
    #[error("`{name}` has {found} values, but the policy's has {expected}: {shape:?}")]
    Length {
        /// Its name.
        name: String,
        /// How many there are.
        found: usize,
        /// How many there have to be.
        expected: usize,
        /// The entry's shape.
        shape: Vec<usize>,
    },
    /// A number of it is NaN or infinite.
    #[error("`{name}` is not finite at {index}")]
    NotFinite {
        /// Its name.
        name: String,
        /// Index of the first such number.
        index: usize,
    },
    /// The entry is no image.
    #[error("`{name}` is no image")]
    Image {
        /// Its name.
        name: String,
        /// Why not.
        source: LayoutError,
    },
    /// The image's last byte lies beyond its memory.
    #[error("`{name}`: its strides lead to byte {last}, but the image has {found}")]
    Strides {
        /// Its name.
        name: String,
        /// The last byte, from 0; none where it cannot be counted.
        last: usize,
        /// How many there are.
        found: usize,
    },
}

/// An image of bytes, as a camera hands it over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pixels<'a> {
    /// Its bytes, from the first channel of the first row's first pixel on.
    pub bytes: &'a [u8],
    /// Bytes from one row, one column, one channel to the next: they say in which order the image lies, and what is left out
    /// between rows.
    pub strides: [usize; 3],
    /// What a byte is multiplied by to be in the policy's raw unit: 1, or 1/255 where the policy was trained on 0 to 1.
    pub scale: f64,
}

impl Manifest {
    /// Each entry of the observations, and where it lies in the flat observation.
    pub fn observation_entries(&self) -> impl Iterator<Item = (&Entry, Range<usize>)> {
        placed(&self.observations)
    }

    /// Each entry of the actions, and where it lies in the flat action.
    pub fn action_entries(&self) -> impl Iterator<Item = (&Entry, Range<usize>)> {
        placed(&self.actions)
    }

    /// The entry of the observations that has this name, and its place.
    ///
    /// # Errors
    /// [`EntryError::Unknown`] with the names that there are.
    pub fn observation_entry(&self, name: &str) -> Result<(&Entry, Range<usize>), EntryError> {
        self.observation_entries().find(|(entry, _)| entry.name == name).ok_or_else(|| EntryError::Unknown {
            name: name.to_owned(),
            known: self.observations.iter().map(|entry| entry.name.clone()).collect(),
        })
    }
}

fn placed(entries: &[Entry]) -> impl Iterator<Item = (&Entry, Range<usize>)> {
    entries.iter().scan(0, |end, entry| {
        let begin = *end;
        *end += entry.len();
        Some((entry, begin..*end))
    })
}

impl Entry {
    /// Refuses another number of values.
    ///
    /// # Errors
    /// [`EntryError::Length`].
    pub fn check_len(&self, found: usize) -> Result<(), EntryError> {
        if found == self.len() {
            return Ok(());
        }
        let (name, shape) = (self.name.clone(), self.shape.clone());
        Err(EntryError::Length { name, found, expected: self.len(), shape })
    }

    /// The entry's values, in its own order, of an image.
    ///
    /// # Errors
    /// The entry is no image, or larger than the bytes.
    ///
    /// # Example
    /// ```
    /// # use parapolicy_policy::Entry;
    /// use parapolicy_policy::Pixels;
    ///
    /// # let entry = serde_json::json!({"name": "eye", "shape": [3, 4, 5], "normalization": {"mode": "identity"}});
    /// # let entry: Entry = serde_json::from_value(entry)?;
    /// // The policy has `[3, 4, 5]`; the camera gives rows of five pixels of three bytes.
    /// let bytes: Vec<u8> = (0..60).collect();
    /// let image = Pixels { bytes: &bytes, strides: [15, 3, 1], scale: 1.0 / 255.0 };
    /// let values: Vec<f64> = entry.pixels(&image)?.collect();
    /// assert_eq!(values[1], 3.0 / 255.0); // the second pixel's first channel
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn pixels<'a>(&self, image: &Pixels<'a>) -> Result<impl Iterator<Item = f64> + use<'a>, EntryError> {
        let of_name = |source| EntryError::Image { name: self.name.clone(), source };
        let axes = ImageAxes::new(&self.shape, Layout::Hwc).map_err(of_name)?;
        let ([height, width, channels], channels_first) = (axes.shape(), axes.is_moved());
        let Pixels { bytes, strides, scale } = *image;
        let reach = [height - 1, width - 1, channels - 1].into_iter().zip(strides);
        let last =
            reach.map(|(index, stride)| index.checked_mul(stride)).try_fold(0usize, |sum, one| sum.checked_add(one?));
        let last = last.unwrap_or(usize::MAX);
        if last >= bytes.len() {
            return Err(EntryError::Strides { name: self.name.clone(), last, found: bytes.len() });
        }
        let place = move |index: usize| match channels_first {
            true => [index / width % height, index % width, index / (height * width)],
            false => [index / (width * channels), index / channels % width, index % channels],
        };
        let byte = move |index| place(index).into_iter().zip(strides).map(|(at, stride)| at * stride).sum::<usize>();
        Ok((0..height * width * channels).map(move |index| f64::from(bytes[byte(index)]) * scale))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]

    use serde_json::json;

    use super::*;

    fn entry(shape: &[usize]) -> Entry {
        serde_json::from_value(json!({"name": "eye", "shape": shape, "normalization": {"mode": "identity"}})).unwrap()
    }

    /// Every pixel says where it is: what comes out does not depend on the order in which the image lay.
    #[test]
    fn an_image_of_any_strides_is_put_into_an_entry_of_either_order() {
        let (height, width, channels) = (5, 6, 3);
        let value = |y: usize, x: usize, c: usize| (y * 40 + x * 5 + c) as u8;
        // Rows padded by 4 bytes; columns first; channels apart.
        for strides in [[22, 3, 1], [18, 3, 1], [3, 15, 1], [6, 1, 30]] {
            let mut bytes = vec![0; 200];
            for (y, x, c) in
                (0..height).flat_map(|y| (0..width).flat_map(move |x| (0..channels).map(move |c| (y, x, c))))
            {
                bytes[y * strides[0] + x * strides[1] + c * strides[2]] = value(y, x, c);
            }
            let image = Pixels { bytes: &bytes, strides, scale: 0.5 };
            let last: Vec<f64> = entry(&[height, width, channels]).pixels(&image).unwrap().collect();
            let first: Vec<f64> = entry(&[channels, height, width]).pixels(&image).unwrap().collect();
            for (y, x, c) in [(0, 0, 0), (4, 5, 2), (1, 2, 0), (3, 0, 1)] {
                let expected = f64::from(value(y, x, c)) * 0.5;
                assert_eq!(last[(y * width + x) * channels + c], expected, "{strides:?}");
                assert_eq!(first[(c * height + y) * width + x], expected, "{strides:?}");
            }
        }
    }

    #[test]
    fn what_does_not_fit_is_named() {
        let told = |shape: &[usize], bytes: usize, strides| {
            let bytes = vec![0; bytes];
            entry(shape).pixels(&Pixels { bytes: &bytes, strides, scale: 1.0 }).map(drop).unwrap_err().to_string()
        };
        assert_eq!(told(&[5, 6, 3], 89, [18, 3, 1]), "`eye`: its strides lead to byte 89, but the image has 89");
        assert!(told(&[5, 6, 3], 90, [usize::MAX, 3, 1]).starts_with("`eye`: its strides lead to byte "));
        assert_eq!(told(&[4], 90, [18, 3, 1]), "`eye` is no image");
        let short = entry(&[2, 3]).check_len(5).unwrap_err().to_string();
        assert_eq!(short, "`eye` has 5 values, but the policy's has 6: [2, 3]");
    }
}
