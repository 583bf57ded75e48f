//! Sums and products, by what they are of.

use crate::{
    network::{Feature, Slice},
    onnx::message::Node,
};

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
            _ if !sum && node.operator != "Mul" => return Err("is neither a sum nor a product".into()),
            // Both commute.
            (Value::Numbers(numbers), Value::Rows(rows)) => (rows, Value::Numbers(numbers)),
            (Value::Rows(rows), other) => (rows, other),
            _ => return Err("is of constants".into()),
        };
        match (&a.content, b) {
            (Content::Stage { .. }, Value::Numbers(by)) => self.affine(node, &a, &by, sum),
            (Content::Features(pieces), Value::Numbers(by)) => self.by_constant(&a, pieces, &by, sum),
            (_, Value::Rows(b)) => self.of_rows(node, &a, &b, sum),
            _ => Err("mixes what no layer mixes".into()),
        }
    }

    fn of_rows(&mut self, node: &Node, a: &Rows, b: &Rows, sum: bool) -> Result<Value, String> {
        match (&a.content, &b.content) {
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
            _ if !sum => self.mish_of_product(node, a, b),
            _ => Err("adds what no layer adds".into()),
        }
    }

    /// Features scaled or shifted by a constant each. A single number is repeated, as the timestep is in its embedding.
    fn by_constant(&mut self, rows: &Rows, pieces: &[Piece], by: &Numbers, sum: bool) -> Result<Value, String> {
        let flat = by.dims.iter().rev().skip(1).all(|&dim| dim == 1) && !by.values.is_empty();
        let (dims, by) = match (rows.len(), by.values.len()) {
            (len, 1) => (rows.dims.clone(), vec![by.values[0]; len]),
            (1, len) if flat && !sum && rows.dims == [1] => (vec![len], by.values.to_vec()),
            (len, others) if flat && len == others && rows.dims == [len] => (vec![len], by.values.to_vec()),
            _ => return Err(format!("is of rows of shape {:?} and a constant of shape {:?}", rows.dims, by.dims)),
        };
        let &[piece] = pieces else { return Err("is of a concatenation".into()) };
        let len = by.len();
        self.spend(2 * len)?;
        let make = if sum { Feature::Shifted } else { Feature::Scaled };
        let of = |(step, start)| Slice { step, start, len: piece.len };
        let mut found = Piece { len, ..piece };
        // A sum is shifted once, a product has both its terms scaled.
        if let Some(at) = piece.timestep.filter(|_| !sum || piece.observation.is_none()) {
            found.timestep = Some((self.feature(true, make(of(at), by.clone())), 0));
        }
        if let Some(at) = piece.observation {
            found.observation = Some((self.feature(false, make(of(at), by.clone())), 0));
        }
        Ok(Value::Rows(Rows { dims, content: Content::Features(vec![found]) }))
    }
}
