//! Functions of single numbers: Mish in each of the forms in which it is written, and sines.

use crate::{
    network::{Feature, Slice},
    onnx::message::Node,
};

use super::{
    reader::Reader,
    stage::Kind,
    value::{Content, Piece, Rows, Unary, Value},
};

/// What Mish is the product of: of `x`, or `-x`, and the tangent.
const FORMS: [[&[Unary]; 2]; 2] = [
    [&[], &[Unary::Softplus, Unary::Tanh]],
    // softplus(x) = -log(sigmoid(-x)), and tanh is odd.
    [&[Unary::Neg], &[Unary::Neg, Unary::Sigmoid, Unary::Log, Unary::Tanh]],
];

impl Reader<'_> {
    pub fn unary(&mut self, node: &Node) -> Result<Value, String> {
        let Value::Rows(rows) = self.input(node, 0)? else { return Err("is of a constant".into()) };
        let function = match node.operator.as_str() {
            "Mish" => return self.mish(node, &rows.dims, &rows.content),
            "Sin" => return self.each(&rows, Feature::Sine).map(Value::Rows),
            "Cos" => return self.each(&rows, Feature::Cosine).map(Value::Rows),
            "Neg" => Unary::Neg,
            "Sigmoid" => Unary::Sigmoid,
            "Softplus" => Unary::Softplus,
            "Log" => Unary::Log,
            _ => Unary::Tanh,
        };
        let (mut functions, of) = match rows.content {
            Content::Partial(functions, of) => (functions, of),
            whole => (vec![], Box::new(whole)),
        };
        functions.push(function);
        let begun = FORMS.iter().flatten().any(|form| form.starts_with(&functions));
        if !begun {
            return Err(format!("is not part of Mish: {functions:?}"));
        }
        Ok(Value::Rows(Rows { dims: rows.dims, content: Content::Partial(functions, of) }))
    }

    /// The product, if it is Mish.
    pub fn mish_of_product(&mut self, node: &Node, a: &Rows, b: &Rows) -> Result<Value, String> {
        let parts = |rows: &Rows| match &rows.content {
            Content::Partial(functions, of) => (functions.clone(), (**of).clone()),
            whole => (vec![], whole.clone()),
        };
        let ((f, of), (g, of_b)) = (parts(a), parts(b));
        let is = |form: &[&[Unary]; 2]| (form[0] == f && form[1] == g) || (form[0] == g && form[1] == f);
        if of == of_b && a.dims == b.dims && FORMS.iter().any(is) {
            return self.mish(node, &a.dims, &of);
        }
        Err("is not the product that Mish is".into())
    }

    fn mish(&mut self, node: &Node, dims: &[usize], content: &Content) -> Result<Value, String> {
        let rows = Rows { dims: dims.to_vec(), content: content.clone() };
        match content {
            Content::Features(_) => self.each(&rows, Feature::Mish).map(Value::Rows),
            Content::Stage { .. } => {
                let of = self.sequence(&rows)?;
                let shape = [self.stages[of].channels, self.stages[of].positions];
                self.stage(node, Kind::Mish(of), shape, rows.dims)
            }
            Content::Partial(..) => Err("is of a part of Mish".into()),
        }
    }

    /// A function of each number of a row of features.
    fn each(&mut self, rows: &Rows, function: fn(Slice) -> Feature) -> Result<Rows, String> {
        let Content::Features(pieces) = &rows.content else { return Err("is of no function of the timestep".into()) };
        let mut found = Vec::new();
        for piece in pieces {
            let (of_timestep, (step, start)) = match (piece.timestep, piece.observation) {
                (Some(at), None) => (true, at),
                (None, Some(at)) => (false, at),
                _ => return Err("is of a sum of functions of the timestep and the observation".into()),
            };
            self.spend(1)?;
            let step = self.feature(of_timestep, function(Slice { step, start, len: piece.len }));
            let at = |there: bool| there.then_some((step, 0));
            found.push(Piece { len: piece.len, timestep: at(of_timestep), observation: at(!of_timestep) });
        }
        Ok(rows.with(found))
    }
}

impl Rows {
    fn with(&self, pieces: Vec<Piece>) -> Self {
        Self { dims: self.dims.clone(), content: Content::Features(pieces) }
    }
}
