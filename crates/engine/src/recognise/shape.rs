//! Operators that change shapes and leave the numbers where they are.

use parapolicy_onnx::message::Node;

use super::{
    reader::{LARGEST_ROW, LONGEST_LIST, Reader},
    value::{Content, Numbers, Rows, Size, Sizes, Value},
};

impl Reader<'_> {
    pub fn cast(&self, node: &Node) -> Result<Value, String> {
        const FLOAT: i64 = 1;
        const INT64: i64 = 7;
        let value = self.input(node, 0)?;
        match (&value, node.int("to", 0)) {
            _ if node.operator == "Identity" => Ok(value),
            (Value::Rows(_) | Value::Numbers(_), FLOAT) | (Value::Sizes(_), INT64) => Ok(value),
            (_, to) => Err(format!("casts to element type {to}")),
        }
    }

    pub fn shape(&self, node: &Node) -> Result<Value, String> {
        let rows = match self.input(node, 0)? {
            Value::Rows(rows) => rows,
            Value::Sizes(Sizes { scalar: false, values }) => {
                return Ok(Value::Sizes(Sizes::list(vec![Size::Known(values.len() as i64)])));
            }
            _ => return Err("asks for the shape of a constant".into()),
        };
        let all = [Size::Batch(1)].into_iter().chain(rows.dims.iter().map(|&dim| Size::Known(dim as i64)));
        let all: Vec<_> = all.collect();
        let rank = all.len();
        let (start, end) = (node.int("start", 0), node.int("end", rank as i64));
        let part = all.get(clamp(start, rank)..clamp(end, rank)).unwrap_or_default();
        Ok(Value::Sizes(Sizes::list(part.to_vec())))
    }

    pub fn reshape(&self, node: &Node) -> Result<Value, String> {
        let value = self.input(node, 0)?;
        let old: Vec<Size> = match &value {
            Value::Numbers(numbers) => numbers.dims.iter().map(|&dim| Size::Known(dim as i64)).collect(),
            Value::Rows(rows) => row_sizes(rows),
            Value::Sizes(sizes) => return self.reshaped_list(node, sizes),
        };
        let new = match node.operator.as_str() {
            "Reshape" => self.target(node)?,
            "Flatten" => flattened(&old, node.int("axis", 1))?,
            "Squeeze" => squeezed(&old, self.integers(node, 1, "axes")?)?,
            _ => unsqueezed(&old, &self.integers(node, 1, "axes")?.ok_or("lacks its axes")?)?,
        };
        let allow_zero = node.operator != "Reshape" || node.int("allowzero", 0) != 0;
        let new = resolve(&old, &new, allow_zero).ok_or_else(|| format!("turns shape {old:?} into {new:?}"))?;
        with_shape(&value, &new)
    }

    /// A list stays one, but that a single integer and a list of one become each other.
    fn reshaped_list(&self, node: &Node, sizes: &Sizes) -> Result<Value, String> {
        let len = sizes.values.len() as i64;
        let scalar = match node.operator.as_str() {
            "Squeeze" => {
                let axes = self.integers(node, 1, "axes")?;
                let whole = axes.is_none_or(|axes| matches!(axes[..], [0 | -1]));
                if !whole || sizes.scalar || len != 1 {
                    return Err(format!("drops axes of a list of {len} integers"));
                }
                true
            }
            "Unsqueeze" => {
                let axes = self.integers(node, 1, "axes")?.unwrap_or_default();
                if !sizes.scalar || !matches!(axes[..], [0 | -1]) {
                    return Err("makes a table of integers".into());
                }
                false
            }
            "Reshape" => match self.target(node)?[..] {
                [] if len == 1 => true,
                [Size::Known(to)] if to == -1 || to == len => false,
                _ => return Err("makes a table of integers".into()),
            },
            _ => return Err("makes a table of integers".into()),
        };
        Ok(Value::Sizes(Sizes { scalar, values: sizes.values.clone() }))
    }

    /// Allowed only to the shape that the tensor already has.
    pub fn expand(&self, node: &Node) -> Result<Value, String> {
        match (self.input(node, 0)?, self.input(node, 1)?) {
            (Value::Rows(rows), Value::Sizes(sizes)) if sizes.values == row_sizes(&rows) => Ok(Value::Rows(rows)),
            _ => Err("repeats what it expands".into()),
        }
    }

    pub fn transpose(&mut self, node: &Node) -> Result<Value, String> {
        let permutation = node.ints("perm").unwrap_or_default();
        match self.input(node, 0)? {
            Value::Rows(Rows { dims, content: Content::Stage { stage, transposed } })
                if permutation == [0, 2, 1] && self.is_whole(stage, transposed, &dims) =>
            {
                let content = Content::Stage { stage, transposed: !transposed };
                Ok(Value::Rows(Rows { dims: vec![dims[1], dims[0]], content }))
            }
            Value::Numbers(Numbers { dims, values }) if permutation == [1, 0] && dims.len() == 2 => {
                let transposed = (0..dims[1]).flat_map(|j| (0..dims[0]).map(move |i| (i, j)));
                self.spend(values.len())?;
                let values = transposed.map(|(i, j)| values.at(i * dims[1] + j)).collect();
                Ok(Value::Numbers(Numbers { dims: vec![dims[1], dims[0]], values }))
            }
            Value::Rows(rows) if permutation.len() == 4 => self.transpose_heads(node, &rows, permutation),
            _ => Err(format!("turns axes by {permutation:?} what is neither a plan nor a matrix")),
        }
    }

    /// Whether a stage's tensor has its two axes as they are.
    fn is_whole(&self, stage: usize, transposed: bool, dims: &[usize]) -> bool {
        let stage = &self.stages[stage];
        let own = if transposed { [stage.positions, stage.channels] } else { [stage.channels, stage.positions] };
        dims == own
    }

    fn target(&self, node: &Node) -> Result<Vec<Size>, String> {
        match self.input(node, 1)? {
            Value::Sizes(sizes) => Ok(sizes.values),
            _ => Err("does not know its shape before it runs".into()),
        }
    }
}

fn row_sizes(rows: &Rows) -> Vec<Size> {
    [Size::Batch(1)].into_iter().chain(rows.dims.iter().map(|&dim| Size::Known(dim as i64))).collect()
}

fn with_shape(value: &Value, shape: &[Size]) -> Result<Value, String> {
    let dims = |shape: &[Size]| -> Option<Vec<usize>> {
        let dim = |&size: &Size| if let Size::Known(dim) = size { usize::try_from(dim).ok() } else { None };
        shape.iter().map(dim).collect()
    };
    if shape.len() > LONGEST_LIST {
        return Err(format!("has {} axes", shape.len()));
    }
    let shaped = match (value, shape) {
        (Value::Rows(rows), [Size::Batch(1), rest @ ..]) => dims(rest).map(|dims| Value::Rows(rows.reshaped(dims))),
        (Value::Numbers(numbers), all) => {
            dims(all).map(|dims| Value::Numbers(Numbers { dims, values: numbers.values.clone() }))
        }
        _ => None,
    };
    shaped.ok_or_else(|| "mixes the batch with other axes".into())
}

/// The shape that `new` means: 0 keeps a size, -1 stands for the rest.
fn resolve(old: &[Size], new: &[Size], allow_zero: bool) -> Option<Vec<Size>> {
    let kept = |(axis, &size): (usize, &Size)| match size {
        Size::Known(0) if !allow_zero => old.get(axis).copied(),
        size => Some(size),
    };
    let mut new: Vec<Size> = new.iter().enumerate().map(kept).collect::<Option<_>>()?;
    let batches = |sizes: &[Size]| sizes.iter().filter(|&&size| size == Size::Batch(1)).count();
    let open: Vec<usize> = (0..new.len()).filter(|&axis| new[axis] == Size::Known(-1)).collect();
    match open[..] {
        [] => {}
        [axis] if batches(&new) < batches(old) => {
            new[axis] = Size::Batch(1);
        }
        [axis] => {
            let others: Vec<Size> = new.iter().copied().filter(|&size| size != Size::Known(-1)).collect();
            let (all, known) = (numbers(old)?, numbers(&others)?);
            new[axis] = Size::Known(all.checked_div(known)?);
        }
        _ => return None,
    }
    (batches(&new) == batches(old) && numbers(&new)? == numbers(old)?).then_some(new)
}

/// Numbers in a tensor, or in a row of it.
fn numbers(sizes: &[Size]) -> Option<i64> {
    let all = sizes.iter().try_fold(1_i64, |all, size| match size {
        Size::Batch(1) => Some(all),
        Size::Batch(_) => None,
        Size::Known(size) if *size >= 0 => all.checked_mul(*size),
        Size::Known(_) => None,
    })?;
    (all <= LARGEST_ROW as i64 * LARGEST_ROW as i64).then_some(all)
}

fn flattened(old: &[Size], axis: i64) -> Result<Vec<Size>, String> {
    match (old, axis) {
        ([Size::Batch(1), ..], 1) => Ok(vec![Size::Batch(1), Size::Known(-1)]),
        _ => Err("mixes the batch with other axes".into()),
    }
}

fn squeezed(old: &[Size], axes: Option<Vec<i64>>) -> Result<Vec<Size>, String> {
    let axes = match axes {
        Some(axes) => axes.iter().map(|&axis| self::axis(axis, old.len())).collect::<Result<Vec<_>, _>>()?,
        // With one row, the batch would be dropped too.
        None if old.contains(&Size::Batch(1)) => return Err("drops whatever axes have one entry".into()),
        None => (0..old.len()).filter(|&axis| old[axis] == Size::Known(1)).collect(),
    };
    match axes.iter().find(|&&axis| old[axis] != Size::Known(1)) {
        Some(axis) => Err(format!("drops axis {axis} of shape {old:?}")),
        None => Ok((0..old.len()).filter(|axis| !axes.contains(axis)).map(|axis| old[axis]).collect()),
    }
}

fn unsqueezed(old: &[Size], axes: &[i64]) -> Result<Vec<Size>, String> {
    let rank = old.len() + axes.len();
    let axes = axes.iter().map(|&axis| self::axis(axis, rank)).collect::<Result<Vec<_>, _>>()?;
    let mut old = old.iter().copied();
    let new = (0..rank).map(|axis| if axes.contains(&axis) { Some(Size::Known(1)) } else { old.next() });
    new.collect::<Option<_>>().ok_or_else(|| "names an axis twice".into())
}

/// An axis, from the end if negative.
pub fn axis(axis: i64, rank: usize) -> Result<usize, String> {
    let counted = if axis < 0 { axis.saturating_add(rank as i64) } else { axis };
    let counted = usize::try_from(counted).ok().filter(|&counted| counted < rank);
    counted.ok_or_else(|| format!("names axis {axis} of {rank}"))
}

/// An index into `len` entries, from the end if negative, as slices have it.
pub fn clamp(index: i64, len: usize) -> usize {
    let counted = if index < 0 { index.saturating_add(len as i64) } else { index };
    usize::try_from(counted).unwrap_or(0).min(len)
}
