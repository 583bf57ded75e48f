//! The shapes that operators give their outputs, for operators whose rows are known to be independent of each other.
//!
//! An operator that is not listed, or is used in a way that mixes rows of the batch, has no shape here, and so nothing is
//! proven of what it computes. Operators: <https://github.com/onnx/onnx/blob/main/docs/Operators.md>, versions 11 to 23.

use super::{
    integers::{clamped, position},
    value::{Size, Value},
};
use crate::message::Node;

/// What an operator does with the numbers of its inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Law {
    /// Each number of the output is made of one number of each input.
    Elementwise,
    /// The numbers are moved, and are what they were.
    Moves,
    /// A product of the first input with a constant matrix, along the first input's last axis.
    Product,
    /// Anything else that keeps rows apart.
    Rowwise,
}

type Shape = Vec<Size>;

/// The law of a node and the shapes of its outputs. Inputs that are left out are `None`.
pub fn of(node: &Node, inputs: &[Option<&Value>], opset: i64) -> Option<(Law, Vec<Shape>)> {
    let first = || inputs.first().copied().flatten();
    let same = |law| Some((law, vec![first()?.shape.clone()]));
    let one = |law, shape: Option<Shape>| Some((law, vec![shape?]));
    let outputs = node.outputs.iter().filter(|name| !name.is_empty()).count();
    let found = match node.operator.as_str() {
        "Identity" | "Cast" | "Neg" | "Abs" | "Sin" | "Cos" | "Tan" | "Exp" | "Log" | "Sqrt" | "Reciprocal"
        | "Sigmoid" | "Tanh" | "Softplus" | "Softsign" | "Erf" | "Mish" | "Gelu" | "Relu" | "LeakyRelu" | "Elu"
        | "Selu" | "Celu" | "HardSigmoid" | "HardSwish" | "ThresholdedRelu" | "Floor" | "Ceil" | "Round" | "Sign"
        | "Not" => same(Law::Elementwise),
        "Add" | "Sub" | "Mul" | "Div" | "Pow" | "Mod" | "Min" | "Max" | "Equal" | "Greater" | "Less"
        | "GreaterOrEqual" | "LessOrEqual" | "And" | "Or" | "Xor" | "Where" => one(Law::Elementwise, broadcast(inputs)),
        // Bounds are single numbers.
        "Clip" => {
            let mut bounds = inputs.iter().skip(1).flatten();
            if bounds.any(|bound| !bound.is_constant() || !bound.shape.is_empty()) {
                return None;
            }
            same(Law::Elementwise)
        }
        "Reshape" => one(Law::Moves, reshaped(node, inputs)),
        "Flatten" => one(Law::Moves, flattened(node, first()?)),
        "Squeeze" => one(Law::Moves, squeezed(first()?, axes(node, inputs)?)),
        "Unsqueeze" => one(Law::Moves, unsqueezed(first()?, &axes(node, inputs)?)),
        "Transpose" => one(Law::Moves, transposed(node, first()?)),
        "Expand" => one(Law::Moves, expanded(inputs)),
        "Slice" => one(Law::Moves, sliced(inputs)),
        "Split" => return Some((Law::Moves, split(node, inputs)?)),
        "Gather" => {
            one(if inputs.get(1)?.as_ref()?.is_constant() { Law::Moves } else { Law::Rowwise }, gathered(node, inputs))
        }
        "Concat" => one(Law::Rowwise, concatenated(node, inputs)),
        "MatMul" => one(Law::Product, product(inputs)),
        "Gemm" => one(Law::Product, gemm(node, inputs)),
        "Softmax" | "LogSoftmax" => {
            let of = first()?;
            let default = if opset < 13 { 1 } else { -1 };
            let axis = position(node.int("axis", default), of.shape.len())?;
            if axis == 0 && of.is_batch() { None } else { same(Law::Rowwise) }
        }
        "LayerNormalization" => {
            let of = first()?;
            let axis = position(node.int("axis", -1), of.shape.len())?;
            let constant = inputs.iter().skip(1).flatten().all(|scale| scale.is_constant());
            if !constant || (axis == 0 && of.is_batch()) { None } else { same(Law::Rowwise) }
        }
        // Of each row and channel, or group of channels.
        "InstanceNormalization" | "GroupNormalization" => {
            let constant = inputs.iter().skip(1).flatten().all(|scale| scale.is_constant());
            if constant && first()?.shape.len() >= 3 { same(Law::Rowwise) } else { None }
        }
        "BatchNormalization" => {
            let constant = inputs.iter().skip(1).flatten().all(|scale| scale.is_constant());
            if constant && node.int("training_mode", 0) == 0 { same(Law::Rowwise) } else { None }
        }
        "ReduceMean" | "ReduceSum" | "ReduceMax" | "ReduceMin" | "ReduceProd" | "ReduceL1" | "ReduceL2"
        | "ReduceLogSumExp" | "ReduceSumSquare" => one(Law::Rowwise, reduced(node, first()?, axes(node, inputs)?)),
        "ArgMax" | "ArgMin" => one(Law::Rowwise, reduced(node, first()?, vec![node.int("axis", 0)])),
        "Conv" => one(Law::Rowwise, convolved(node, inputs)),
        "GlobalAveragePool" | "GlobalMaxPool" => {
            let of = &first()?.shape;
            let kept = of.get(..2)?.iter().copied();
            one(Law::Rowwise, Some(kept.chain(of[2..].iter().map(|_| Size::Known(1))).collect()))
        }
        _ => None,
    };
    found.filter(|_| outputs == 1)
}

/// The shape that several are broadcast to. The batch may meet nothing but the batch, or a 1.
pub fn broadcast(inputs: &[Option<&Value>]) -> Option<Shape> {
    let shapes: Option<Vec<&Shape>> = inputs.iter().map(|input| input.map(|value| &value.shape)).collect();
    let shapes = shapes?;
    let rank = shapes.iter().map(|shape| shape.len()).max()?;
    let at = |shape: &Shape, axis: usize| (axis + shape.len()).checked_sub(rank).map_or(Size::Known(1), |at| shape[at]);
    let merged = |axis: usize| {
        shapes.iter().map(|shape| at(shape, axis)).try_fold(Size::Known(1), |size, other| match (size, other) {
            (size, Size::Known(1)) => Some(size),
            (Size::Known(1), other) => Some(other),
            (size, other) => (size == other).then_some(size),
        })
    };
    let found: Shape = (0..rank).map(merged).collect::<Option<_>>()?;
    found.iter().skip(1).all(|size| *size != Size::Batch).then_some(found)
}

/// The axes of a reduction, of `Squeeze` and of `Unsqueeze`: an input, or an attribute in earlier versions. Without them all
/// axes would be meant, the batch too: nothing is found then.
fn axes(node: &Node, inputs: &[Option<&Value>]) -> Option<Vec<i64>> {
    let axes = match inputs.get(1).copied().flatten() {
        Some(axes) => axes.known_integers()?,
        None => node.ints("axes")?.to_vec(),
    };
    (!axes.is_empty()).then_some(axes)
}

fn positions(axes: &[i64], rank: usize) -> Option<Vec<usize>> {
    let mut found = axes.iter().map(|&axis| position(axis, rank)).collect::<Option<Vec<_>>>()?;
    found.sort_unstable();
    found.windows(2).all(|two| two[0] != two[1]).then_some(found)
}

/// Numbers in so many axes, without the batch.
pub fn numbers(shape: &[Size]) -> Option<i64> {
    shape.iter().filter_map(|size| size.known()).try_fold(1_i64, i64::checked_mul)
}

fn reshaped(node: &Node, inputs: &[Option<&Value>]) -> Option<Shape> {
    let of = &inputs.first()?.as_ref()?.shape;
    let mut to = inputs.get(1)?.as_ref()?.integers.clone()?;
    for (axis, size) in to.iter_mut().enumerate() {
        if *size == Size::Known(0) && node.int("allowzero", 0) == 0 {
            *size = *of.get(axis)?;
        }
    }
    let batches = |shape: &[Size]| shape.iter().filter(|size| **size == Size::Batch).count();
    let mut open = (0..to.len()).filter(|&axis| to[axis] == Size::Known(-1));
    let (axis, another) = (open.next(), open.next());
    // A size that is left open is the batch if that is missing, or else what is left of the numbers.
    if let Some(axis) = axis {
        to[axis] = Size::Known(1);
        to[axis] = if batches(&to) < batches(of) {
            Size::Batch
        } else {
            Size::Known(numbers(of)?.checked_div(numbers(&to)?)?)
        };
    }
    let positive = to.iter().all(|size| size.known().is_none_or(|size| size > 0));
    let keeps_batch = batches(&to) == batches(of) && to.iter().skip(1).all(|size| *size != Size::Batch);
    (another.is_none() && positive && keeps_batch && numbers(&to)? == numbers(of)?).then_some(to)
}

fn flattened(node: &Node, of: &Value) -> Option<Shape> {
    (of.is_batch() && node.int("axis", 1) == 1).then_some(vec![Size::Batch, Size::Known(numbers(&of.shape)?)])
}

fn squeezed(of: &Value, axes: Vec<i64>) -> Option<Shape> {
    let axes = positions(&axes, of.shape.len())?;
    if axes.iter().any(|&axis| of.shape[axis] != Size::Known(1)) {
        return None;
    }
    let kept = of.shape.iter().enumerate().filter(|(axis, _)| !axes.contains(axis));
    Some(kept.map(|(_, size)| *size).collect())
}

fn unsqueezed(of: &Value, axes: &[i64]) -> Option<Shape> {
    let rank = of.shape.len() + axes.len();
    let axes = positions(axes, rank)?;
    let mut sizes = of.shape.iter().copied();
    let shape = (0..rank).map(|axis| if axes.contains(&axis) { Some(Size::Known(1)) } else { sizes.next() });
    with_batch_first(shape.collect::<Option<_>>()?)
}

fn with_batch_first(shape: Shape) -> Option<Shape> {
    shape.iter().skip(1).all(|size| *size != Size::Batch).then_some(shape)
}

fn transposed(node: &Node, of: &Value) -> Option<Shape> {
    let permutation = positions_in_order(node.ints("perm")?, of.shape.len())?;
    with_batch_first(permutation.iter().map(|&axis| of.shape[axis]).collect())
}

fn positions_in_order(axes: &[i64], rank: usize) -> Option<Vec<usize>> {
    (axes.len() == rank && positions(axes, rank)?.len() == rank)
        .then(|| axes.iter().map(|&axis| position(axis, rank)).collect())?
}

fn expanded(inputs: &[Option<&Value>]) -> Option<Shape> {
    let of = *inputs.first()?.as_ref()?;
    let to = Value::constant(inputs.get(1)?.as_ref()?.integers.clone()?, None);
    // To a batch of another graph's making only a batch can be expanded.
    let found = broadcast(&[Some(of), Some(&to)])?;
    (found.first() != Some(&Size::Batch) || of.is_batch()).then_some(found)
}

fn sliced(inputs: &[Option<&Value>]) -> Option<Shape> {
    let of = *inputs.first()?.as_ref()?;
    let list = |index: usize| inputs.get(index).copied().flatten().map(Value::known_integers);
    let (starts, ends) = (list(1)??, list(2)??);
    let axes = match list(3) {
        Some(axes) => axes?,
        None => (0..starts.len() as i64).collect(),
    };
    let steps = match list(4) {
        Some(steps) => steps?,
        None => vec![1; starts.len()],
    };
    let fit = [ends.len(), axes.len(), steps.len()].iter().all(|&len| len == starts.len());
    positions(&axes, of.shape.len())?;
    if !fit || steps.iter().any(|&step| step != 1) {
        return None;
    }
    let mut shape = of.shape.clone();
    for ((&axis, &start), &end) in axes.iter().zip(&starts).zip(&ends) {
        let axis = position(axis, shape.len())?;
        let size = usize::try_from(shape[axis].known()?).ok()?;
        let len = clamped(end, size).checked_sub(clamped(start, size)).filter(|&len| len > 0)?;
        shape[axis] = Size::Known(len as i64);
    }
    Some(shape)
}

fn split(node: &Node, inputs: &[Option<&Value>]) -> Option<Vec<Shape>> {
    let of = *inputs.first()?.as_ref()?;
    let axis = position(node.int("axis", 0), of.shape.len())?;
    let size = of.shape[axis].known()?;
    let parts = node.outputs.len() as i64;
    let lens = match (inputs.get(1).copied().flatten(), node.ints("split")) {
        (Some(lens), _) => lens.known_integers()?,
        (None, Some(lens)) => lens.to_vec(),
        (None, None) if parts > 0 && size % parts == 0 => vec![size / parts; node.outputs.len()],
        (None, None) => return None,
    };
    let whole = lens.iter().try_fold(0_i64, |all, &len| if len > 0 { all.checked_add(len) } else { None })?;
    if lens.len() as i64 != parts || whole != size {
        return None;
    }
    let part = |&len: &i64| {
        let mut shape = of.shape.clone();
        shape[axis] = Size::Known(len);
        shape
    };
    Some(lens.iter().map(part).collect())
}

/// Entries of an axis, by constant indices; or rows of a constant table, by indices that each row of the batch has.
fn gathered(node: &Node, inputs: &[Option<&Value>]) -> Option<Shape> {
    let (of, indices) = (*inputs.first()?.as_ref()?, *inputs.get(1)?.as_ref()?);
    let axis = position(node.int("axis", 0), of.shape.len())?;
    if of.shape[axis] == Size::Batch || (indices.is_batch() && (axis > 0 || of.is_batch())) {
        return None;
    }
    Some([&of.shape[..axis], &indices.shape[..], &of.shape[axis + 1..]].concat())
}

fn concatenated(node: &Node, inputs: &[Option<&Value>]) -> Option<Shape> {
    let shapes: Option<Vec<&Shape>> = inputs.iter().map(|input| input.map(|value| &value.shape)).collect();
    let shapes = shapes?;
    let mut shape = (*shapes.first()?).clone();
    let axis = position(node.attribute("axis")?.int, shape.len())?;
    let fits =
        |other: &&Shape| other.len() == shape.len() && (0..shape.len()).all(|at| at == axis || other[at] == shape[at]);
    if !shapes.iter().all(fits) {
        return None;
    }
    let len = shapes.iter().try_fold(0_i64, |all, shape| all.checked_add(shape[axis].known()?))?;
    shape[axis] = Size::Known(len);
    Some(shape)
}

fn product(inputs: &[Option<&Value>]) -> Option<Shape> {
    let [Some(a), Some(b)] = inputs else { return None };
    let (&columns, &inner) = (b.shape.last()?, a.shape.last()?);
    let (rows, kept) = (b.shape.get(b.shape.len().checked_sub(2)?)?, &a.shape[..a.shape.len() - 1]);
    if *rows != inner || inner == Size::Batch || columns == Size::Batch || a.shape.len() < 2 {
        return None;
    }
    // With a matrix, each row by itself; with a tensor of as many axes, each matrix of a row.
    let (before_a, before_b) = (&a.shape[..a.shape.len() - 2], &b.shape[..b.shape.len() - 2]);
    let each_row = before_a == before_b && (!a.is_batch() || before_a.first() == Some(&Size::Batch));
    (before_b.is_empty() || each_row).then(|| [kept, &[columns]].concat())
}

fn gemm(node: &Node, inputs: &[Option<&Value>]) -> Option<Shape> {
    let (a, b) = (*inputs.first()?.as_ref()?, *inputs.get(1)?.as_ref()?);
    let (&[rows, inner], &[first, second]) = (&a.shape[..], &b.shape[..]) else { return None };
    let (from, to) = if node.int("transB", 0) == 0 { (first, second) } else { (second, first) };
    let bias_fits = match inputs.get(2).copied().flatten() {
        None => true,
        Some(bias) => {
            let wide = bias.shape.len() < 2 || bias.shape[0] == Size::Known(1);
            wide && bias.shape.last().is_none_or(|&size| size == to || size == Size::Known(1))
        }
    };
    let plain = node.int("transA", 0) == 0 && b.is_constant() && bias_fits;
    (plain && from == inner && inner != Size::Batch).then_some(vec![rows, to])
}

fn reduced(node: &Node, of: &Value, axes: Vec<i64>) -> Option<Shape> {
    let axes = positions(&axes, of.shape.len())?;
    if axes.iter().any(|&axis| of.shape[axis] == Size::Batch) {
        return None;
    }
    let keeps = node.int("keepdims", 1) != 0;
    let size = |(axis, &size): (usize, &Size)| match axes.contains(&axis) {
        false => Some(size),
        true => keeps.then_some(Size::Known(1)),
    };
    Some(of.shape.iter().enumerate().filter_map(size).collect())
}

fn convolved(node: &Node, inputs: &[Option<&Value>]) -> Option<Shape> {
    let (of, weights) = (*inputs.first()?.as_ref()?, *inputs.get(1)?.as_ref()?);
    let axes = of.shape.len().checked_sub(2)?;
    let padded = matches!(node.string("auto_pad"), b"" | b"NOTSET");
    if !weights.is_constant() || weights.shape.len() != of.shape.len() || !padded || !of.is_batch() {
        return None;
    }
    let list = |name: &str, len: usize, default: i64| {
        let list = node.ints(name).map_or_else(|| vec![default; len], <[i64]>::to_vec);
        (list.len() == len && list.iter().all(|&number| number >= default)).then_some(list)
    };
    let (strides, dilations) = (list("strides", axes, 1)?, list("dilations", axes, 1)?);
    let pads = list("pads", 2 * axes, 0)?;
    let size = |axis: usize| {
        let kernel = weights.shape[2 + axis].known()?.checked_sub(1)?.checked_mul(dilations[axis])?.checked_add(1)?;
        let room = of.shape[2 + axis].known()?.checked_add(pads[axis])?.checked_add(pads[axes + axis])?;
        let last = room.checked_sub(kernel).filter(|&last| last >= 0)?;
        Some(Size::Known(last / strides[axis] + 1))
    };
    let sizes = (0..axes).map(size).collect::<Option<Vec<_>>>()?;
    Some([&[Size::Batch, weights.shape[0]], &sizes[..]].concat())
}
