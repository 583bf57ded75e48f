//! Matrix products: of functions of the timestep and the observation, and of tokens.

use std::sync::Arc;

use parapolicy_onnx::message::Node;

use crate::network::{Convolution, Feature, Geometry, Slice, Weights};

use super::{
    reader::{LONGEST_LIST, Reader},
    slicing::take,
    stage::Kind,
    value::{Content, Piece, Rows, Value},
};

/// `x·W + b`.
struct Matrix {
    inputs: usize,
    outputs: usize,
    /// `[input, output]`.
    weights: Arc<[f32]>,
    bias: Arc<[f32]>,
}

impl Reader<'_> {
    pub fn linear(&mut self, node: &Node) -> Result<Value, String> {
        let Value::Rows(rows) = self.input(node, 0)? else { return Err("is of a constant".into()) };
        match (&rows.content, self.input(node, 1)?) {
            (_, Value::Rows(by)) => self.product_of_heads(node, &rows, &by),
            (Content::Features(pieces), _) => self.product_of_features(node, &rows, pieces),
            (Content::Stage { transposed: true, .. }, _) => self.product_of_tokens(node, &rows),
            _ => Err("is of something else than tokens, or functions of the timestep and the observation".into()),
        }
    }

    /// A convolution of one tap.
    fn product_of_tokens(&mut self, node: &Node, rows: &Rows) -> Result<Value, String> {
        let of = self.tokens(node, rows)?;
        let (inputs, positions) = (self.stages[of].channels, self.stages[of].positions);
        let (weights, bias) = self.matrix(node, inputs)?;
        let outputs = bias.len();
        let convolution = Convolution { geometry: Geometry::POINTWISE, inputs, outputs, weights, bias };
        self.token_stage(node, Kind::Convolution(of, convolution), [outputs, positions])
    }

    /// A product with a concatenation is a sum of a function of the timestep and one of the observation. If there is an axis
    /// before the last one, each of its entries is a token.
    fn product_of_features(&mut self, node: &Node, rows: &Rows, pieces: &[Piece]) -> Result<Value, String> {
        let (inputs, tokens) = match rows.dims[..] {
            [inputs] => (inputs, 1),
            [tokens, inputs] if tokens <= LONGEST_LIST => (inputs, tokens),
            _ => return Err(format!("multiplies rows of shape {:?}", rows.dims)),
        };
        let (weights, bias) = self.matrix(node, inputs)?;
        let outputs = bias.len();
        let all = (0..inputs).flat_map(|input| (0..outputs).map(move |output| [0, input, output]));
        let weights = all.map(|at| weights.at(at)).collect();
        let matrix = Matrix { inputs, outputs, weights, bias: bias.into() };
        let mut found = Vec::with_capacity(tokens);
        for token in 0..tokens {
            let pieces = take(pieces, token * inputs, inputs);
            let timestep = self.product(true, &pieces, &matrix)?;
            let observation = self.product(false, &pieces, &matrix)?;
            found.push(Piece { len: matrix.outputs, timestep, observation });
        }
        let mut dims = rows.dims.clone();
        if let Some(last) = dims.last_mut() {
            *last = matrix.outputs;
        }
        Ok(Value::Rows(Rows { dims, content: Content::Features(found) }))
    }

    /// A node's matrix, for rows of so many numbers, and its bias or zeros.
    fn matrix(&mut self, node: &Node, inputs: usize) -> Result<(Weights, Vec<f32>), String> {
        let weights = self.numbers(node, 1)?;
        let bias = self.optional_numbers(node, 2)?;
        let &[rows, columns] = weights.dims.as_slice() else {
            return Err(format!("multiplies rows with {:?}", weights.dims));
        };
        let transposed = node.int("transB", 0) != 0;
        let outputs = if transposed { rows } else { columns };
        let plain = node.int("transA", 0) == 0 && node.float("alpha", 1.0) == 1.0 && node.float("beta", 1.0) == 1.0;
        let fits = inputs == if transposed { columns } else { rows } && outputs > 0;
        let bias_fits = bias.as_ref().is_none_or(|bias| bias.dims.len() <= 2 && bias.dims_to(1) == [outputs]);
        if !plain || !fits || !bias_fits {
            return Err(format!(
                "multiplies {inputs} numbers a row with {:?} in no way that a layer does",
                weights.dims
            ));
        }
        self.spend(inputs * outputs + outputs)?;
        let (step, apart) = if transposed { (1, inputs) } else { (outputs, 1) };
        let bias = bias.map_or_else(|| vec![0.0; outputs], |bias| bias.values.to_vec());
        Ok((Weights::strided(weights.values, [0, step, apart]), bias))
    }

    /// The contribution of the timestep (or the observation) to the product. The bias belongs to the observation's
    /// contribution, if there is one.
    fn product(
        &mut self,
        of_timestep: bool,
        pieces: &[Piece],
        matrix: &Matrix,
    ) -> Result<Option<(usize, usize)>, String> {
        let Matrix { inputs, outputs, .. } = *matrix;
        let mut slices = Vec::new();
        let mut rows = Vec::new();
        let mut first = 0;
        for piece in pieces {
            if let Some((step, start)) = if of_timestep { piece.timestep } else { piece.observation } {
                slices.push(Slice { step, start, len: piece.len });
                rows.push(first..first + piece.len);
            }
            first += piece.len;
        }
        if slices.is_empty() {
            return Ok(None);
        }
        // Tokens that use the whole matrix share it.
        let weights = if rows.iter().map(ExactSizeIterator::len).sum::<usize>() == inputs {
            Arc::clone(&matrix.weights)
        } else {
            self.spend(inputs * outputs)?;
            rows.into_iter()
                .flat_map(|rows| &matrix.weights[rows.start * outputs..rows.end * outputs])
                .copied()
                .collect()
        };
        let with_bias = !of_timestep || pieces.iter().all(|piece| piece.observation.is_none());
        let bias = if with_bias { Arc::clone(&matrix.bias) } else { vec![0.0; outputs].into() };
        Ok(Some((self.feature(of_timestep, Feature::Linear(slices, weights, bias)), 0)))
    }
}
