//! The order of an image's axes, and the way from the order in which it comes to that of an entry.

use std::fmt;

use serde::Deserialize;
use thiserror::Error;

/// The order of an image's axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// Height, width, channels.
    Hwc,
    /// Channels, height, width.
    Chw,
}

/// Why an entry cannot be an image.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LayoutError {
    /// It has not three axes.
    #[error("the entry has shape {0:?}, but an image has three axes")]
    Axes(Vec<usize>),
    /// Its first axis might be that of the channels, and its last, or neither.
    #[error("the entry's shape {0:?} does not tell which axis is that of the channels")]
    Channels(Vec<usize>),
}

/// How an image that comes in one order is put into an entry of another, or of the same.
///
/// # Example
/// ```
/// use parapolicy_policy::{ImageAxes, Layout};
///
/// let axes = ImageAxes::new(&[3, 48, 64], Layout::Hwc)?;
/// assert_eq!(axes.shape(), [48, 64, 3]);
/// assert_eq!(axes.place(1), 48 * 64); // the first pixel's second channel
/// # Ok::<(), parapolicy_policy::LayoutError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageAxes {
    shape: [usize; 3],
    moved: Moved,
}

/// Which axes are moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moved {
    /// None.
    Nothing,
    /// `[H, W, C]` comes, the entry is `[C, H, W]`.
    ChannelsFirst { pixels: usize, channels: usize },
    /// `[C, H, W]` comes, the entry is `[H, W, C]`.
    ChannelsLast { pixels: usize, channels: usize },
}

impl ImageAxes {
    /// For images that come in `layout`, and an entry of this shape. The channels are the axis, first or last, that has 1 to 4, and fewer than the other.
    ///
    /// # Errors
    /// [`LayoutError`]: the entry's shape is not that of an image.
    pub fn new(entry: &[usize], layout: Layout) -> Result<Self, LayoutError> {
        let &[a, b, c] = entry else { return Err(LayoutError::Axes(entry.to_vec())) };
        let (shape, moved) = match (layout, a <= 4 && a < c, c <= 4 && c < a) {
            (Layout::Hwc, false, true) | (Layout::Chw, true, false) => ([a, b, c], Moved::Nothing),
            (Layout::Hwc, true, false) => ([b, c, a], Moved::ChannelsFirst { pixels: b * c, channels: a }),
            (Layout::Chw, false, true) => ([c, a, b], Moved::ChannelsLast { pixels: a * b, channels: c }),
            _ => return Err(LayoutError::Channels(entry.to_vec())),
        };
        Ok(Self { shape, moved })
    }

    /// The shape that an image must have, in the order in which it comes.
    #[must_use]
    pub fn shape(&self) -> [usize; 3] {
        self.shape
    }

    /// Whether axes are moved.
    #[must_use]
    pub fn is_moved(&self) -> bool {
        self.moved != Moved::Nothing
    }

    /// Where in the entry the number `index` of what comes goes.
    #[must_use]
    pub fn place(&self, index: usize) -> usize {
        match self.moved {
            Moved::Nothing => index,
            Moved::ChannelsFirst { pixels, channels } => index % channels * pixels + index / channels,
            Moved::ChannelsLast { pixels, channels } => index % pixels * channels + index / pixels,
        }
    }
}

/// What is done to the axes, to be put after a comma: nothing where they are not moved.
impl fmt::Display for ImageAxes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.moved {
            Moved::Nothing => Ok(()),
            Moved::ChannelsFirst { .. } => f.write_str(", channels moved to the front"),
            Moved::ChannelsLast { .. } => f.write_str(", channels moved to the end"),
        }
    }
}
