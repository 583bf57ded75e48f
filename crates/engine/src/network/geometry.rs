//! Which positions a convolution's taps connect.

/// A convolution's shape along the positions: with or without a stride, or transposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Taps, the length of the kernel.
    pub taps: usize,
    /// Input positions for each output position; of a transposed convolution, output positions for each input position.
    pub stride: usize,
    /// Zeros before the first input position; of a transposed convolution, output positions that are cut off in front.
    pub padding: usize,
    /// Whether it is a transposed convolution.
    pub transposed: bool,
}

impl Geometry {
    /// One tap, one position: a matrix product.
    pub const POINTWISE: Self = Self { taps: 1, stride: 1, padding: 0, transposed: false };

    /// The input position, of `positions`, that tap `tap` of output `position` reads; `None` if it reads the padding.
    ///
    /// ```
    /// # use parapolicy_engine::network::Geometry;
    /// let same = Geometry { taps: 5, stride: 1, padding: 2, transposed: false };
    /// assert_eq!([0, 1, 2, 3, 4].map(|tap| same.source(1, tap, 16)), [None, Some(0), Some(1), Some(2), Some(3)]);
    /// let grow = Geometry { taps: 4, stride: 2, padding: 1, transposed: true };
    /// assert_eq!([0, 1, 2, 3].map(|tap| grow.source(4, tap, 8)), [None, Some(2), None, Some(1)]);
    /// ```
    pub fn source(&self, position: usize, tap: usize, positions: usize) -> Option<usize> {
        let source = if self.transposed {
            let spread = (position + self.padding).checked_sub(tap)?;
            (spread % self.stride == 0).then_some(spread / self.stride)?
        } else {
            (position * self.stride + tap).checked_sub(self.padding)?
        };
        (source < positions).then_some(source)
    }
}
