//! Functions of the timestep, and functions of the observation, number by number: what conditions a network is computed as the
//! graph says, so that any sum, product and function of single numbers is one that it may have.

use crate::network::{Feature, Slice};

use super::{
    reader::Reader,
    slicing::take,
    value::{Content, Numbers, Piece, Rows, Value},
};

impl Reader<'_> {
    /// A function of each number of a row of features.
    pub fn each(&mut self, rows: &Rows, function: fn(Slice) -> Feature) -> Result<Rows, String> {
        let Content::Features(pieces) = &rows.content else { return Err("is of no function of the timestep".into()) };
        let mut found = Vec::new();
        for piece in pieces {
            let (of_timestep, at) = side(piece)?;
            found.push(self.computed(of_timestep, function(slice(at, piece.len)), piece.len)?);
        }
        Ok(rows.with(found))
    }

    /// A product of features, number by number: both factors of a number are functions of the timestep, or both of the
    /// observation.
    pub fn product_number_by_number(&mut self, a: &Rows, b: &Rows) -> Result<Rows, String> {
        let (Content::Features(first), Content::Features(second)) = (&a.content, &b.content) else {
            return Err("multiplies what no layer multiplies".into());
        };
        if a.dims != b.dims {
            return Err(format!("multiplies features of shapes {:?} and {:?}", a.dims, b.dims));
        }
        let mut found = Vec::new();
        let mut at = 0;
        for piece in first {
            let mut start = 0;
            for other in take(second, at, piece.len) {
                let piece = piece.slice(start, other.len);
                let (of_timestep, left) = side(&piece)?;
                let (of_both, right) = side(&other)?;
                if of_timestep != of_both {
                    return Err("multiplies a function of the timestep with one of the observation".into());
                }
                let product = Feature::Product(slice(left, other.len), slice(right, other.len));
                found.push(self.computed(of_timestep, product, other.len)?);
                start += other.len;
            }
            at += piece.len;
        }
        Ok(a.with(found))
    }

    /// `x / 2 * (1 + erf(x / sqrt(2)))` (Hendrycks and Gimpel 2016, arXiv 1606.08415).
    pub fn gelu_of_features(&mut self, rows: &Rows) -> Result<Rows, String> {
        let halved = self.by_one(rows, 0.5, false)?;
        let inner = self.by_one(rows, std::f32::consts::FRAC_1_SQRT_2, false)?;
        let erf = self.each(&inner, Feature::Erf)?;
        let factor = self.by_one(&erf, 1.0, true)?;
        self.product_number_by_number(&halved, &factor)
    }

    /// Features times one number, or plus one.
    fn by_one(&mut self, rows: &Rows, number: f32, sum: bool) -> Result<Rows, String> {
        let Content::Features(pieces) = &rows.content else { return Err("is of no features".into()) };
        let number = Numbers { dims: vec![], values: vec![number].into() };
        match self.by_constant(rows, pieces, &number, sum)? {
            Value::Rows(rows) => Ok(rows),
            _ => Err("is of no features".into()),
        }
    }

    /// A piece that a new step computes.
    fn computed(&mut self, of_timestep: bool, feature: Feature, len: usize) -> Result<Piece, String> {
        self.spend(1)?;
        let step = self.feature(of_timestep, feature);
        let at = |there: bool| there.then_some((step, 0));
        Ok(Piece { len, timestep: at(of_timestep), observation: at(!of_timestep) })
    }
}

/// Whether a piece is a function of the timestep, not of the observation; and where its first number is.
fn side(piece: &Piece) -> Result<(bool, (usize, usize)), String> {
    match (piece.timestep, piece.observation) {
        (Some(at), None) => Ok((true, at)),
        (None, Some(at)) => Ok((false, at)),
        _ => Err("is of a sum of functions of the timestep and the observation".into()),
    }
}

fn slice((step, start): (usize, usize), len: usize) -> Slice {
    Slice { step, start, len }
}

impl Rows {
    fn with(&self, pieces: Vec<Piece>) -> Self {
        Self { dims: self.dims.clone(), content: Content::Features(pieces) }
    }
}
