//! Heads that are turned by their positions, `cos · x + sin · [-x[half..], x[..half]]` (Su et al. 2021, arXiv 2104.09864,
//! section 3.2, in the order of channels that is usual: the pair of a channel is half a head away).

use std::sync::Arc;

use crate::network::Turn;

use super::{
    reader::Reader,
    value::{Content, Heads, Numbers, Rows, Turning, Value},
};

impl Reader<'_> {
    /// `len` channels of heads, from `start`: one of both halves.
    pub fn half_of_heads(&self, rows: &Rows, heads: &Heads, axis: usize, start: usize, len: usize) -> Option<Rows> {
        let depth = *rows.dims.last()?;
        let is_half = self.are_heads(rows, heads) && !heads.transposed && heads.turn.is_none();
        if !is_half || axis != rows.dims.len() || depth != 2 * len {
            return None;
        }
        let half = match start {
            0 => Turning::First,
            _ if start == len => Turning::Second,
            _ => return None,
        };
        let mut dims = rows.dims.clone();
        *dims.last_mut()? = len;
        Some(Rows { dims, content: Content::Turning(heads.clone(), half) })
    }

    /// Both halves, the second of them negative and in front.
    pub fn halves_together(&self, parts: &[&Rows], axis: usize) -> Option<Value> {
        let &[front, back] = parts else { return None };
        match (&front.content, &back.content) {
            (Content::Turning(heads, Turning::MinusSecond), Content::Turning(other, Turning::First))
                if heads == other && [&front.dims, &back.dims].iter().all(|dims| **dims == self.half(heads)) =>
            {
                let dims = self.shape_of_heads(heads).to_vec();
                if axis != dims.len() {
                    return None;
                }
                Some(Value::Rows(Rows { dims, content: Content::Turning(heads.clone(), Turning::Turned) }))
            }
            _ => None,
        }
    }

    /// The shape of half of each head.
    fn half(&self, heads: &Heads) -> [usize; 3] {
        let [count, positions, depth] = self.shape_of_heads(heads);
        [count, positions, depth / 2]
    }

    /// Heads, or heads turned by a right angle, times a constant of each position and channel.
    pub fn turned_by(&mut self, rows: &Rows, by: &Numbers) -> Result<Value, String> {
        let (heads, turned) = match &rows.content {
            Content::Heads(heads) if !heads.transposed && heads.turn.is_none() => (heads, false),
            Content::Turning(heads, Turning::Turned) => (heads, true),
            _ => return Err("multiplies what is neither heads nor heads turned by a right angle".into()),
        };
        let unfit = || format!("multiplies heads of shape {:?} by a constant of shape {:?}", rows.dims, by.dims);
        let &[_, positions, depth] = rows.dims.as_slice() else { return Err(unfit()) };
        if !self.are_heads(rows, heads) || by.dims_to(2).len() > 2 {
            return Err(unfit());
        }
        self.spend(positions * depth)?;
        let numbers: Arc<[f32]> = by.repeated(&[positions, depth]).ok_or_else(unfit)?.into();
        let product = if turned { Turning::Sines(numbers) } else { Turning::Cosines(numbers) };
        Ok(Value::Rows(Rows { dims: rows.dims.clone(), content: Content::Turning(heads.clone(), product) }))
    }

    /// The sum of both products.
    pub fn turned(a: &Rows, b: &Rows) -> Result<Value, String> {
        let (heads, cosines, sines) = match (&a.content, &b.content) {
            (Content::Turning(heads, Turning::Cosines(cosines)), Content::Turning(other, Turning::Sines(sines)))
            | (Content::Turning(other, Turning::Sines(sines)), Content::Turning(heads, Turning::Cosines(cosines)))
                if heads == other && a.dims == b.dims =>
            {
                (heads, cosines, sines)
            }
            _ => return Err("adds what no layer adds".into()),
        };
        let turn = Turn { cosines: cosines.to_vec(), sines: sines.to_vec() };
        let content = Content::Heads(Heads { turn: Some(turn.into()), ..heads.clone() });
        Ok(Value::Rows(Rows { dims: a.dims.clone(), content }))
    }
}
