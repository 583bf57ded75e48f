//! Sums and products, by what their operands are.

use parapolicy_onnx::message::Node;

use crate::network::{Feature, Slice};

use super::{
    integers,
    reader::Reader,
    stage::Kind,
    value::{Content, Numbers, Piece, Rows, Value},
};

impl Reader<'_> {
    pub fn arithmetic(&mut self, node: &Node) -> Result<Value, String> {
        let sum = node.operator == "Add";
        let (a, b) = (self.input(node, 0)?, self.input(node, 1)?);
        let (a, b) = match (a, b) {
            (Value::Sizes(a), Value::Sizes(b)) => {
                return integers::arithmetic(&node.operator, &a, &b).map(Value::Sizes);
            }
            // A quotient by a constant is a product with its reciprocals.
            (Value::Rows(rows), Value::Numbers(numbers)) if node.operator == "Div" => {
                let values = numbers.values.iter().map(|number| 1.0 / number).collect();
                (rows, Value::Numbers(Numbers { values, ..numbers }))
            }
            _ if !sum && node.operator != "Mul" => return Err("is neither a sum nor a product".into()),
            // Both commute.
            (Value::Numbers(numbers), Value::Rows(rows)) => (rows, Value::Numbers(numbers)),
            (Value::Rows(rows), other) => (rows, other),
            _ => return Err("is of constants".into()),
        };
        // A constant with more axes, or with several entries along the batch, would move the batch from its place.
        if let Value::Numbers(by) = &b {
            let rank = a.dims.len() + 1;
            if by.dims.len() > rank || (by.dims.len() == rank && by.dims[0] != 1) {
                return Err(format!("is of rows of shape {:?} and a constant of shape {:?}", a.dims, by.dims));
            }
        }
        match (&a.content, b) {
            (Content::Features(pieces), Value::Numbers(by)) => self.by_constant(&a, pieces, &by, sum),
            (Content::Scores(scores), Value::Numbers(by)) => self.adjusted_scores(&a, scores, &by, sum),
            (_, Value::Numbers(by)) if by.values.len() == 1 => self.by_number(node, a, by.values.at(0), sum),
            (Content::Heads(_) | Content::Turning(..), Value::Numbers(by)) if !sum => self.turned_by(&a, &by),
            (Content::Stage { transposed: true, .. }, Value::Numbers(by)) if sum => self.shifted_tokens(node, &a, &by),
            (Content::Stage { .. }, Value::Numbers(by)) => self.affine(node, &a, &by, sum),
            (_, Value::Rows(b)) => self.of_rows(node, &a, &b, sum),
            _ => Err("mixes what no layer mixes".into()),
        }
    }

    fn of_rows(&mut self, node: &Node, a: &Rows, b: &Rows, sum: bool) -> Result<Value, String> {
        let tokens = [a, b].iter().any(|rows| matches!(rows.content, Content::Stage { transposed: true, .. }));
        match (&a.content, &b.content) {
            // One number for each channel of all tokens.
            (Content::Stage { .. }, Content::Features(pieces)) if b.dims.first() == Some(&1) => {
                self.modulation(node, a, b, pieces, sum)
            }
            (Content::Features(pieces), Content::Stage { .. }) if a.dims.first() == Some(&1) => {
                self.modulation(node, b, a, pieces, sum)
            }
            (Content::Stage { .. } | Content::Features(_), Content::Stage { .. } | Content::Features(_))
                if sum && tokens =>
            {
                self.sum_of_tokens(node, a, b)
            }
            (Content::Stage { .. }, Content::Features(pieces)) => self.modulation(node, a, b, pieces, sum),
            (Content::Features(pieces), Content::Stage { .. }) => self.modulation(node, b, a, pieces, sum),
            (Content::Stage { .. }, Content::Stage { .. }) if sum => {
                let (first, second) = (self.sequence(a)?, self.sequence(b)?);
                if a.dims != b.dims {
                    return Err(format!("adds rows of shapes {:?} and {:?}", a.dims, b.dims));
                }
                let shape = [self.stages[first].channels, self.stages[first].positions];
                self.stage(node, Kind::Sum(first, second), shape, a.dims.clone())
            }
            (Content::Features(_), Content::Features(_)) if !sum => {
                self.product_number_by_number(a, b).map(Value::Rows)
            }
            (Content::Turning(..), Content::Turning(..)) if sum => Self::turned(a, b),
            _ if !sum => self.product_of_functions(node, a, b),
            _ => self.sum_of_functions(node, a, b),
        }
    }

    /// Features, each scaled or shifted by a constant. A single number is repeated, as the timestep is in its embedding.
    pub fn by_constant(&mut self, rows: &Rows, pieces: &[Piece], by: &Numbers, sum: bool) -> Result<Value, String> {
        let embedding = !sum && rows.dims == [1] && by.dims_to(1) == [by.values.len()] && !by.values.is_empty();
        let dims = if embedding { vec![by.values.len()] } else { rows.dims.clone() };
        self.spend(2 * dims.iter().product::<usize>())?;
        let by = by
            .repeated(&dims)
            .ok_or_else(|| format!("is of rows of shape {:?} and a constant of shape {:?}", rows.dims, by.dims))?;
        let mut found = Vec::with_capacity(pieces.len());
        let mut first = 0;
        for piece in pieces {
            let len = if embedding { by.len() } else { piece.len };
            found.push(self.piece_by(*piece, by[first..first + len].to_vec(), sum));
            first += len;
        }
        Ok(Value::Rows(Rows { dims, content: Content::Features(found) }))
    }

    fn piece_by(&mut self, piece: Piece, by: Vec<f32>, sum: bool) -> Piece {
        let make = if sum { Feature::Shifted } else { Feature::Scaled };
        let of = |(step, start)| Slice { step, start, len: piece.len };
        let mut found = Piece { len: by.len(), ..piece };
        // A sum is shifted once, a product has both its terms scaled.
        if let Some(at) = piece.timestep.filter(|_| !sum || piece.observation.is_none()) {
            found.timestep = Some((self.feature(true, make(of(at), by.clone())), 0));
        }
        if let Some(at) = piece.observation {
            found.observation = Some((self.feature(false, make(of(at), by)), 0));
        }
        found
    }
}
