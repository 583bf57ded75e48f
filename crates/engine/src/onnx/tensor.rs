//! Constants out of a file: believed only as far as their bytes reach.

use super::message::Tensor;

/// Element types by their number in `TensorProto.DataType`.
pub const FLOAT: i32 = 1;
pub const INT64: i32 = 7;

/// A constant's numbers, row-major.
#[derive(Clone, Debug, PartialEq)]
pub enum Numbers {
    Float(Vec<f32>),
    Int(Vec<i64>),
}

/// The sizes and the numbers of a constant, or what is wrong with it.
pub fn read(tensor: &Tensor) -> Result<(Vec<usize>, Numbers), String> {
    if tensor.location != 0 {
        return Err("keeps its numbers in another file: export the graph with all its weights in one".into());
    }
    let dims: Option<Vec<usize>> = tensor.dims.iter().map(|&dim| usize::try_from(dim).ok()).collect();
    let dims = dims.ok_or_else(|| format!("has shape {:?}", tensor.dims))?;
    let numbers = match tensor.data_type {
        FLOAT if tensor.raw.is_empty() => Numbers::Float(tensor.floats.clone()),
        FLOAT => Numbers::Float(words(&tensor.raw, f32::from_le_bytes)?),
        INT64 if tensor.raw.is_empty() => Numbers::Int(tensor.ints.clone()),
        INT64 => Numbers::Int(words(&tensor.raw, i64::from_le_bytes)?),
        other => return Err(format!("has elements of type {other}, but must have float32 or int64")),
    };
    let found = match &numbers {
        Numbers::Float(numbers) => numbers.len(),
        Numbers::Int(numbers) => numbers.len(),
    };
    if dims.iter().try_fold(1_usize, |all, &dim| all.checked_mul(dim)) != Some(found) {
        return Err(format!("has {found} numbers, but shape {dims:?}"));
    }
    Ok((dims, numbers))
}

fn words<const N: usize, T>(bytes: &[u8], read: impl Fn([u8; N]) -> T) -> Result<Vec<T>, String> {
    let (words, rest) = bytes.as_chunks::<N>();
    if !rest.is_empty() {
        return Err(format!("has {} bytes, no multiple of {N}", bytes.len()));
    }
    Ok(words.iter().map(|&word| read(word)).collect())
}
