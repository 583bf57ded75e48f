//! Matrix products of functions of the timestep and the observation.

use crate::{
    network::{Feature, Slice},
    onnx::message::Node,
};

use super::{
    reader::Reader,
    value::{Content, Piece, Rows, Value},
};

impl Reader<'_> {
    /// `x·W + b`. Over a concatenation it is a sum: of a function of the timestep and one of the observation.
    pub fn linear(&mut self, node: &Node) -> Result<Value, String> {
        let Value::Rows(Rows { dims, content: Content::Features(pieces) }) = self.input(node, 0)? else {
            return Err("is of something else than functions of the timestep and the observation".into());
        };
        let weights = self.numbers(node, 1)?;
        let bias = self.optional_numbers(node, 2)?;
        let (&[inputs], &[rows, columns]) = (dims.as_slice(), weights.dims.as_slice()) else {
            return Err(format!("multiplies rows of shape {dims:?} with {:?}", weights.dims));
        };
        let turned = node.int("transB", 0) != 0;
        let outputs = if turned { rows } else { columns };
        let plain = node.int("transA", 0) == 0 && node.float("alpha", 1.0) == 1.0 && node.float("beta", 1.0) == 1.0;
        let fits = rows.checked_mul(columns) == inputs.checked_mul(outputs) && outputs > 0;
        let bias_fits = bias.as_ref().is_none_or(|bias| bias.values.len() == outputs);
        if !plain || !fits || !bias_fits {
            return Err(format!(
                "multiplies {inputs} numbers a row with {:?} in no way that a layer does",
                weights.dims
            ));
        }
        self.spend(inputs * outputs + outputs)?;
        let at = |input: usize, output: usize| {
            weights.values[if turned { output * inputs + input } else { input * outputs + output }]
        };
        let bias = bias.map_or_else(|| vec![0.0; outputs], |bias| bias.values.to_vec());
        let timestep = self.product(true, &pieces, at, &bias);
        let observation = self.product(false, &pieces, at, &bias);
        let content = Content::Features(vec![Piece { len: outputs, timestep, observation }]);
        Ok(Value::Rows(Rows { dims: vec![outputs], content }))
    }

    /// The part of the product that a function of the timestep (or the observation) has in it. The bias belongs to the
    /// observation's, where there is one.
    fn product(
        &mut self,
        of_timestep: bool,
        pieces: &[Piece],
        at: impl Fn(usize, usize) -> f32,
        bias: &[f32],
    ) -> Option<(usize, usize)> {
        let mut slices = Vec::new();
        let mut weights = Vec::new();
        let mut first = 0;
        for piece in pieces {
            if let Some((step, start)) = if of_timestep { piece.timestep } else { piece.observation } {
                slices.push(Slice { step, start, len: piece.len });
                let rows = first..first + piece.len;
                for input in rows {
                    weights.extend((0..bias.len()).map(|output| at(input, output)));
                }
            }
            first += piece.len;
        }
        if slices.is_empty() {
            return None;
        }
        let with_bias = !of_timestep || pieces.iter().all(|piece| piece.observation.is_none());
        let bias = if with_bias { bias.to_vec() } else { vec![0.0; bias.len()] };
        Some((self.feature(of_timestep, Feature::Linear(slices, weights, bias)), 0))
    }
}
