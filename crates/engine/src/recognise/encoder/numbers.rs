//! Sums, products and other functions of what is known of each frame.

use parapolicy_onnx::message::Node;

use crate::encoder::{Function, Matrix, Operation, Reduction, Step, View};

use super::{
    super::value::Numbers,
    reader::Reader,
    value::{Content, Frames, Value},
};

impl Reader<'_> {
    pub fn arithmetic(&mut self, node: &Node) -> Result<Value, String> {
        let operation = match node.operator.as_str() {
            "Add" => Operation::Add,
            "Sub" => Operation::Subtract,
            "Mul" => Operation::Multiply,
            _ => Operation::Divide,
        };
        match (self.input(node, 0)?, self.input(node, 1)?) {
            (Value::Sizes(a), Value::Sizes(b)) => self.of_sizes(node, &a, &b),
            (Value::Frames(a), Value::Frames(b)) => {
                if let Some(sum) = self.sum_of_pictures(node, &a, &b)? {
                    return Ok(sum);
                }
                if a.apart != b.apart || a.rank() != b.rank() || a.dims[0] != b.dims[0] {
                    return Err(format!("is of {:?} and {:?}", a.dims, b.dims));
                }
                let (x, y) = (self.view(&a)?, self.view(&b)?);
                self.pairs(&a, x, operation, y)
            }
            (Value::Frames(frames), Value::Numbers(numbers)) => {
                if let Some(picture) = self.affine(node, &frames, operation, &numbers)? {
                    return Ok(picture);
                }
                let (x, y) = (self.view(&frames)?, self.broadcast(&frames, &numbers)?);
                self.pairs(&frames, x, operation, y)
            }
            (Value::Numbers(numbers), Value::Frames(frames)) => {
                let commutes = matches!(operation, Operation::Add | Operation::Multiply);
                if commutes && let Some(picture) = self.affine(node, &frames, operation, &numbers)? {
                    return Ok(picture);
                }
                let (x, y) = (self.broadcast(&frames, &numbers)?, self.view(&frames)?);
                self.pairs(&frames, x, operation, y)
            }
            _ => Err("is of constants".into()),
        }
    }

    /// A constant as a tensor, of as many axes as the frame's part at least; its entries are the same for all frames.
    fn broadcast(&mut self, frames: &Frames, numbers: &Numbers) -> Result<View, String> {
        let unfit = || format!("is of {:?} and a constant of shape {:?}", frames.dims, numbers.dims);
        let fixed = 1 + usize::from(frames.apart);
        let missing = frames.rank().checked_sub(numbers.dims.len()).ok_or_else(unfit)?;
        let leading = numbers.dims.iter().take(fixed.saturating_sub(missing));
        if numbers.dims.contains(&0) || leading.into_iter().any(|&dim| dim != 1) {
            return Err(unfit());
        }
        let own = &numbers.dims[fixed.saturating_sub(missing)..];
        let ones = frames.dims.len().checked_sub(own.len()).ok_or_else(unfit)?;
        self.spend(numbers.values.len())?;
        self.step(Step::Constant(numbers.values.to_vec()), [&vec![1; ones][..], own].concat())
    }

    /// An operation on two views, each of which is repeated along axes of which it has one entry.
    fn pairs(&mut self, like: &Frames, a: View, operation: Operation, b: View) -> Result<Value, String> {
        let unfit = || format!("is of {:?} and {:?}", a.dims, b.dims);
        if a.dims.len() != b.dims.len() {
            return Err(unfit());
        }
        let dims: Vec<_> = a.dims.iter().zip(&b.dims).map(|(&a, &b)| a.max(b)).collect();
        let (Some(x), Some(y)) = (a.broadcast(&dims), b.broadcast(&dims)) else { return Err(unfit()) };
        let view = self.step(Step::Pairs(x, operation, y), dims)?;
        Ok(self.like(like, view))
    }

    pub fn each(&mut self, node: &Node) -> Result<Value, String> {
        let frames = self.frames(node, 0)?;
        let function = if node.operator == "Relu" {
            if let Content::Picture { eye, picture } = frames.content {
                return self.rectified(node, eye, picture, &frames);
            }
            Function::Relu
        } else {
            let limit = |index, none| match self.optional_numbers(node, index)? {
                None => Ok(none),
                Some(numbers) if numbers.values.len() == 1 => Ok(numbers.values.at(0)),
                Some(_) => Err("has a limit that is no number".to_owned()),
            };
            Function::Clip(limit(1, f32::NEG_INFINITY)?, limit(2, f32::INFINITY)?)
        };
        let view = self.view(&frames)?;
        let dims = view.dims.clone();
        let view = self.step(Step::Each(view, function), dims)?;
        Ok(self.like(&frames, view))
    }

    pub fn reduce(&mut self, node: &Node) -> Result<Value, String> {
        let frames = self.frames(node, 0)?;
        let reduction = match node.operator.as_str() {
            "ReduceMean" => Reduction::Mean,
            "ReduceSum" => Reduction::Sum,
            _ => Reduction::Norm,
        };
        let axes = self.integers(node, 1, "axes")?.unwrap_or_default();
        if axes.is_empty() {
            return Err("makes one number of the batch".into());
        }
        let axes = axes.iter().map(|&axis| frames.axis(axis)).collect::<Result<Vec<_>, _>>()?;
        self.reduced(&frames, reduction, &axes, node.int("keepdims", 1) != 0)
    }

    pub fn average(&mut self, node: &Node) -> Result<Value, String> {
        let frames = self.frames(node, 0)?;
        let axes: Vec<_> = (2..frames.rank()).map(|axis| frames.axis(axis as i64)).collect::<Result<_, _>>()?;
        if frames.apart || axes.is_empty() {
            return Err("is of no images".into());
        }
        self.reduced(&frames, Reduction::Mean, &axes, true)
    }

    fn reduced(&mut self, frames: &Frames, reduction: Reduction, axes: &[usize], keep: bool) -> Result<Value, String> {
        let view = self.view(frames)?;
        let (inner, outer): (Vec<_>, Vec<_>) = (0..view.dims.len()).partition(|axis| axes.contains(axis));
        let step = Step::Reduced(view.permuted(&[&outer[..], &inner[..]].concat()), reduction, inner.len());
        let found = self.step(step, outer.iter().map(|&axis| view.dims[axis]).collect())?;
        let kept = (0..view.dims.len()).map(|axis| if axes.contains(&axis) { 1 } else { view.dims[axis] }).collect();
        let dims = if keep { kept } else { found.dims.clone() };
        let view = self.reshaped(&found, &dims)?;
        Ok(self.like(frames, view))
    }

    pub fn softmax(&mut self, node: &Node) -> Result<Value, String> {
        let frames = self.frames(node, 0)?;
        let axis = frames.axis(node.int("axis", if self.opset < 13 { 1 } else { -1 }))?;
        if axis + 1 != frames.dims.len() {
            return Err("is along another axis than the last".into());
        }
        let view = self.view(&frames)?;
        let dims = view.dims.clone();
        let view = self.step(Step::Softmax(view), dims)?;
        Ok(self.like(&frames, view))
    }

    /// A product with a constant matrix, on either side.
    pub fn product(&mut self, node: &Node) -> Result<Value, String> {
        let gemm = node.operator == "Gemm";
        let plain = node.int("transA", 0) == 0 && node.float("alpha", 1.0) == 1.0 && node.float("beta", 1.0) == 1.0;
        if gemm && !plain {
            return Err("multiplies in no way that a layer does".into());
        }
        let (frames, matrix, left) = match (self.input(node, 0)?, self.input(node, 1)?) {
            (Value::Frames(frames), Value::Numbers(matrix)) => (frames, matrix, false),
            (Value::Numbers(matrix), Value::Frames(frames)) if !gemm => (frames, matrix, true),
            _ => return Err("multiplies no matrix".into()),
        };
        let &[rows, columns] = matrix.dims.as_slice() else {
            return Err(format!("multiplies with {:?}", matrix.dims));
        };
        let last = frames.dims.len() - 1;
        // The batch and the steps are no rows of a matrix on their right.
        if last < 1 + usize::from(left) || (gemm && frames.rank() != 2) {
            return Err(format!("multiplies {:?} with {:?}", frames.dims, matrix.dims));
        }
        let mut view = self.view(&frames)?;
        let turned: Vec<_> = (0..last - 1).chain([last, last - 1]).collect();
        if left {
            view = view.permuted(&turned);
        }
        let transposed = left || node.int("transB", 0) != 0;
        let [inputs, outputs] = if transposed { [columns, rows] } else { [rows, columns] };
        if inputs != view.dims[last] || outputs == 0 {
            return Err(format!("multiplies {:?} with {:?}", frames.dims, matrix.dims));
        }
        let bias = if gemm { self.optional_numbers(node, 2)? } else { None };
        if bias.as_ref().is_some_and(|bias| bias.dims.len() > 2 || bias.dims_to(1) != [outputs]) {
            return Err("has not as many biases as columns".into());
        }
        self.spend(inputs * outputs + outputs)?;
        let values = &matrix.values;
        let at =
            |row, column| if transposed { values.at(column * inputs + row) } else { values.at(row * outputs + column) };
        let bias = |column| bias.as_ref().map_or(0.0, |bias| bias.values.at(column));
        let product = Matrix::new([inputs, outputs], at, bias);
        let mut dims = view.dims.clone();
        dims[last] = outputs;
        let found = self.step(Step::Product(view, product), dims)?;
        let view = if left { found.permuted(&turned) } else { found };
        Ok(self.like(&frames, view))
    }
}
