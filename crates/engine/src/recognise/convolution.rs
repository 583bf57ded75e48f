//! Convolutions along the positions: 1-D ones, and 2-D ones of height 1.

use parapolicy_onnx::message::Node;

use crate::network::{Convolution, Geometry, Weights};

use super::{
    reader::{LARGEST_ROW, Reader},
    stage::Kind,
    value::Value,
};

impl Reader<'_> {
    pub fn convolution(&mut self, node: &Node) -> Result<Value, String> {
        let Value::Rows(rows) = self.input(node, 0)? else { return Err("is of a constant".into()) };
        let of = self.sequence(&rows)?;
        let (inputs, positions) = (self.stages[of].channels, self.stages[of].positions);
        let weights = self.numbers(node, 1)?;
        let transposed = node.operator == "ConvTranspose";
        let &[first, second, .., taps] = weights.dims.as_slice() else {
            return Err(format!("has weights of shape {:?}", weights.dims));
        };
        let (of_weights, outputs) = if transposed { (first, second) } else { (second, first) };
        let height_one =
            weights.dims.len() == rows.dims.len() + 1 && weights.dims[2..].iter().rev().skip(1).all(|&h| h == 1);
        if !height_one || of_weights != inputs || taps == 0 || outputs == 0 {
            return Err(format!("has weights of shape {:?} for rows of shape {:?}", weights.dims, rows.dims));
        }
        if let Some(kernel) = node.ints("kernel_shape")
            && !kernel.iter().copied().eq(weights.dims[2..].iter().map(|&size| size as i64))
        {
            return Err(format!("has kernel_shape {kernel:?} and weights of shape {:?}", weights.dims));
        }
        let (geometry, out) = geometry(node, transposed, taps, positions, rows.dims.len() - 1)?;
        let bias = self.optional_numbers(node, 2)?;
        let bias = bias.map_or_else(|| vec![0.0; outputs], |bias| bias.values.to_vec());
        if bias.len() != outputs {
            return Err(format!("has {} biases for {outputs} channels", bias.len()));
        }
        self.spend(weights.values.len() + outputs)?;
        let strides = if transposed { [1, outputs * taps, taps] } else { [1, taps, inputs * taps] };
        let weights = Weights::strided(weights.values, strides);
        let mut dims = rows.dims;
        dims[0] = outputs;
        if let Some(last) = dims.last_mut() {
            *last = out;
        }
        let convolution = Convolution { geometry, inputs, outputs, weights, bias };
        self.stage(node, Kind::Convolution(of, convolution), [outputs, out], dims)
    }
}

/// The geometry along the positions, and the number of output positions.
fn geometry(
    node: &Node,
    transposed: bool,
    taps: usize,
    positions: usize,
    axes: usize,
) -> Result<(Geometry, usize), String> {
    let strides = whole(node, "strides", axes, 1)?;
    let pads = whole(node, "pads", 2 * axes, 0)?;
    let more = whole(node, "output_padding", axes, 0)?;
    let dilations = whole(node, "dilations", axes, 1)?;
    let flat = axes == 1 || (strides[0] == 1 && pads[0] == 0 && pads[axes] == 0 && more[0] == 0);
    let padded = matches!(node.string("auto_pad"), b"" | b"NOTSET") && !node.has("output_shape");
    let one_group = node.int("group", 1) == 1;
    if !flat || !padded || !one_group || dilations.iter().any(|&dilation| dilation != 1) {
        return Err("has groups, dilation, height or automatic padding".into());
    }
    let (stride, padding, end, more) = (strides[axes - 1], pads[axes - 1], pads[2 * axes - 1], more[axes - 1]);
    let out = if transposed {
        (positions.saturating_sub(1) * stride + taps + more).checked_sub(padding + end)
    } else {
        (positions + padding + end).checked_sub(taps).map(|last| last / stride + 1)
    };
    match out {
        Some(out) if out > 0 => Ok((Geometry { taps, stride, padding, transposed }, out)),
        _ => Err(format!("finds nothing in {positions} positions")),
    }
}

/// An attribute of as many whole numbers as there are axes.
pub fn whole(node: &Node, name: &str, len: usize, default: usize) -> Result<Vec<usize>, String> {
    let Some(numbers) = node.ints(name) else { return Ok(vec![default; len]) };
    let whole = |&number: &i64| usize::try_from(number).ok().filter(|&n| n >= default && n <= LARGEST_ROW);
    let found: Option<Vec<_>> = numbers.iter().map(whole).collect();
    found.filter(|found| found.len() == len).ok_or_else(|| format!("has {name} {numbers:?}"))
}
