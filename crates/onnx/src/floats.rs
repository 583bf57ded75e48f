//! 32-bit floating-point numbers that are not copied: where a file was read to, or in the file, there they stay.

use std::{fmt, ops::Range, sync::Arc};

use prost::bytes::Bytes;

use crate::{ConstantError, left::LeftConstant};

/// Bytes of a number.
const SIZE: usize = size_of::<f32>();

/// Numbers as the little-endian bytes that they are in a file. A clone shares them. Those that were left in the file are read when
/// one of them is asked for, and kept until the last clone is dropped.
///
/// ```
/// use parapolicy_onnx::Floats;
///
/// let numbers = Floats::from(vec![0.5, -2.0]);
/// assert_eq!((numbers.len(), numbers.at(1)), (2, -2.0));
/// assert_eq!(numbers.to_vec(), [0.5, -2.0]);
/// ```
#[derive(Clone)]
pub struct Floats(Place);

#[derive(Clone)]
enum Place {
    Memory(Bytes),
    /// These bytes of a constant.
    File(Arc<LeftConstant>, Range<usize>),
}

impl Floats {
    /// The numbers that `bytes` are.
    ///
    /// # Errors
    /// Bytes that do not divide into numbers.
    pub fn new(bytes: Bytes) -> Result<Self, ConstantError> {
        divided(bytes.len())?;
        Ok(Self(Place::Memory(bytes)))
    }

    /// The numbers of a constant that was left in its file.
    pub(crate) fn left(constant: LeftConstant) -> Result<Self, ConstantError> {
        let len = constant.len();
        divided(len)?;
        Ok(Self(Place::File(Arc::new(constant), 0..len)))
    }

    /// The same numbers, in memory: each is then had without asking where it is.
    #[must_use]
    pub fn in_memory(&self) -> Self {
        match &self.0 {
            Place::Memory(_) => self.clone(),
            Place::File(constant, range) => Self(Place::Memory(constant.bytes().slice(range.clone()))),
        }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        let bytes = match &self.0 {
            Place::Memory(bytes) => bytes.len(),
            Place::File(_, range) => range.len(),
        };
        bytes / SIZE
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The numbers, each as four bytes, which need not be aligned.
    pub fn words(&self) -> &[[u8; SIZE]] {
        let bytes = match &self.0 {
            Place::Memory(bytes) => &bytes[..],
            Place::File(constant, range) => &constant.bytes()[range.clone()],
        };
        bytes.as_chunks().0
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
        let range = range.start * SIZE..range.end * SIZE;
        match &self.0 {
            Place::Memory(bytes) => Self(Place::Memory(bytes.slice(range))),
            Place::File(constant, all) => {
                assert!(range.start <= range.end && range.end <= all.len(), "{range:?} of {} bytes", all.len());
                Self(Place::File(Arc::clone(constant), all.start + range.start..all.start + range.end))
            }
        }
    }

    /// A copy, aligned.
    pub fn to_vec(&self) -> Vec<f32> {
        self.iter().collect()
    }
}

/// Whether so many bytes are numbers.
fn divided(bytes: usize) -> Result<(), ConstantError> {
    if bytes.is_multiple_of(SIZE) { Ok(()) } else { Err(ConstantError::Bytes { bytes, size: SIZE }) }
}

impl Default for Floats {
    fn default() -> Self {
        Self::from(vec![])
    }
}

/// The same numbers, wherever they are.
impl PartialEq for Floats {
    fn eq(&self, other: &Self) -> bool {
        self.words() == other.words()
    }
}

impl Eq for Floats {}

impl From<Vec<f32>> for Floats {
    fn from(numbers: Vec<f32>) -> Self {
        Self(Place::Memory(numbers.iter().flat_map(|number| number.to_le_bytes()).collect()))
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
