//! What is known of a tensor while a graph is interpreted.

use std::sync::Arc;

use parapolicy_onnx::Floats;

use crate::network::Turn;

/// What is known of a tensor.
#[derive(Clone, Debug)]
pub enum Value {
    /// Constant numbers.
    Numbers(Numbers),
    /// Constant integers, or a shape.
    Sizes(Sizes),
    /// A tensor with one entry for each batch row.
    Rows(Rows),
}

/// Constant numbers, row-major.
#[derive(Clone, Debug)]
pub struct Numbers {
    pub dims: Vec<usize>,
    pub values: Floats,
}

/// A list of integers, or a single one.
#[derive(Clone, Debug, PartialEq)]
pub struct Sizes {
    pub scalar: bool,
    pub values: Vec<Size>,
}

/// An integer in a computation of shapes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// So many times the number of rows in a batch, which is not known.
    Batch(usize),
    Known(i64),
}

/// A tensor whose first axis is the batch. The numbers of a row are contiguous, whatever its shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    /// The sizes after the batch axis.
    pub dims: Vec<usize>,
    pub content: Content,
}

/// What the numbers of a row are.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Functions of the timestep and the observation, one after the other.
    Features(Vec<Piece>),
    /// A stage of the network, `[channels, positions]`, or `[positions, channels]` if `transposed`.
    Stage { stage: usize, transposed: bool },
    /// A stage whose channels are divided into heads.
    Heads(Heads),
    /// What is on the way from heads to heads that are turned by their positions.
    Turning(Heads, Turning),
    /// Attention scores, `[head, query position, key position]`.
    Scores(Scores),
    /// Functions, applied one after the other, that are part of a known activation function.
    Partial(Vec<Unary>, Box<Content>),
}

/// A stage whose channels are divided into heads, `[head, position, channel]`, or `[head, channel, position]` if
/// `transposed`.
#[derive(Clone, Debug, PartialEq)]
pub struct Heads {
    pub stage: usize,
    pub heads: usize,
    pub transposed: bool,
    /// How positions turn them.
    pub turn: Option<Arc<Turn>>,
}

/// Parts of `cos · x + sin · [-x[half..], x[..half]]` (Su et al. 2021, arXiv 2104.09864), where `x` are heads.
#[derive(Clone, Debug, PartialEq)]
pub enum Turning {
    /// `x[..half]`
    First,
    /// `x[half..]`
    Second,
    /// `-x[half..]`
    MinusSecond,
    /// `[-x[half..], x[..half]]`
    Turned,
    /// Heads times the numbers of each position and channel.
    Cosines(Arc<[f32]>),
    /// Heads turned by a right angle, times the numbers of each position and channel.
    Sines(Arc<[f32]>),
}

/// `query · keyᵀ * scale + mask` of each head, or the softmax of that.
#[derive(Clone, Debug, PartialEq)]
pub struct Scores {
    pub query: usize,
    pub key: usize,
    pub query_turn: Option<Arc<Turn>>,
    pub key_turn: Option<Arc<Turn>>,
    pub heads: usize,
    pub scale: f32,
    pub mask: Option<Arc<Vec<f32>>>,
    pub softmax: bool,
}

/// Numbers that are the sum of a function of the timestep and one of the observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    pub len: usize,
    /// Where each function's first number is, as step and index.
    pub timestep: Option<(usize, usize)>,
    pub observation: Option<(usize, usize)>,
}

/// Functions of which Mish and GELU are composed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unary {
    Neg,
    Sigmoid,
    Softplus,
    Log,
    Tanh,
    Erf,
    OverRootTwo,
    Halved,
    PlusOne,
    Squared,
    Cubed,
    /// Times 0.044715.
    OfCube,
    /// Times `sqrt(2 / pi)`.
    TimesRoot,
    /// Plus what the functions are of.
    PlusSelf,
    /// Times what the functions are of.
    TimesSelf,
}

impl Rows {
    /// The same numbers in another shape.
    pub fn reshaped(&self, dims: Vec<usize>) -> Self {
        Self { dims, content: self.content.clone() }
    }
}

impl Numbers {
    /// Its sizes without leading ones, as far as there are more than `rank` axes.
    pub fn dims_to(&self, rank: usize) -> &[usize] {
        let spare = self.dims.len().saturating_sub(rank);
        let ones = self.dims.iter().take(spare).take_while(|&&dim| dim == 1).count();
        &self.dims[ones..]
    }

    /// `len` entries of the first axis, from `start`.
    pub fn entries(&self, start: usize, len: usize) -> Result<Self, String> {
        let apart: usize = self.dims.iter().skip(1).product();
        let end = start.checked_add(len).filter(|&end| self.dims.first().is_some_and(|&size| end <= size));
        let end =
            end.ok_or_else(|| format!("takes {len} entries from {start} of a constant of shape {:?}", self.dims))?;
        let mut dims = self.dims.clone();
        dims[0] = len;
        Ok(Self { dims, values: self.values.part(start * apart..end * apart) })
    }

    /// The numbers, broadcast to shape `dims` if that is possible.
    pub fn repeated(&self, dims: &[usize]) -> Option<Vec<f32>> {
        let own = self.dims_to(dims.len());
        let missing = dims.len().checked_sub(own.len())?;
        if own.iter().zip(&dims[missing..]).any(|(&own, &dim)| own != dim && own != 1) {
            return None;
        }
        let mut numbers = self.values.to_vec();
        let mut inner = 1;
        for (axis, &dim) in dims.iter().enumerate().rev() {
            if axis < missing || own[axis - missing] != dim {
                numbers = numbers.chunks(inner).flat_map(|entry| entry.repeat(dim)).collect();
            }
            inner *= dim;
        }
        Some(numbers)
    }
}

impl Sizes {
    pub fn list(values: Vec<Size>) -> Self {
        Self { scalar: false, values }
    }

    /// The integers, if the batch is not among them.
    pub fn known(&self) -> Option<Vec<i64>> {
        let known = |&size: &Size| match size {
            Size::Known(size) => Some(size),
            Size::Batch(_) => None,
        };
        self.values.iter().map(known).collect()
    }
}

impl Piece {
    /// `len` of the numbers, from `start`.
    pub fn slice(&self, start: usize, len: usize) -> Self {
        let moved = |at: Option<(usize, usize)>| at.map(|(step, first)| (step, first + start));
        Self { len, timestep: moved(self.timestep), observation: moved(self.observation) }
    }
}
