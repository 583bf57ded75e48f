//! Functions of single numbers: Mish and GELU in each form in which exporters write them, and sines.

use parapolicy_onnx::message::Node;

use crate::network::{Feature, Nonlinearity, Slice};

use super::{
    reader::Reader,
    stage::Kind,
    value::{Content, Piece, Rows, Unary, Value},
};

/// The two factors of each activation function, for each form.
const FORMS: [(Nonlinearity, [&[Unary]; 2]); 4] = [
    // `x` (or `-x`) times the hyperbolic tangent.
    (Nonlinearity::Mish, [&[], &[Unary::Softplus, Unary::Tanh]]),
    // softplus(x) = -log(sigmoid(-x)), and tanh is odd.
    (Nonlinearity::Mish, [&[Unary::Neg], &[Unary::Neg, Unary::Sigmoid, Unary::Log, Unary::Tanh]]),
    (Nonlinearity::Gelu, [&[], &[Unary::OverRootTwo, Unary::Erf, Unary::PlusOne, Unary::Halved]]),
    (Nonlinearity::Gelu, [&[Unary::Halved], &[Unary::OverRootTwo, Unary::Erf, Unary::PlusOne]]),
];

impl Reader<'_> {
    pub fn unary(&mut self, node: &Node) -> Result<Value, String> {
        let Value::Rows(rows) = self.input(node, 0)? else { return Err("is of a constant".into()) };
        let function = match node.operator.as_str() {
            "Mish" => return self.nonlinearity(node, &rows.dims, &rows.content, Nonlinearity::Mish),
            "Gelu" if !matches!(node.string("approximate"), b"" | b"none") => return Err("is no exact GELU".into()),
            "Gelu" => return self.nonlinearity(node, &rows.dims, &rows.content, Nonlinearity::Gelu),
            "Sin" => return self.each(&rows, Feature::Sine).map(Value::Rows),
            "Cos" => return self.each(&rows, Feature::Cosine).map(Value::Rows),
            "Neg" => Unary::Neg,
            "Sigmoid" => Unary::Sigmoid,
            "Softplus" => Unary::Softplus,
            "Log" => Unary::Log,
            "Erf" => Unary::Erf,
            _ => Unary::Tanh,
        };
        Self::partial(rows, function)
    }

    /// A function of a number and a constant.
    pub fn by_number(&self, rows: Rows, number: f32, sum: bool) -> Result<Value, String> {
        let near = |other: f32| (number - other).abs() < 1e-6;
        let function = match sum {
            true if near(1.0) => Unary::PlusOne,
            false if near(0.5) => Unary::Halved,
            false if near(std::f32::consts::FRAC_1_SQRT_2) => Unary::OverRootTwo,
            _ => return Err(format!("is of {number}, which no function has here")),
        };
        Self::partial(rows, function)
    }

    fn partial(rows: Rows, function: Unary) -> Result<Value, String> {
        let (mut functions, of) = match rows.content {
            Content::Partial(functions, of) => (functions, of),
            whole => (vec![], Box::new(whole)),
        };
        functions.push(function);
        let begun = FORMS.iter().flat_map(|(_, forms)| forms).any(|form| form.starts_with(&functions));
        if !begun {
            return Err(format!("is not part of Mish or GELU: {functions:?}"));
        }
        Ok(Value::Rows(Rows { dims: rows.dims, content: Content::Partial(functions, of) }))
    }

    /// A product of two functions, if it is an activation function.
    pub fn product_of_functions(&mut self, node: &Node, a: &Rows, b: &Rows) -> Result<Value, String> {
        let parts = |rows: &Rows| match &rows.content {
            Content::Partial(functions, of) => (functions.clone(), (**of).clone()),
            whole => (vec![], whole.clone()),
        };
        let ((f, of), (g, of_b)) = (parts(a), parts(b));
        let is = |form: &&(Nonlinearity, [&[Unary]; 2])| {
            let [one, other] = form.1;
            (one == f && other == g) || (one == g && other == f)
        };
        match FORMS.iter().find(is) {
            Some(&(nonlinearity, _)) if of == of_b && a.dims == b.dims => {
                self.nonlinearity(node, &a.dims, &of, nonlinearity)
            }
            _ => Err("is not the product that Mish or GELU is".into()),
        }
    }

    fn nonlinearity(
        &mut self,
        node: &Node,
        dims: &[usize],
        content: &Content,
        nonlinearity: Nonlinearity,
    ) -> Result<Value, String> {
        let rows = Rows { dims: dims.to_vec(), content: content.clone() };
        match content {
            Content::Features(_) if nonlinearity == Nonlinearity::Mish => {
                self.each(&rows, Feature::Mish).map(Value::Rows)
            }
            &Content::Stage { transposed, .. } => {
                let of = if transposed { self.tokens(node, &rows)? } else { self.sequence(&rows)? };
                let shape = [self.stages[of].channels, self.stages[of].positions];
                let kind = Kind::Nonlinearity(of, nonlinearity);
                if transposed { self.token_stage(node, kind, shape) } else { self.stage(node, kind, shape, rows.dims) }
            }
            _ => Err(format!("is {nonlinearity:?} of what no layer applies it to")),
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
