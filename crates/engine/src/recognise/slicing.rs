//! Operators that split and slice tensors, or concatenate them.

use parapolicy_onnx::message::Node;

use super::{
    reader::{LARGEST_ROW, LONGEST_LIST, Reader},
    shape::{axis, clamp},
    stage::Kind,
    value::{Content, Piece, Rows, Sizes, Value},
};

impl Reader<'_> {
    pub fn split(&mut self, node: &Node) -> Result<Vec<Value>, String> {
        match self.input(node, 0)? {
            Value::Rows(rows) => {
                let axis = axis(node.int("axis", 0), rows.dims.len() + 1)?;
                let size = *rows.dims.get(axis.wrapping_sub(1)).ok_or("splits the batch")?;
                let parts = self.lengths(node, size)?.into_iter();
                parts.map(|(start, len)| self.narrow(&rows, axis, start, len).map(Value::Rows)).collect()
            }
            Value::Numbers(numbers) => {
                let &size = numbers.dims.first().ok_or("splits a number")?;
                if axis(node.int("axis", 0), numbers.dims.len())? != 0 {
                    return Err("splits a constant along another axis than its first".into());
                }
                self.spend(numbers.values.len())?;
                let parts = self.lengths(node, size)?.into_iter();
                parts.map(|(start, len)| numbers.entries(start, len).map(Value::Numbers)).collect()
            }
            Value::Sizes(_) => Err("splits a list of integers".into()),
        }
    }

    /// Where each output of a split begins, and how many entries it has.
    fn lengths(&self, node: &Node, size: usize) -> Result<Vec<(usize, usize)>, String> {
        let parts = node.outputs.len();
        if node.int("num_outputs", parts as i64) != parts as i64 {
            return Err(format!("has {parts} outputs, but says another number of them"));
        }
        let lens: Vec<usize> = match self.integers(node, 1, "split")? {
            Some(lens) => lens.iter().map(|&len| usize::try_from(len).unwrap_or(0)).collect(),
            None if parts > 0 && size.is_multiple_of(parts) => vec![size / parts; parts],
            None => return Err(format!("splits {size} in {parts}")),
        };
        let whole = lens.iter().try_fold(0_usize, |all, &len| all.checked_add(len));
        if lens.len() != parts || whole != Some(size) {
            return Err(format!("splits {size} in {lens:?} for {parts} outputs"));
        }
        let mut start = 0_usize;
        let part = |len: usize| {
            let first = start;
            start = start.saturating_add(len);
            (first, len)
        };
        Ok(lens.into_iter().map(part).collect())
    }

    pub fn slice(&self, node: &Node) -> Result<Value, String> {
        let list = |index, name| self.integers(node, index, name);
        let starts = list(1, "starts")?.ok_or("lacks its starts")?;
        let ends = list(2, "ends")?.ok_or("lacks its ends")?;
        let axes = list(3, "axes")?.unwrap_or_else(|| (0..starts.len() as i64).collect());
        let steps = list(4, "steps")?.unwrap_or_else(|| vec![1; starts.len()]);
        let (&[start], &[end], &[along], &[1]) = (&starts[..], &ends[..], &axes[..], &steps[..]) else {
            return Err("slices several axes, or with a step".into());
        };
        match self.input(node, 0)? {
            Value::Sizes(sizes) => {
                if sizes.scalar || !matches!(along, 0 | -1) {
                    return Err("slices a list of integers along an axis that it has not".into());
                }
                let len = sizes.values.len();
                let part = sizes.values.get(clamp(start, len)..clamp(end, len)).unwrap_or_default();
                Ok(Value::Sizes(Sizes::list(part.to_vec())))
            }
            Value::Rows(rows) => {
                let axis = axis(along, rows.dims.len() + 1)?;
                let size = *rows.dims.get(axis.wrapping_sub(1)).ok_or("slices the batch")?;
                let (start, end) = (clamp(start, size), clamp(end, size));
                Ok(Value::Rows(self.narrow(&rows, axis, start, end.saturating_sub(start))?))
            }
            Value::Numbers(_) => Err("slices a constant".into()),
        }
    }

    pub fn gather(&self, node: &Node) -> Result<Value, String> {
        let Value::Sizes(indices) = self.input(node, 1)? else { return Err("has no constant index".into()) };
        let known = indices.known().ok_or("has no constant index")?;
        match self.input(node, 0)? {
            Value::Sizes(sizes) => {
                if sizes.scalar || !matches!(node.int("axis", 0), 0 | -1) {
                    return Err("takes integers along an axis that there is not".into());
                }
                let at = |&index: &i64| Ok(sizes.values[axis(index, sizes.values.len())?]);
                let values = known.iter().map(at).collect::<Result<_, String>>()?;
                Ok(Value::Sizes(Sizes { scalar: indices.scalar, values }))
            }
            Value::Rows(rows) => {
                let &[index] = known.as_slice() else { return Err("takes several entries of an axis".into()) };
                let along = axis(node.int("axis", 0), rows.dims.len() + 1)?;
                let size = *rows.dims.get(along.wrapping_sub(1)).ok_or("takes rows of the batch")?;
                let mut part = self.narrow(&rows, along, axis(index, size)?, 1)?;
                if indices.scalar {
                    part.dims.remove(along - 1);
                }
                Ok(Value::Rows(part))
            }
            Value::Numbers(_) => Err("takes parts of a constant".into()),
        }
    }

    pub fn concat(&mut self, node: &Node) -> Result<Value, String> {
        let inputs = (0..node.inputs.len()).map(|index| self.input(node, index)).collect::<Result<Vec<_>, _>>()?;
        let sizes: Vec<_> =
            inputs.iter().filter_map(|v| if let Value::Sizes(s) = v { Some(s) } else { None }).collect();
        if sizes.len() == inputs.len() {
            if !matches!(node.int("axis", 0), 0 | -1) || sizes.iter().any(|sizes| sizes.scalar) {
                return Err("puts integers together along an axis that they have not".into());
            }
            let values: Vec<_> = sizes.iter().flat_map(|sizes| sizes.values.iter().copied()).collect();
            return match values.len() {
                0..=LONGEST_LIST => Ok(Value::Sizes(Sizes::list(values))),
                len => Err(format!("lists {len} sizes")),
            };
        }
        let rows: Vec<_> = inputs.iter().filter_map(|v| if let Value::Rows(r) = v { Some(r) } else { None }).collect();
        let (Some(first), true) = (rows.first(), rows.len() == inputs.len()) else {
            return Err("puts constants and rows together".into());
        };
        if !node.has("axis") {
            return Err("lacks its axis".into());
        }
        let along = axis(node.int("axis", 0), first.dims.len() + 1)?.checked_sub(1).ok_or("puts batches together")?;
        if let Some(turned) = self.halves_together(&rows, along + 1) {
            return Ok(turned);
        }
        let fits = |rows: &Rows| {
            rows.dims.len() == first.dims.len()
                && (0..first.dims.len()).all(|axis| axis == along || rows.dims[axis] == first.dims[axis])
        };
        if along != 0 || !rows.iter().all(|rows| fits(rows)) {
            return Err("puts together what is not one after the other in a row".into());
        }
        let mut dims = first.dims.clone();
        dims[0] = rows.iter().map(|rows| rows.dims[0]).sum();
        if dims.iter().try_fold(1_usize, |all, &dim| all.checked_mul(dim)).is_none_or(|all| all > LARGEST_ROW) {
            return Err(format!("makes rows of shape {dims:?}"));
        }
        self.concatenated(node, &rows, dims)
    }

    fn concatenated(&mut self, node: &Node, rows: &[&Rows], dims: Vec<usize>) -> Result<Value, String> {
        let pieces: Vec<_> =
            rows.iter().filter_map(|r| if let Content::Features(p) = &r.content { Some(p) } else { None }).collect();
        if pieces.len() == rows.len() {
            let pieces: Vec<_> = pieces.into_iter().flatten().copied().collect();
            if pieces.len() > LONGEST_LIST {
                return Err(format!("puts {} functions together", pieces.len()));
            }
            let content = Content::Features(pieces);
            return Ok(Value::Rows(Rows { dims, content }));
        }
        let stages = rows.iter().map(|rows| self.sequence(rows)).collect::<Result<Vec<_>, _>>()?;
        let (channels, positions) = (dims[0], self.stages[stages[0]].positions);
        self.stage(node, Kind::Concat(stages), [channels, positions], dims)
    }

    /// `len` entries of an axis, if they are contiguous, or half of each head.
    fn narrow(&self, rows: &Rows, axis: usize, start: usize, len: usize) -> Result<Rows, String> {
        let half = match &rows.content {
            Content::Heads(heads) => self.half_of_heads(rows, heads, axis, start, len),
            _ => None,
        };
        half.map_or_else(|| narrow(rows, axis, start, len), Ok)
    }

    /// The stage that a tensor is, if its axes are channels and positions, perhaps with a height of 1 between them.
    pub fn sequence(&self, rows: &Rows) -> Result<usize, String> {
        if let Content::Stage { stage, transposed: false } = rows.content {
            let Self { stages, .. } = self;
            let (channels, positions) = (stages[stage].channels, stages[stage].positions);
            if rows.dims == [channels, positions] || rows.dims == [channels, 1, positions] {
                return Ok(stage);
            }
        }
        Err(format!("reads rows of shape {:?} that are no sequence of the plan's", rows.dims))
    }
}

/// `len` entries of an axis, if they are contiguous.
fn narrow(rows: &Rows, axis: usize, start: usize, len: usize) -> Result<Rows, String> {
    let (outer, inner) = rows.dims.split_at(axis - 1);
    let in_range = start.checked_add(len).is_some_and(|end| end <= inner[0]);
    if outer.iter().any(|&size| size != 1) || len == 0 || !in_range {
        return Err(format!("takes {len} entries from {start} of axis {axis} of a row of shape {:?}", rows.dims));
    }
    let Content::Features(pieces) = &rows.content else { return Err("takes parts of the sequence".into()) };
    let stride: usize = inner[1..].iter().product();
    let mut dims = rows.dims.clone();
    dims[axis - 1] = len;
    Ok(Rows { dims, content: Content::Features(take(pieces, start * stride, len * stride)) })
}

/// `len` numbers of a row, from `start`.
pub fn take(pieces: &[Piece], start: usize, len: usize) -> Vec<Piece> {
    let mut first = 0;
    let mut taken = Vec::new();
    for piece in pieces {
        let (from, to) = (start.max(first), (start + len).min(first + piece.len));
        if from < to {
            taken.push(piece.slice(from - first, to - from));
        }
        first += piece.len;
    }
    taken
}
