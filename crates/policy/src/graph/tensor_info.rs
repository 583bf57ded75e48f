//! An input or an output of a graph, whoever has opened it.

use std::fmt;

/// An input or an output of a graph, as it is.
#[derive(Clone, Debug)]
pub struct TensorInfo {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: Kind,
}

/// What an input takes or an output gives.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A tensor.
    Tensor {
        /// Its element type: `f32`, `i64`, …
        element: String,
        /// Its sizes, the batch first.
        shape: Vec<Size>,
    },
    /// Something else, in words.
    Other(String),
}

/// A size of a tensor.
#[derive(Clone, Debug)]
pub enum Size {
    /// Fixed by the graph.
    Fixed(i64),
    /// Open, and the name that it has, if any.
    Open(String),
}

impl TensorInfo {
    /// The name of its first size, if that is open.
    pub fn batch_name(&self) -> Option<&str> {
        match &self.kind {
            Kind::Tensor { shape, .. } => match shape.first()? {
                Size::Open(name) => Some(name),
                Size::Fixed(_) => None,
            },
            Kind::Other(_) => None,
        }
    }

    /// Its sizes; none of what is no tensor.
    pub fn sizes(&self) -> &[Size] {
        match &self.kind {
            Kind::Tensor { shape, .. } => shape,
            Kind::Other(_) => &[],
        }
    }
}

impl Size {
    /// The size, if the graph fixes it.
    pub fn known(&self) -> Option<usize> {
        match self {
            Self::Fixed(size) => usize::try_from(*size).ok(),
            Self::Open(_) => None,
        }
    }

    /// The size, if it is `size` or may be.
    pub fn fits(&self, size: usize) -> bool {
        match self {
            Self::Fixed(fixed) => usize::try_from(*fixed) == Ok(size),
            Self::Open(_) => true,
        }
    }
}

impl fmt::Display for TensorInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.name, self.kind)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tensor { element, shape } => {
                let sizes: Vec<_> = shape.iter().map(ToString::to_string).collect();
                write!(f, "Tensor<{element}>({})", sizes.join(", "))
            }
            Self::Other(kind) => f.write_str(kind),
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(size) => write!(f, "{size}"),
            Self::Open(name) if name.is_empty() => f.write_str("dyn"),
            Self::Open(name) => f.write_str(name),
        }
    }
}
