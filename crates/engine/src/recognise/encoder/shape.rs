//! Operators that change shapes, take parts, or put parts together; and integers, which say how.

use parapolicy_onnx::message::Node;

use crate::encoder::Step;

use super::{
    super::{
        integers,
        reader::LONGEST_LIST,
        shape::{axis, clamp},
        value::{Numbers, Size, Sizes},
    },
    reader::{MOST_AXES, Reader},
    value::{Content, Frames, Value},
};

impl Reader<'_> {
    pub fn cast(&self, node: &Node) -> Result<Value, String> {
        const FLOAT: i64 = 1;
        const INT64: i64 = 7;
        let value = self.input(node, 0)?;
        match (&value, node.int("to", 0)) {
            _ if node.operator == "Identity" => Ok(value),
            (Value::Frames(_) | Value::Numbers(_), FLOAT) | (Value::Sizes(_), INT64) => Ok(value),
            (_, to) => Err(format!("casts to element type {to}")),
        }
    }

    pub fn shape(&self, node: &Node) -> Result<Value, String> {
        let all = self.frames(node, 0)?.sizes(self.steps);
        let (start, end) = (node.int("start", 0), node.int("end", all.len() as i64));
        let part = all.get(clamp(start, all.len())..clamp(end, all.len())).unwrap_or_default();
        Ok(Value::Sizes(Sizes::list(part.to_vec())))
    }

    pub fn reshape(&mut self, node: &Node) -> Result<Value, String> {
        match self.input(node, 0)? {
            Value::Frames(frames) => {
                let old = frames.sizes(self.steps);
                let new = match node.operator.as_str() {
                    "Reshape" => self.target(node)?,
                    "Flatten" if node.int("axis", 1) == 1 => vec![old[0], Size::Known(-1)],
                    "Flatten" => return Err("mixes the batch with other axes".into()),
                    "Squeeze" => self.squeezed(node, &old)?,
                    _ => self.unsqueezed(node, &old)?,
                };
                let keep = node.operator == "Reshape" && node.int("allowzero", 0) == 0;
                let (apart, dims) =
                    self.form(&frames, &new, keep).ok_or_else(|| format!("turns {old:?} into {new:?}"))?;
                let content = match frames.content {
                    Content::Picture { .. } if dims[0] == frames.dims[0] => frames.content,
                    _ => {
                        let view = self.view(&frames)?;
                        Content::View(self.reshaped(&view, &dims)?)
                    }
                };
                Ok(Value::Frames(Frames { apart, dims, content }))
            }
            Value::Numbers(Numbers { dims, values }) => {
                let old: Vec<_> = dims.iter().map(|&dim| Size::Known(dim as i64)).collect();
                let new = match node.operator.as_str() {
                    "Reshape" => self.target(node)?,
                    "Unsqueeze" => self.unsqueezed(node, &old)?,
                    "Squeeze" => self.squeezed(node, &old)?,
                    _ => return Err("flattens a constant".into()),
                };
                let known = |size: &Size| if let Size::Known(size) = size { usize::try_from(*size).ok() } else { None };
                let new: Option<Vec<usize>> = new.iter().map(known).collect();
                let fits = |new: &Vec<usize>| {
                    new.len() <= MOST_AXES
                        && new.iter().try_fold(1_usize, |all, &dim| all.checked_mul(dim)) == Some(values.len())
                };
                let dims = new.filter(fits).ok_or("gives a constant another number of entries")?;
                Ok(Value::Numbers(Numbers { dims, values }))
            }
            Value::Sizes(Sizes { scalar, values }) => {
                let to_scalar = match node.operator.as_str() {
                    "Squeeze" if !scalar && values.len() == 1 => true,
                    "Unsqueeze" if scalar => false,
                    "Reshape" if self.target(node)? == [Size::Known(-1)] => false,
                    _ => return Err("makes a table of integers".into()),
                };
                Ok(Value::Sizes(Sizes { scalar: to_scalar, values }))
            }
        }
    }

    /// The form that a shape stands for: whether the steps have an axis of their own, and the sizes of a frame's part. 0 keeps
    /// a size if `keep`, -1 stands for the rest.
    fn form(&self, frames: &Frames, new: &[Size], keep: bool) -> Option<(bool, Vec<usize>)> {
        let old = frames.sizes(self.steps);
        let kept = |(at, size): (usize, &Size)| match size {
            Size::Known(0) if keep => old.get(at).copied(),
            size => Some(*size),
        };
        let mut new = new.iter().enumerate().map(kept).collect::<Option<Vec<_>>>()?;
        let all = self.steps.checked_mul(frames.len())?;
        let mut others = 1_usize;
        for size in &new {
            others = match *size {
                Size::Known(-1) => others,
                Size::Known(size) => others.checked_mul(usize::try_from(size).ok().filter(|&size| size > 0)?)?,
                Size::Batch(rows) => others.checked_mul(rows)?,
            };
        }
        let mut open = (0..new.len()).filter(|&at| new[at] == Size::Known(-1));
        if let (Some(at), None) = (open.next(), open.next()) {
            let rest = all / others;
            new[at] = if at == 0 { Size::Batch(rest) } else { Size::Known(i64::try_from(rest).ok()?) };
            others = others.checked_mul(rest)?;
        }
        let (&Size::Batch(rows), rest) = new.split_first()? else { return None };
        let known = |size: &Size| if let Size::Known(size) = size { usize::try_from(*size).ok() } else { None };
        let rest = rest.iter().map(known).collect::<Option<Vec<_>>>()?;
        if others != all || new.len() > MOST_AXES {
            return None;
        }
        match rest.split_first() {
            _ if rows % self.steps == 0 => Some((false, [&[rows / self.steps][..], &rest].concat())),
            Some((&steps, rest)) if rows == 1 && steps == self.steps => Some((true, [&[1][..], rest].concat())),
            _ => None,
        }
    }

    fn target(&self, node: &Node) -> Result<Vec<Size>, String> {
        match self.input(node, 1)? {
            Value::Sizes(sizes) if !sizes.scalar => Ok(sizes.values),
            _ => Err("does not know its shape before it runs".into()),
        }
    }

    fn squeezed(&self, node: &Node, old: &[Size]) -> Result<Vec<Size>, String> {
        let axes = self.integers(node, 1, "axes")?.ok_or("drops whatever axes have one entry")?;
        let axes = axes.iter().map(|&at| axis(at, old.len())).collect::<Result<Vec<_>, _>>()?;
        match axes.iter().find(|&&axis| old[axis] != Size::Known(1)) {
            Some(axis) => Err(format!("drops axis {axis} of {old:?}")),
            None => Ok((0..old.len()).filter(|axis| !axes.contains(axis)).map(|axis| old[axis]).collect()),
        }
    }

    fn unsqueezed(&self, node: &Node, old: &[Size]) -> Result<Vec<Size>, String> {
        let axes = self.integers(node, 1, "axes")?.ok_or("lacks its axes")?;
        let rank = old.len() + axes.len();
        let axes = axes.iter().map(|&at| axis(at, rank)).collect::<Result<Vec<_>, _>>()?;
        let mut old = old.iter().copied();
        let new = (0..rank).map(|axis| if axes.contains(&axis) { Some(Size::Known(1)) } else { old.next() });
        new.collect::<Option<_>>().ok_or_else(|| "names an axis twice".into())
    }

    /// Repeats entries of axes that have one.
    pub fn expand(&mut self, node: &Node) -> Result<Value, String> {
        let frames = self.frames(node, 0)?;
        let old = frames.sizes(self.steps);
        let new = self.target(node)?;
        let missing = old.len().checked_sub(new.len()).ok_or("makes new axes")?;
        let both = old.iter().enumerate().map(|(at, &old)| match at.checked_sub(missing).map(|at| new[at]) {
            None | Some(Size::Known(1)) => Some(old),
            Some(new) if new == old || old == Size::Known(1) => Some(new),
            Some(_) => None,
        });
        let both = both.collect::<Option<Vec<_>>>().ok_or_else(|| format!("repeats {old:?} to {new:?}"))?;
        let known = |size: &Size| if let Size::Known(size) = size { usize::try_from(*size).ok() } else { None };
        let rest = both[1 + usize::from(frames.apart)..].iter().map(known).collect::<Option<Vec<_>>>();
        let rest = rest.ok_or("mixes the batch with other axes")?;
        // A view that shows more numbers than a tensor may have would be copied later.
        let len = rest.iter().try_fold(frames.dims[0], |all, &dim| all.checked_mul(dim).filter(|&all| all > 0));
        if both[0] != old[0] || (frames.apart && both[1] != old[1]) || len.is_none_or(|len| len > super::LARGEST_TENSOR)
        {
            return Err(format!("repeats {old:?} to {new:?}"));
        }
        let view = self.view(&frames)?.broadcast(&[&[frames.dims[0]][..], &rest].concat());
        view.map(|view| self.like(&frames, view)).ok_or_else(|| format!("repeats {old:?} to {new:?}"))
    }

    pub fn transpose(&mut self, node: &Node) -> Result<Value, String> {
        let frames = self.frames(node, 0)?;
        let fixed = 1 + usize::from(frames.apart);
        let axes = node.ints("perm").unwrap_or_default();
        let rank = frames.rank();
        let axes = axes.iter().map(|&at| axis(at, rank)).collect::<Result<Vec<_>, _>>()?;
        let all = axes.len() == rank && (0..rank).all(|axis| axes.contains(&axis));
        if !all || (0..fixed).any(|axis| axes[axis] != axis) {
            return Err(format!("turns axes by {axes:?}"));
        }
        let own: Vec<_> = [0].into_iter().chain(axes[fixed..].iter().map(|axis| axis + 1 - fixed)).collect();
        let view = self.view(&frames)?.permuted(&own);
        Ok(self.like(&frames, view))
    }

    pub fn slice(&mut self, node: &Node) -> Result<Value, String> {
        let list = |index, name| self.integers(node, index, name);
        let starts = list(1, "starts")?.ok_or("lacks its starts")?;
        let ends = list(2, "ends")?.ok_or("lacks its ends")?;
        let axes = list(3, "axes")?.unwrap_or_else(|| (0..starts.len() as i64).collect());
        let steps = list(4, "steps")?.unwrap_or_else(|| vec![1; starts.len()]);
        if [ends.len(), axes.len(), steps.len()].iter().any(|&len| len != starts.len())
            || steps.iter().any(|&by| by != 1)
        {
            return Err("takes parts with a step".into());
        }
        let parts = starts.into_iter().zip(ends).zip(axes);
        match self.input(node, 0)? {
            Value::Sizes(Sizes { scalar: false, mut values }) => {
                for ((start, end), along) in parts {
                    axis(along, 1)?;
                    let len = values.len();
                    values = values.get(clamp(start, len)..clamp(end, len)).unwrap_or_default().to_vec();
                }
                Ok(Value::Sizes(Sizes::list(values)))
            }
            Value::Frames(frames) => {
                let mut view = self.view(&frames)?;
                for ((start, end), along) in parts {
                    let axis = frames.axis(along)?;
                    let size = view.dims[axis];
                    let (start, end) = (clamp(start, size), clamp(end, size));
                    let len = end.checked_sub(start).filter(|&len| len > 0).ok_or("takes nothing")?;
                    view = view.narrowed(axis, start, len);
                }
                Ok(self.like(&frames, view))
            }
            _ => Err("takes parts of a constant".into()),
        }
    }

    pub fn split(&mut self, node: &Node) -> Result<Vec<Value>, String> {
        let frames = self.frames(node, 0)?;
        let axis = frames.axis(node.int("axis", 0))?;
        let (size, parts) = (frames.dims[axis], node.outputs.len());
        if node.int("num_outputs", parts as i64) != parts as i64 {
            return Err(format!("has {parts} outputs, but says another number of them"));
        }
        let lens: Vec<usize> = match self.integers(node, 1, "split")? {
            Some(lens) => lens.iter().map(|&len| usize::try_from(len).unwrap_or(usize::MAX)).collect(),
            None if parts > 0 && size.is_multiple_of(parts) => vec![size / parts; parts],
            None => return Err(format!("splits {size} in {parts}")),
        };
        let whole = lens.iter().try_fold(0_usize, |all, &len| all.checked_add(len));
        if lens.len() != parts || whole != Some(size) {
            return Err(format!("splits {size} in {lens:?} for {parts} outputs"));
        }
        let view = self.view(&frames)?;
        let mut start = 0;
        let mut found = vec![];
        for len in lens {
            found.push(match len {
                // Exporters leave an empty part in, where nothing is before the images.
                0 => Value::Sizes(Sizes::list(vec![])),
                len => self.like(&frames, view.narrowed(axis, start, len)),
            });
            start += len;
        }
        Ok(found)
    }

    pub fn gather(&mut self, node: &Node) -> Result<Value, String> {
        let Value::Sizes(indices) = self.input(node, 1)? else { return Err("has no constant index".into()) };
        let known = indices.known().ok_or("has no constant index")?;
        match self.input(node, 0)? {
            Value::Sizes(sizes) if !sizes.scalar => {
                axis(node.int("axis", 0), 1)?;
                let at = |&index: &i64| Ok(sizes.values[axis(index, sizes.values.len())?]);
                let values = known.iter().map(at).collect::<Result<_, String>>()?;
                Ok(Value::Sizes(Sizes { scalar: indices.scalar, values }))
            }
            Value::Frames(frames) => {
                let &[index] = known.as_slice() else { return Err("takes several entries of an axis".into()) };
                let along = frames.axis(node.int("axis", 0))?;
                let view = self.view(&frames)?;
                let mut view = view.narrowed(along, axis(index, view.dims[along])?, 1);
                if indices.scalar {
                    view.dims.remove(along);
                    view.strides.remove(along);
                }
                Ok(self.like(&frames, view))
            }
            _ => Err("takes parts of a constant".into()),
        }
    }

    pub fn concat(&mut self, node: &Node) -> Result<Value, String> {
        if node.inputs.len() > LONGEST_LIST {
            return Err(format!("puts {} tensors together", node.inputs.len()));
        }
        let inputs = (0..node.inputs.len()).map(|index| self.input(node, index)).collect::<Result<Vec<_>, _>>()?;
        let along = node.has("axis").then(|| node.int("axis", 0)).ok_or("lacks its axis")?;
        if inputs.iter().all(|input| matches!(input, Value::Sizes(_))) {
            axis(along, 1)?;
            let lists = inputs.into_iter().map(|input| match input {
                Value::Sizes(Sizes { scalar: false, values }) => Ok(values),
                _ => Err("puts single integers together"),
            });
            let values: Vec<_> = lists.collect::<Result<Vec<_>, _>>()?.concat();
            return match values.len() {
                0..=LONGEST_LIST => Ok(Value::Sizes(Sizes::list(values))),
                len => Err(format!("lists {len} sizes")),
            };
        }
        let mut views = vec![];
        let mut first: Option<Frames> = None;
        for input in inputs {
            let frames = match input {
                Value::Frames(frames) => frames,
                // Nothing, of a split.
                Value::Sizes(sizes) if sizes.values.is_empty() => continue,
                _ => return Err("puts constants and results together".into()),
            };
            let first = first.get_or_insert_with(|| frames.clone());
            let own = first.axis(along)?;
            let alike = first.apart == frames.apart
                && first.dims.len() == frames.dims.len()
                && (0..first.dims.len()).all(|axis| axis == own || first.dims[axis] == frames.dims[axis]);
            if !alike {
                return Err(format!("puts {:?} and {:?} together", first.dims, frames.dims));
            }
            views.push(self.view(&frames)?);
        }
        let first = first.ok_or("puts nothing together")?;
        let own = first.axis(along)?;
        let mut dims = first.dims.clone();
        dims[own] = views.iter().map(|view| view.dims[own]).sum();
        let view = self.step(Step::Joined(views, own), dims)?;
        Ok(self.like(&first, view))
    }

    /// Computations with integers.
    pub fn of_sizes(&self, node: &Node, a: &Sizes, b: &Sizes) -> Result<Value, String> {
        integers::arithmetic(&node.operator, a, b).map(Value::Sizes)
    }
}
