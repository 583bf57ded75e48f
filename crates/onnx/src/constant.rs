//! The shape and the numbers of a constant, checked against each other.

use std::sync::Arc;

use crate::{
    Floats,
    left::{LeftConstant, LeftIn},
    message::{FLOAT, INT64, Tensor},
};

/// The shape and the numbers of a constant.
#[derive(Clone, Debug, PartialEq)]
pub struct Constant {
    /// Size of each axis. Their product is the number of numbers.
    pub dims: Vec<usize>,
    /// Its numbers, row-major.
    pub numbers: Numbers,
}

/// Numbers of a constant, row-major.
#[derive(Clone, Debug, PartialEq)]
pub enum Numbers {
    /// 32-bit floating point.
    Float(Floats),
    /// 64-bit integers.
    Int(Vec<i64>),
}

/// Why a tensor is not a usable constant. The text continues a sentence that names the constant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConstantError {
    /// The numbers are in another file.
    #[error("keeps its numbers in another file: export the graph with all its weights in one")]
    OtherFile,
    /// An axis has a negative size.
    #[error("has shape {0:?}")]
    Shape(Vec<i64>),
    /// The elements have another type.
    #[error("has elements of type {0}, but must have float32 or int64")]
    Type(i32),
    /// The bytes do not divide into numbers.
    #[error("has {bytes} bytes, no multiple of {size}")]
    Bytes {
        /// How many bytes there are.
        bytes: usize,
        /// Bytes of one number.
        size: usize,
    },
    /// The numbers are not as many as the shape says.
    #[error("has {found} numbers, but shape {dims:?}")]
    Count {
        /// How many numbers there are.
        found: usize,
        /// The shape.
        dims: Vec<usize>,
    },
}

impl Tensor {
    /// How many numbers it holds if they have 32 bits each, without reading any.
    pub fn stored(&self) -> usize {
        let left = self.left.map_or(0, |left| left.len as usize);
        (self.raw.len() + left) / size_of::<f32>() + self.floats.len()
    }

    /// The shape and the numbers of this constant. No memory is allocated because of a size that is merely stated; numbers of
    /// floating point in `raw` stay where they are.
    ///
    /// # Errors
    /// Numbers in another file, or left in the graph's own ([`Graph::constant`](crate::Graph::constant) has those); of another type
    /// than float32 and int64, or not as many as the shape says.
    pub fn constant(&self) -> Result<Constant, ConstantError> {
        self.constant_in(None)
    }

    /// The same, of which the numbers may have been left in `file`.
    pub(crate) fn constant_in(&self, file: Option<&Arc<LeftIn>>) -> Result<Constant, ConstantError> {
        if self.location != 0 {
            return Err(ConstantError::OtherFile);
        }
        let left = |left| {
            let file = file.ok_or(ConstantError::OtherFile)?;
            Ok(LeftConstant::new(Arc::clone(file), left))
        };
        let left = self.left.map(left).transpose()?;
        let dims: Option<Vec<usize>> = self.dims.iter().map(|&dim| usize::try_from(dim).ok()).collect();
        let dims = dims.ok_or_else(|| ConstantError::Shape(self.dims.clone()))?;
        let numbers = match (self.data_type, left) {
            (FLOAT, Some(left)) => Numbers::Float(Floats::left(left)?),
            (FLOAT, None) if self.raw.is_empty() => Numbers::Float(self.floats.clone().into()),
            (FLOAT, None) => Numbers::Float(Floats::new(self.raw.clone())?),
            (INT64, Some(left)) => Numbers::Int(words(left.bytes(), i64::from_le_bytes)?),
            (INT64, None) if self.raw.is_empty() => Numbers::Int(self.ints.clone()),
            (INT64, None) => Numbers::Int(words(&self.raw, i64::from_le_bytes)?),
            (other, _) => return Err(ConstantError::Type(other)),
        };
        let found = match &numbers {
            Numbers::Float(numbers) => numbers.len(),
            Numbers::Int(numbers) => numbers.len(),
        };
        if dims.iter().try_fold(1_usize, |all, &dim| all.checked_mul(dim)) != Some(found) {
            return Err(ConstantError::Count { found, dims });
        }
        Ok(Constant { dims, numbers })
    }
}

fn words<const N: usize, T>(bytes: &[u8], read: impl Fn([u8; N]) -> T) -> Result<Vec<T>, ConstantError> {
    let (words, rest) = bytes.as_chunks::<N>();
    if !rest.is_empty() {
        return Err(ConstantError::Bytes { bytes: bytes.len(), size: N });
    }
    Ok(words.iter().map(|&word| read(word)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(tensor: Tensor) -> String {
        tensor.constant().unwrap_err().to_string()
    }

    #[test]
    fn numbers_are_read_from_either_place() {
        let listed = Tensor { dims: vec![2, 1], data_type: FLOAT, floats: vec![1.0, 2.0], ..Tensor::default() };
        let bytes: Vec<u8> = [1.0_f32, 2.0].iter().flat_map(|number| number.to_le_bytes()).collect();
        let raw = Tensor { floats: vec![], raw: bytes.into(), ..listed.clone() };
        let expected = Constant { dims: vec![2, 1], numbers: Numbers::Float(vec![1.0, 2.0].into()) };
        assert_eq!(listed.constant(), Ok(expected.clone()));
        assert_eq!(raw.constant(), Ok(expected));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let float = Tensor { data_type: FLOAT, ..Tensor::default() };
        assert!(refused(Tensor { location: 1, ..float.clone() }).starts_with("keeps its numbers in another file"));
        assert_eq!(refused(Tensor { dims: vec![-1], ..float.clone() }), "has shape [-1]");
        let of_type = refused(Tensor { data_type: 10, ..float.clone() });
        assert_eq!(of_type, "has elements of type 10, but must have float32 or int64");
        let cut = Tensor { dims: vec![2], raw: vec![0; 7].into(), ..float.clone() };
        assert_eq!(refused(cut), "has 7 bytes, no multiple of 4");
        let huge = Tensor { dims: vec![i64::MAX, 4], raw: vec![0; 8].into(), ..float };
        assert_eq!(refused(huge), format!("has 2 numbers, but shape [{}, 4]", i64::MAX));
    }
}
