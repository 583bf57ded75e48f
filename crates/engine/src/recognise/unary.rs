//! Functions of single numbers: Mish and GELU in each form in which exporters write them.

use parapolicy_onnx::message::Node;

use crate::network::{Feature, Nonlinearity};

use super::{
    reader::Reader,
    stage::Kind,
    value::{Content, Rows, Size, Turning, Unary, Value},
};

/// `(1 + erf(x / sqrt(2))) / 2`, and without its last function the same twice.
const HALF_ERF: &[Unary] = &[Unary::OverRootTwo, Unary::Erf, Unary::PlusOne, Unary::Halved];

/// `(1 + tanh(sqrt(2 / pi) * (x + 0.044715 x³))) / 2`, and without its last function the same twice.
const HALF_TANH: &[Unary] =
    &[Unary::Cubed, Unary::OfCube, Unary::PlusSelf, Unary::TimesRoot, Unary::Tanh, Unary::PlusOne, Unary::Halved];

/// The two factors of each activation function, for each form.
const FORMS: [(Nonlinearity, [&[Unary]; 2]); 6] = [
    // `x` (or `-x`) times the hyperbolic tangent.
    (Nonlinearity::Mish, [&[], &[Unary::Softplus, Unary::Tanh]]),
    // softplus(x) = -log(sigmoid(-x)), and tanh is odd.
    (Nonlinearity::Mish, [&[Unary::Neg], &[Unary::Neg, Unary::Sigmoid, Unary::Log, Unary::Tanh]]),
    (Nonlinearity::Gelu, [&[], HALF_ERF]),
    (Nonlinearity::Gelu, [&[Unary::Halved], HALF_ERF.split_at(HALF_ERF.len() - 1).0]),
    (Nonlinearity::GeluTanh, [&[], HALF_TANH]),
    (Nonlinearity::GeluTanh, [&[Unary::Halved], HALF_TANH.split_at(HALF_TANH.len() - 1).0]),
];

/// The activation function that is half of `x` times this factor, where the product may be halved instead.
fn beside_half(factor: &[Unary]) -> Option<Nonlinearity> {
    let form = FORMS.iter().find(|(_, factors)| *factors == [&[Unary::Halved][..], factor]);
    form.map(|(nonlinearity, _)| *nonlinearity)
}

impl Reader<'_> {
    pub fn unary(&mut self, node: &Node) -> Result<Value, String> {
        let Value::Rows(rows) = self.input(node, 0)? else { return Err("is of a constant".into()) };
        let function = match (node.operator.as_str(), &rows.content) {
            ("Mish", _) => return self.nonlinearity(node, &rows.dims, &rows.content, Nonlinearity::Mish),
            ("Gelu", _) => return self.gelu(node, &rows),
            ("Sin", _) => return self.each(&rows, Feature::Sine).map(Value::Rows),
            ("Cos", _) => return self.each(&rows, Feature::Cosine).map(Value::Rows),
            ("Sigmoid", Content::Features(_)) => return self.each(&rows, Feature::Sigmoid).map(Value::Rows),
            ("Tanh", Content::Features(_)) => return self.each(&rows, Feature::Tanh).map(Value::Rows),
            ("Erf", Content::Features(_)) => return self.each(&rows, Feature::Erf).map(Value::Rows),
            ("Neg", Content::Turning(heads, Turning::Second)) => {
                let content = Content::Turning(heads.clone(), Turning::MinusSecond);
                return Ok(Value::Rows(Rows { dims: rows.dims, content }));
            }
            ("Neg", _) => Unary::Neg,
            ("Sigmoid", _) => Unary::Sigmoid,
            ("Softplus", _) => Unary::Softplus,
            ("Log", _) => Unary::Log,
            ("Erf", _) => Unary::Erf,
            _ => Unary::Tanh,
        };
        self.applied(node, rows, function)
    }

    fn gelu(&mut self, node: &Node, rows: &Rows) -> Result<Value, String> {
        let nonlinearity = match node.string("approximate") {
            b"" | b"none" => Nonlinearity::Gelu,
            b"tanh" => Nonlinearity::GeluTanh,
            _ => return Err("is no GELU that there is".into()),
        };
        match &rows.content {
            Content::Features(_) if nonlinearity == Nonlinearity::Gelu => self.gelu_of_features(rows).map(Value::Rows),
            content => self.nonlinearity(node, &rows.dims, content, nonlinearity),
        }
    }

    /// The third power.
    pub fn power(&mut self, node: &Node) -> Result<Value, String> {
        let cubes = match self.input(node, 1)? {
            Value::Numbers(by) => by.dims.len() <= 1 && by.values.len() == 1 && by.values.at(0) == 3.0,
            Value::Sizes(by) => by.values == [Size::Known(3)],
            Value::Rows(_) => false,
        };
        match self.input(node, 0)? {
            Value::Rows(rows) if cubes => self.applied(node, rows, Unary::Cubed),
            _ => Err("is not the third power of a row".into()),
        }
    }

    /// A function of a number and a constant.
    pub fn by_number(&mut self, node: &Node, rows: Rows, number: f32, sum: bool) -> Result<Value, String> {
        let near = |other: f32| (number - other).abs() < 1e-6;
        let function = match sum {
            true if near(1.0) => Unary::PlusOne,
            false if near(0.5) => Unary::Halved,
            false if near(std::f32::consts::FRAC_1_SQRT_2) => Unary::OverRootTwo,
            false if near(0.044_715) => Unary::OfCube,
            false if near(0.797_884_6) => Unary::TimesRoot,
            _ => return Err(format!("is of {number}, which no function has here")),
        };
        self.applied(node, rows, function)
    }

    /// What rows are after one more function: the activation function that ends with it, or a part of one.
    fn applied(&mut self, node: &Node, rows: Rows, function: Unary) -> Result<Value, String> {
        let (mut functions, of) = match rows.content {
            Content::Partial(functions, of) => (functions, of),
            whole => (vec![], Box::new(whole)),
        };
        functions.push(function);
        let halved = functions.strip_suffix(&[Unary::TimesSelf, Unary::Halved]).and_then(beside_half);
        if let Some(nonlinearity) = halved {
            return self.nonlinearity(node, &rows.dims, &of, nonlinearity);
        }
        let begun = FORMS.iter().flat_map(|(_, forms)| forms).any(|form| form.starts_with(&functions))
            || functions.strip_suffix(&[Unary::TimesSelf]).and_then(beside_half).is_some();
        // A third power may be a product of a second.
        if functions != [Unary::Squared] && !begun {
            return Err(format!("is not part of Mish or GELU: {functions:?}"));
        }
        Ok(Value::Rows(Rows { dims: rows.dims, content: Content::Partial(functions, of) }))
    }

    /// A product of two functions, if it is an activation function or a part of one.
    pub fn product_of_functions(&mut self, node: &Node, a: &Rows, b: &Rows) -> Result<Value, String> {
        let ((f, of), (g, of_b)) = (parts(a), parts(b));
        let is = |form: &&(Nonlinearity, [&[Unary]; 2])| {
            let [one, other] = form.1;
            (one == f && other == g) || (one == g && other == f)
        };
        if of != of_b || a.dims != b.dims {
            return Err("is not the product that Mish or GELU is".into());
        }
        if let Some(&(nonlinearity, _)) = FORMS.iter().find(is) {
            return self.nonlinearity(node, &a.dims, &of, nonlinearity);
        }
        match (&f[..], &g[..]) {
            ([], []) => self.applied(node, a.clone(), Unary::Squared),
            ([], [Unary::Squared]) | ([Unary::Squared], []) => {
                self.applied(node, Rows { dims: a.dims.clone(), content: of }, Unary::Cubed)
            }
            ([], _) => self.applied(node, b.clone(), Unary::TimesSelf),
            (_, []) => self.applied(node, a.clone(), Unary::TimesSelf),
            _ => Err("is not the product that Mish or GELU is".into()),
        }
    }

    /// A sum of two functions, if it is part of an activation function.
    pub fn sum_of_functions(&mut self, node: &Node, a: &Rows, b: &Rows) -> Result<Value, String> {
        let ((f, of), (g, of_b)) = (parts(a), parts(b));
        match (f.is_empty(), g.is_empty()) {
            _ if of != of_b || a.dims != b.dims => Err("adds what no layer adds".into()),
            (true, false) => self.applied(node, b.clone(), Unary::PlusSelf),
            (false, true) => self.applied(node, a.clone(), Unary::PlusSelf),
            _ => Err("adds what no layer adds".into()),
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
}

/// The functions of which a row is, and of what.
fn parts(rows: &Rows) -> (Vec<Unary>, Content) {
    match &rows.content {
        Content::Partial(functions, of) => (functions.clone(), (**of).clone()),
        whole => (vec![], whole.clone()),
    }
}
