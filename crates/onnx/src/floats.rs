//! 32-bit floating-point numbers that are not copied: where a file was read to, there they stay.

use std::{fmt, ops::Range};

use prost::bytes::Bytes;

use crate::ConstantError;

/// Bytes of a number.
const SIZE: usize = size_of::<f32>();

/// Numbers as the little-endian bytes that they are in a file. A clone shares them.
///
/// ```
/// use parapolicy_onnx::Floats;
///
/// let numbers = Floats::from(vec![0.5, -2.0]);
/// assert_eq!((numbers.len(), numbers.at(1)), (2, -2.0));
/// assert_eq!(numbers.to_vec(), [0.5, -2.0]);
/// ```
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Floats(Bytes);

impl Floats {
    /// The numbers that `bytes` are.
    ///
    /// # Errors
    /// Bytes that do not divide into numbers.
    pub fn new(bytes: Bytes) -> Result<Self, ConstantError> {
        if bytes.len().is_multiple_of(SIZE) {
            Ok(Self(bytes))
        } else {
            Err(ConstantError::Bytes { bytes: bytes.len(), size: SIZE })
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len() / SIZE
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The numbers, each as four bytes, which need not be aligned.
    pub fn words(&self) -> &[[u8; SIZE]] {
        self.0.as_chunks().0
    }

    /// The number at `index`.
    ///
    /// # Panics
    /// If there are not so many.
    pub fn at(&self, index: usize) -> f32 {
        f32::from_le_bytes(self.words()[index])
    }

    /// All of them, one after the other.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = f32> + Clone + '_ {
        self.words().iter().map(|&word| f32::from_le_bytes(word))
    }

    /// Some of them, shared.
    ///
    /// # Panics
    /// If there are not so many.
    #[must_use]
    pub fn part(&self, range: Range<usize>) -> Self {
        Self(self.0.slice(range.start * SIZE..range.end * SIZE))
    }

    /// A copy, aligned.
    pub fn to_vec(&self) -> Vec<f32> {
        self.iter().collect()
    }
}

impl From<Vec<f32>> for Floats {
    fn from(numbers: Vec<f32>) -> Self {
        Self(numbers.iter().flat_map(|number| number.to_le_bytes()).collect())
    }
}

impl FromIterator<f32> for Floats {
    fn from_iter<I: IntoIterator<Item = f32>>(numbers: I) -> Self {
        Self::from(numbers.into_iter().collect::<Vec<_>>())
    }
}

/// How many there are: a network has millions.
impl fmt::Debug for Floats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} numbers", self.len())
    }
}
