//! What is known of an input or an output of a graph: name, element type and shape.

use std::fmt;

use crate::message::{AxisSize, FLOAT, INT64, ValueInfo};

/// An input or an output of a graph.
///
/// It can be read from a file ([`Graph`](crate::Graph)) or made from what a runtime says of an open session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorInfo {
    /// Its name.
    pub name: String,
    /// What kind of value it is.
    pub kind: ValueKind,
}

/// The kind of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueKind {
    /// A tensor.
    Tensor {
        /// Type of its elements.
        element: ElementType,
        /// Its shape.
        shape: Vec<Dimension>,
    },
    /// Not a tensor: a description in words.
    Other(String),
}

/// The type of a tensor's elements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ElementType {
    /// 32-bit floating point.
    Float32,
    /// 64-bit integers.
    Int64,
    /// Another type, by its name.
    Other(String),
}

/// The size of one axis of a tensor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dimension {
    /// The graph fixes it.
    Fixed(i64),
    /// It is open. It may have a name, which is empty otherwise.
    Open(String),
}

impl TensorInfo {
    /// The name of its first size, if that is open; empty if it has no name.
    pub fn batch_name(&self) -> Option<&str> {
        match self.sizes().first()? {
            Dimension::Open(name) => Some(name),
            Dimension::Fixed(_) => None,
        }
    }

    /// Its shape; empty if it is not a tensor.
    pub fn sizes(&self) -> &[Dimension] {
        match &self.kind {
            ValueKind::Tensor { shape, .. } => shape,
            ValueKind::Other(_) => &[],
        }
    }
}

impl ElementType {
    /// `f32`, `i64`, or the name of another type.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Float32 => "f32",
            Self::Int64 => "i64",
            Self::Other(name) => name,
        }
    }

    /// By its number in `TensorProto.DataType`.
    fn from_number(number: i32) -> Self {
        match number {
            FLOAT => Self::Float32,
            INT64 => Self::Int64,
            6 => Self::Other("i32".into()),
            10 => Self::Other("f16".into()),
            11 => Self::Other("f64".into()),
            16 => Self::Other("bf16".into()),
            other => Self::Other(format!("number {other}")),
        }
    }
}

/// By the name that it prints as.
impl From<&str> for ElementType {
    fn from(name: &str) -> Self {
        match name {
            "f32" => Self::Float32,
            "i64" => Self::Int64,
            other => Self::Other(other.into()),
        }
    }
}

impl Dimension {
    /// The size, if the graph fixes it.
    pub fn known(&self) -> Option<usize> {
        match self {
            Self::Fixed(size) => usize::try_from(*size).ok(),
            Self::Open(_) => None,
        }
    }

    /// Whether the size is `size`, or open.
    pub fn fits(&self, size: usize) -> bool {
        match self {
            Self::Fixed(fixed) => usize::try_from(*fixed) == Ok(size),
            Self::Open(_) => true,
        }
    }

    /// A negative size in a file is treated as an open one.
    fn of_axis(size: Option<&AxisSize>) -> Self {
        match size {
            Some(&AxisSize::Fixed(size)) if size >= 0 => Self::Fixed(size),
            Some(AxisSize::Fixed(size)) => Self::Open(size.to_string()),
            Some(AxisSize::Named(name)) => Self::Open(name.clone()),
            None => Self::Open(String::new()),
        }
    }
}

impl From<&ValueInfo> for TensorInfo {
    fn from(info: &ValueInfo) -> Self {
        let tensor = info.kind.as_ref().and_then(|kind| kind.tensor.as_ref());
        let element = ElementType::from_number(tensor.map_or(0, |tensor| tensor.element));
        let axes = tensor.and_then(|tensor| tensor.shape.as_ref()).map_or(&[][..], |shape| &shape.axes);
        let shape = axes.iter().map(|axis| Dimension::of_axis(axis.size.as_ref())).collect();
        Self { name: info.name.clone(), kind: ValueKind::Tensor { element, shape } }
    }
}

impl fmt::Display for TensorInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.name, self.kind)
    }
}

impl fmt::Display for ValueKind {
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

impl fmt::Display for ElementType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(size) => write!(f, "{size}"),
            Self::Open(name) if name.is_empty() => f.write_str("dyn"),
            Self::Open(name) => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Axis, Shape, TensorType, Type};

    fn info(element: i32, sizes: Vec<Option<AxisSize>>) -> TensorInfo {
        let shape = Some(Shape { axes: sizes.into_iter().map(|size| Axis { size }).collect() });
        let kind = Some(Type { tensor: Some(TensorType { element, shape }) });
        TensorInfo::from(&ValueInfo { name: "x".into(), kind })
    }

    #[test]
    fn a_tensor_is_described_in_one_line() {
        let sizes = || vec![Some(AxisSize::Named("batch".into())), None, Some(AxisSize::Fixed(2))];
        assert_eq!(info(FLOAT, sizes()).to_string(), "`x` Tensor<f32>(batch, dyn, 2)");
        assert_eq!(info(INT64, vec![]).to_string(), "`x` Tensor<i64>()");
        assert_eq!(info(2, vec![]).to_string(), "`x` Tensor<number 2>()");
        let other = TensorInfo { name: "x".into(), kind: ValueKind::Other("Sequence<f32>".into()) };
        assert_eq!((other.to_string().as_str(), other.sizes()), ("`x` Sequence<f32>", &[][..]));
    }

    #[test]
    fn sizes_are_fixed_or_open() {
        let tensor = info(FLOAT, vec![Some(AxisSize::Fixed(-1)), Some(AxisSize::Fixed(3))]);
        assert_eq!(tensor.batch_name(), Some("-1"));
        let [batch, size] = tensor.sizes() else { unreachable!() };
        assert_eq!((batch.known(), size.known()), (None, Some(3)));
        assert!(batch.fits(7) && size.fits(3) && !size.fits(4));
    }
}
