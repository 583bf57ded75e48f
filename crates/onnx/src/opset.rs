//! Which versions of ONNX's operators a model uses, and which of them are understood here.
//!
//! An operator's meaning changes from version to version: `Softmax` without an axis is over the axes from 1 on before
//! version 13, and over the last one since. What reads a graph node by node must know which versions it was written for.

use std::ops::RangeInclusive;

use prost::{Message, bytes::Bytes};

use crate::message::{OperatorSet, decoded};

/// Versions of ONNX's own operators that the partition and the engine were written for.
pub const OPSETS: RangeInclusive<i64> = 11..=23;

/// The last version of the file format that was tested: what ONNX Runtime 1.31 reads.
pub const LAST_IR_VERSION: i64 = 13;

/// Whether a domain is that of ONNX's own operators.
pub fn is_own(domain: &str) -> bool {
    matches!(domain, "" | "ai.onnx")
}

/// The version of ONNX's own operators among the sets that a model imports; `None` if it imports none, or the list cannot
/// be decoded.
pub(crate) fn own_version(sets: &[Bytes]) -> Option<i64> {
    let sets: Vec<OperatorSet> = decoded(sets).ok()?;
    sets.iter().find(|set| is_own(&set.domain)).map(|set| set.version)
}

/// `FunctionProto`: an operator that a model defines itself.
#[derive(Clone, PartialEq, Message)]
struct Function {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "10")]
    domain: String,
}

/// The name of an operator of ONNX's own that a model defines anew, if it does; `None` if its functions cannot be decoded.
#[allow(clippy::option_option, reason = "not decoded, and nothing found, are two answers")]
pub(crate) fn redefined(functions: &[Bytes]) -> Option<Option<String>> {
    let functions: Vec<Function> = decoded(functions).ok()?;
    Some(functions.into_iter().find(|function| is_own(&function.domain)).map(|function| function.name))
}
