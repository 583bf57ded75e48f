//! Steps of images. The positions of an activation are an image's pixels, row by row.

use std::ops::Range;

use super::Activation;

/// A window that moves over an image: what each output of a 2-D convolution, or of a maximum, reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Height and width of the image.
    pub image: [usize; 2],
    /// Height and width of the window.
    pub size: [usize; 2],
    /// Rows and columns from one place of the window to the next.
    pub stride: [usize; 2],
    /// Rows above and columns left of the image that the first places also cover; nothing is there.
    pub padding: [usize; 2],
    /// Rows and columns of places.
    pub places: [usize; 2],
}

impl Window {
    /// Pixels of the window.
    pub fn taps(&self) -> usize {
        self.size[0] * self.size[1]
    }

    /// Which rows (axis 0) or columns (axis 1) of the window are inside of the image at a place, and where in the image the
    /// first of them is.
    ///
    /// ```
    /// # use parapolicy_engine::network::Window;
    /// let window = Window { image: [5, 5], size: [3, 3], stride: [2, 2], padding: [1, 1], places: [3, 3] };
    /// assert_eq!([0, 1, 2].map(|place| window.inside(0, place)), [(1..3, 0), (0..3, 1), (0..2, 3)]);
    /// ```
    pub fn inside(&self, axis: usize, place: usize) -> (Range<usize>, usize) {
        let (first, padding) = (place * self.stride[axis], self.padding[axis]);
        let begin = padding.saturating_sub(first).min(self.size[axis]);
        let end = (self.image[axis] + padding).saturating_sub(first).clamp(begin, self.size[axis]);
        (begin..end, (first + begin).saturating_sub(padding))
    }
}

/// The largest number of each channel in a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Largest {
    /// The activation that it reads.
    pub input: Activation,
    /// The activation that it writes.
    pub output: Activation,
    /// The window.
    pub window: Window,
}

/// `residual + input`, each pixel of the input as often as the output is larger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Repeat {
    /// The activation that it reads.
    pub input: Activation,
    /// The activation that it writes.
    pub output: Activation,
    /// Height and width of the input.
    pub image: [usize; 2],
    /// How often each row and each column is there.
    pub times: [usize; 2],
    /// An activation of the output's shape that is added.
    pub residual: Option<Activation>,
}
