//! Integers that are computed from shapes, as exporters write them: `Shape`, `Gather`, `Concat` and arithmetic.

use super::value::{Size, Value};
use crate::message::Node;

/// The longest list that is followed.
pub const LONGEST: usize = 64;

/// The integers that a node makes of its inputs', if they are followed. Its output has the shape that the operator gives it.
pub fn computed(node: &Node, inputs: &[Option<&Value>]) -> Option<Vec<Size>> {
    let list = |index: usize| inputs.get(index).copied().flatten()?.integers.as_ref();
    let found = match node.operator.as_str() {
        "Identity" => list(0)?.clone(),
        // 7 is int64.
        "Cast" if node.int("to", 0) == 7 => list(0)?.clone(),
        "Reshape" | "Squeeze" | "Unsqueeze" => list(0)?.clone(),
        "Gather" => {
            let from = list(0)?;
            let indices = inputs.get(1).copied().flatten()?.known_integers()?;
            indices.iter().map(|&index| from.get(position(index, from.len())?).copied()).collect::<Option<_>>()?
        }
        "Concat" => {
            let lists: Option<Vec<_>> = (0..inputs.len()).map(list).collect();
            lists?.into_iter().flatten().copied().collect()
        }
        "Slice" => {
            let from = list(0)?;
            let bound = |index: usize| inputs.get(index).copied().flatten()?.known_integers();
            let steps = if inputs.get(4).copied().flatten().is_some() { bound(4)? } else { vec![1] };
            let (&[start], &[end], [1]) = (&bound(1)?[..], &bound(2)?[..], &steps[..]) else { return None };
            let (start, end) = (clamped(start, from.len()), clamped(end, from.len()));
            from.get(start..end.max(start))?.to_vec()
        }
        "Add" | "Sub" | "Mul" | "Div" => {
            let (a, b) = (list(0)?, list(1)?);
            let len = if a.is_empty() || b.is_empty() { 0 } else { a.len().max(b.len()) };
            if [a, b].iter().any(|list| list.len() != len && list.len() != 1) {
                return None;
            }
            let at = |list: &[Size], index: usize| list[index.min(list.len() - 1)].known();
            let each = |index| Some(Size::Known(arithmetic(&node.operator, at(a, index)?, at(b, index)?)?));
            (0..len).map(each).collect::<Option<_>>()?
        }
        _ => return None,
    };
    (found.len() <= LONGEST).then_some(found)
}

fn arithmetic(operator: &str, a: i64, b: i64) -> Option<i64> {
    match operator {
        "Add" => a.checked_add(b),
        "Sub" => a.checked_sub(b),
        "Mul" => a.checked_mul(b),
        // Of negative numbers runtimes differ.
        _ if a >= 0 && b > 0 => a.checked_div(b),
        _ => None,
    }
}

/// An index into `len` entries, from the end if negative.
pub fn position(index: i64, len: usize) -> Option<usize> {
    let counted = if index < 0 { index.checked_add(len as i64)? } else { index };
    usize::try_from(counted).ok().filter(|&counted| counted < len)
}

/// A bound of a slice of `len` entries.
pub fn clamped(bound: i64, len: usize) -> usize {
    let counted = if bound < 0 { bound.saturating_add(len as i64) } else { bound };
    usize::try_from(counted).unwrap_or(0).min(len)
}
