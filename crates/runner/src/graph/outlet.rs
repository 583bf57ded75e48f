//! Names that the graphs of this crate use for tensor information.

pub(crate) use parapolicy_onnx::{Dimension as Size, TensorInfo as Outlet, ValueKind as Kind};
