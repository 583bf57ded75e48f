//! What is known of a tensor while the graph is read.

use std::sync::Arc;

/// What a name in the graph stands for.
#[derive(Clone, Debug)]
pub enum Value {
    /// Constant numbers.
    Numbers(Numbers),
    /// Constant integers, or a shape.
    Sizes(Sizes),
    /// One tensor entry a batch row.
    Rows(Rows),
}

/// Constant numbers, row-major.
#[derive(Clone, Debug)]
pub struct Numbers {
    pub dims: Vec<usize>,
    pub values: Arc<Vec<f32>>,
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
    /// The number of rows in a batch, whatever it may be.
    Batch,
    Known(i64),
}

/// A tensor that has the batch as its first axis. Its numbers in a row lie one after the other, whatever its shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Rows {
    /// The sizes after the batch axis.
    pub dims: Vec<usize>,
    pub content: Content,
}

/// What the numbers are.
#[derive(Clone, Debug, PartialEq)]
pub enum Content {
    /// Functions of the timestep and the observation, one after the other.
    Features(Vec<Piece>),
    /// A stage of the network, `[channels, positions]`, or the other way round where `turned`.
    Stage { stage: usize, turned: bool },
    /// Functions of one of the above that only together make up a known one.
    Partial(Vec<Unary>, Box<Content>),
}

/// Numbers that are the sum of a function of the timestep and one of the observation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Piece {
    pub len: usize,
    /// Where each function's first number is found, as step and index.
    pub timestep: Option<(usize, usize)>,
    pub observation: Option<(usize, usize)>,
}

/// Functions that Mish is written with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unary {
    Neg,
    Sigmoid,
    Softplus,
    Log,
    Tanh,
}

impl Rows {
    /// The same numbers in another shape.
    pub fn reshaped(&self, dims: Vec<usize>) -> Self {
        Self { dims, content: self.content.clone() }
    }

    /// Numbers in a row.
    pub fn len(&self) -> usize {
        self.dims.iter().product()
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
            Size::Batch => None,
        };
        self.values.iter().map(known).collect()
    }
}

impl Piece {
    /// `len` of the numbers, from `start`.
    pub fn part(&self, start: usize, len: usize) -> Self {
        let moved = |at: Option<(usize, usize)>| at.map(|(step, first)| (step, first + start));
        Self { len, timestep: moved(self.timestep), observation: moved(self.observation) }
    }
}
