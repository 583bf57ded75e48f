//! The messages of `onnx.proto3` (<https://github.com/onnx/onnx>), with the fields that Parapolicy uses.
//!
//! A [`Model`] and its [`GraphProto`] hold nodes, constants, inputs and outputs as undecoded bytes, so that
//! [`Partition`](crate::Partition) can copy them unchanged, with the fields that are not listed here. [`decoded`] turns
//! such a list into messages. Fields that are not listed are skipped, and a tensor's bytes are not copied: they are slices
//! of the file.

use prost::{DecodeError, Message, Oneof, bytes::Bytes};

pub use crate::left::Left;

/// `TensorProto.DataType.FLOAT`: 32-bit floating point.
pub const FLOAT: i32 = 1;
/// `TensorProto.DataType.INT64`: 64-bit integers.
pub const INT64: i32 = 7;

/// Decodes each element of a list.
///
/// # Errors
/// The first element that is not such a message.
pub fn decoded<M: Message + Default>(list: &[Bytes]) -> Result<Vec<M>, DecodeError> {
    list.iter().map(|bytes| M::decode(bytes.clone())).collect()
}

/// `ModelProto`: a whole file.
#[derive(Clone, PartialEq, Message)]
pub struct Model {
    /// Version of the file format.
    #[prost(int64, tag = "1")]
    pub ir_version: i64,
    /// The graph.
    #[prost(message, optional, tag = "7")]
    pub graph: Option<GraphProto>,
    /// `OperatorSetIdProto`s, not decoded.
    #[prost(bytes = "bytes", repeated, tag = "8")]
    pub operator_sets: Vec<Bytes>,
    /// `FunctionProto`s, not decoded.
    #[prost(bytes = "bytes", repeated, tag = "25")]
    pub functions: Vec<Bytes>,
}

/// `GraphProto`: a graph whose elements are not decoded yet.
#[derive(Clone, PartialEq, Message)]
pub struct GraphProto {
    /// [`Node`]s, in an order in which they can be computed.
    #[prost(bytes = "bytes", repeated, tag = "1")]
    pub nodes: Vec<Bytes>,
    /// Name of the graph.
    #[prost(string, tag = "2")]
    pub name: String,
    /// Constants: [`Tensor`]s.
    #[prost(bytes = "bytes", repeated, tag = "5")]
    pub initializers: Vec<Bytes>,
    /// [`ValueInfo`]s.
    #[prost(bytes = "bytes", repeated, tag = "11")]
    pub inputs: Vec<Bytes>,
    /// [`ValueInfo`]s.
    #[prost(bytes = "bytes", repeated, tag = "12")]
    pub outputs: Vec<Bytes>,
    /// Sparse constants, `SparseTensorProto`s.
    #[prost(bytes = "bytes", repeated, tag = "15")]
    pub sparse_initializers: Vec<Bytes>,
}

/// `NodeProto`: one application of an operator.
#[derive(Clone, PartialEq, Message)]
pub struct Node {
    /// Names of the values that it reads; an optional one that is left out is empty.
    #[prost(string, repeated, tag = "1")]
    pub inputs: Vec<String>,
    /// Names of the values that it writes.
    #[prost(string, repeated, tag = "2")]
    pub outputs: Vec<String>,
    /// Its own name, which may be empty.
    #[prost(string, tag = "3")]
    pub name: String,
    /// Name of the operator.
    #[prost(string, tag = "4")]
    pub operator: String,
    /// Named parameters.
    #[prost(message, repeated, tag = "5")]
    pub attributes: Vec<Attribute>,
    /// The operator's domain; empty for ONNX's own operators.
    #[prost(string, tag = "7")]
    pub domain: String,
}

/// `AttributeProto`: a named parameter of a node. One of the values is set.
#[derive(Clone, PartialEq, Message)]
pub struct Attribute {
    /// Name of the parameter.
    #[prost(string, tag = "1")]
    pub name: String,
    /// A number.
    #[prost(float, tag = "2")]
    pub float: f32,
    /// An integer.
    #[prost(int64, tag = "3")]
    pub int: i64,
    /// A string, as UTF-8.
    #[prost(bytes = "bytes", tag = "4")]
    pub string: Bytes,
    /// A tensor.
    #[prost(message, optional, tag = "5")]
    pub tensor: Option<Tensor>,
    /// A nested [`GraphProto`], not decoded.
    #[prost(bytes = "bytes", optional, tag = "6")]
    pub graph: Option<Bytes>,
    /// Numbers.
    #[prost(float, repeated, tag = "7")]
    pub floats: Vec<f32>,
    /// Integers.
    #[prost(int64, repeated, tag = "8")]
    pub ints: Vec<i64>,
    /// Nested [`GraphProto`]s, not decoded.
    #[prost(bytes = "bytes", repeated, tag = "11")]
    pub graphs: Vec<Bytes>,
    /// `AttributeProto.AttributeType`: which of the values is set. 1 is a number, 2 an integer, 3 a string, 4 a tensor, 6
    /// numbers and 7 integers.
    #[prost(int32, tag = "20")]
    pub kind: i32,
}

/// A [`Node`] whose attributes are not decoded, so that it can be written under other names with all that it says.
#[derive(Clone, PartialEq, Message)]
pub struct NodeBytes {
    /// Names of the values that it reads.
    #[prost(string, repeated, tag = "1")]
    pub inputs: Vec<String>,
    /// Names of the values that it writes.
    #[prost(string, repeated, tag = "2")]
    pub outputs: Vec<String>,
    /// Its own name, which may be empty.
    #[prost(string, tag = "3")]
    pub name: String,
    /// Name of the operator.
    #[prost(string, tag = "4")]
    pub operator: String,
    /// [`Attribute`]s.
    #[prost(bytes = "bytes", repeated, tag = "5")]
    pub attributes: Vec<Bytes>,
    /// The operator's domain.
    #[prost(string, tag = "7")]
    pub domain: String,
}

/// `OperatorSetIdProto`: which version of a domain's operators a model uses.
#[derive(Clone, PartialEq, Message)]
pub struct OperatorSet {
    /// The domain; empty for ONNX's own operators.
    #[prost(string, tag = "1")]
    pub domain: String,
    /// The version.
    #[prost(int64, tag = "2")]
    pub version: i64,
}

/// `TensorProto`: a constant.
#[derive(Clone, PartialEq, Message)]
pub struct Tensor {
    /// Size of each axis.
    #[prost(int64, repeated, tag = "1")]
    pub dims: Vec<i64>,
    /// `TensorProto.DataType`: [`FLOAT`], [`INT64`] or another one.
    #[prost(int32, tag = "2")]
    pub data_type: i32,
    /// The numbers, if they are 32-bit floating point and not in `raw`.
    #[prost(float, repeated, tag = "4")]
    pub floats: Vec<f32>,
    /// The numbers, if they are 64-bit integers and not in `raw`.
    #[prost(int64, repeated, tag = "7")]
    pub ints: Vec<i64>,
    /// Its name.
    #[prost(string, tag = "8")]
    pub name: String,
    /// The numbers as little-endian bytes.
    #[prost(bytes = "bytes", tag = "9")]
    pub raw: Bytes,
    /// 1 if the numbers are in another file.
    #[prost(int32, tag = "14")]
    pub location: i32,
    /// Where the numbers are if they were left in the file, instead of in `raw`.
    #[prost(message, optional, tag = "1000")]
    pub left: Option<Left>,
}

/// `ValueInfoProto`: an input or an output of a graph.
#[derive(Clone, PartialEq, Message)]
pub struct ValueInfo {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its type; outputs may leave it out.
    #[prost(message, optional, tag = "2")]
    pub kind: Option<Type>,
}

/// `TypeProto`: the type of a value.
#[derive(Clone, PartialEq, Message)]
pub struct Type {
    /// Set if it is a tensor.
    #[prost(message, optional, tag = "1")]
    pub tensor: Option<TensorType>,
}

/// `TypeProto.Tensor`: the type of a tensor.
#[derive(Clone, PartialEq, Message)]
pub struct TensorType {
    /// `TensorProto.DataType` of its elements.
    #[prost(int32, tag = "1")]
    pub element: i32,
    /// Its shape.
    #[prost(message, optional, tag = "2")]
    pub shape: Option<Shape>,
}

/// `TensorShapeProto`: the shape of a tensor.
#[derive(Clone, PartialEq, Message)]
pub struct Shape {
    /// Its axes.
    #[prost(message, repeated, tag = "1")]
    pub axes: Vec<Axis>,
}

/// `TensorShapeProto.Dimension`: an axis of a tensor.
#[derive(Clone, PartialEq, Message)]
pub struct Axis {
    /// Its size; if it is absent, the size is open and has no name.
    #[prost(oneof = "AxisSize", tags = "1, 2")]
    pub size: Option<AxisSize>,
}

/// The size of an axis.
#[derive(Clone, PartialEq, Oneof)]
pub enum AxisSize {
    /// A fixed size.
    #[prost(int64, tag = "1")]
    Fixed(i64),
    /// An open size, by name.
    #[prost(string, tag = "2")]
    Named(String),
}
