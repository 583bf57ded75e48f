//! Inputs and outputs of a graph.

use std::fmt;

use super::{
    message::{Size, ValueInfo},
    tensor::{FLOAT, INT64},
};

/// An input or an output of a graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outlet {
    /// Its name.
    pub name: String,
    /// Its element type.
    pub element: Element,
    /// Its sizes; an open one is an error with the name that it has, if any.
    pub shape: Vec<Result<usize, String>>,
}

/// An element type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Element {
    /// 32-bit floating point.
    Float32,
    /// 64-bit integers.
    Int64,
    /// Another one, by its number in ONNX.
    Other(i32),
}

impl Outlet {
    pub(super) fn new(info: &ValueInfo) -> Self {
        let tensor = info.kind.as_ref().and_then(|kind| kind.tensor.as_ref());
        let element = match tensor.map_or(0, |tensor| tensor.element) {
            FLOAT => Element::Float32,
            INT64 => Element::Int64,
            other => Element::Other(other),
        };
        let dims = tensor.and_then(|tensor| tensor.shape.as_ref()).map_or(&[][..], |shape| &shape.dims);
        let size = |size: &Option<Size>| match size {
            Some(Size::Fixed(size)) => usize::try_from(*size).map_err(|_| size.to_string()),
            Some(Size::Named(name)) => Err(name.clone()),
            None => Err(String::new()),
        };
        Self { name: info.name.clone(), element, shape: dims.iter().map(|dim| size(&dim.size)).collect() }
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Float32 => f.write_str("f32"),
            Self::Int64 => f.write_str("i64"),
            Self::Other(6) => f.write_str("i32"),
            Self::Other(10) => f.write_str("f16"),
            Self::Other(11) => f.write_str("f64"),
            Self::Other(16) => f.write_str("bf16"),
            Self::Other(number) => write!(f, "number {number}"),
        }
    }
}
