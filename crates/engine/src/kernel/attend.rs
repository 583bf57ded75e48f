//! Attention of one head: the function that each instruction set compiles.

#![allow(unsafe_code, reason = "registers; the output is written by address: threads share its rows")]

mod product;
mod softmax;

use product::{Product, ROWS, multiply};
use softmax::softmax;

use super::finish::Rows;
use super::layout::ROW_MULTIPLE;
use super::simd::Simd;
use crate::network::Turn;

/// One head of one batch row.
pub(super) struct Attend<'a> {
    pub query: Rows<'a>,
    pub key: Rows<'a>,
    pub value: Rows<'a>,
    pub queries: usize,
    pub keys: usize,
    /// Channels.
    pub depth: usize,
    pub scale: f32,
    /// `[query, key]`.
    pub mask: Option<&'a [f32]>,
    /// How positions turn queries and keys.
    pub query_turn: Option<&'a Turn>,
    pub key_turn: Option<&'a Turn>,
    /// The first query's first channel. No other thread reads or writes this head's channels of this batch row.
    pub output: *mut f32,
    /// From one query to the next.
    pub output_stride: usize,
    pub scratch: &'a mut [f32],
}

impl Attend<'_> {
    /// Numbers of scratch: transposed keys and values; of as many queries as are computed at once, the queries, scores and
    /// outputs.
    pub fn room(depth: usize, keys: usize) -> usize {
        let (width, scores) = (depth.next_multiple_of(ROW_MULTIPLE), keys.next_multiple_of(ROW_MULTIPLE));
        depth * scores + keys * width + ROWS * (depth + scores + width)
    }

    /// Whether all slices are long enough.
    pub fn fits(&self) -> bool {
        self.query.fit(self.queries, self.depth)
            && self.key.fit(self.keys, self.depth)
            && self.value.fit(self.keys, self.depth)
            && self.mask.is_none_or(|mask| mask.len() == self.queries * self.keys)
            && [(self.query_turn, self.queries), (self.key_turn, self.keys)].into_iter().all(|(turn, positions)| {
                turn.is_none_or(|turn| [&turn.cosines, &turn.sines].iter().all(|of| of.len() == positions * self.depth))
            })
            && self.scratch.len() >= Self::room(self.depth, self.keys)
    }
}

/// Registers hold scores of several keys, then channels of a value, so that no sum runs across a register. Several queries
/// are computed at once, so that their sums stay in registers.
///
/// # Safety
/// `attend.fits()`, and its output's channels can be written for all queries.
#[inline(always)]
pub(super) unsafe fn attend<S: Simd>(simd: S, attend: &mut Attend<'_>) {
    let Attend { query, key, value, queries, keys, depth, scale, mask, output, output_stride, .. } = *attend;
    let (query_turn, key_turn) = (attend.query_turn, attend.key_turn);
    let (width, room) = (depth.next_multiple_of(ROW_MULTIPLE), keys.next_multiple_of(ROW_MULTIPLE));
    let (transposed, rest) = attend.scratch.split_at_mut(depth * room);
    let (values, rest) = rest.split_at_mut(keys * width);
    let (asked, rest) = rest.split_at_mut(ROWS * depth);
    let (scores, rest) = rest.split_at_mut(ROWS * room);
    let results = &mut rest[..ROWS * width];
    for at in 0..keys {
        let placed = &mut asked[..depth];
        place(&key.data[at * key.stride..][..depth], at, key_turn, placed);
        for (&number, keys) in placed.iter().zip(transposed.chunks_exact_mut(room)) {
            keys[at] = number;
        }
        values[at * width..][..depth].copy_from_slice(&value.data[at * value.stride..][..depth]);
    }
    for first in (0..queries).step_by(ROWS) {
        let some = first..queries.min(first + ROWS);
        for (at, asked) in some.clone().zip(asked.chunks_exact_mut(depth)) {
            place(&query.data[at * query.stride..][..depth], at, query_turn, asked);
            asked.iter_mut().for_each(|number| *number *= scale);
        }
        // Rows after the last query are computed, too, of whatever is there.
        let (inputs, weights) = (&*asked, &*transposed);
        multiply(simd, Product { inputs, input_stride: depth, depth, weights, width: room, outputs: scores });
        for (at, scores) in some.clone().zip(scores.chunks_exact_mut(room)) {
            if let Some(mask) = mask {
                scores.iter_mut().zip(&mask[at * keys..][..keys]).for_each(|(score, mask)| *score += mask);
            }
            scores[keys..].fill(f32::NEG_INFINITY);
            softmax(simd, scores);
        }
        let (inputs, weights) = (&*scores, &*values);
        multiply(simd, Product { inputs, input_stride: room, depth: keys, weights, width, outputs: results });
        for (at, result) in some.zip(results.chunks_exact(width)) {
            // SAFETY: the caller lets this head's channels be written for every query.
            unsafe { output.add(at * output_stride).copy_from_nonoverlapping(result.as_ptr(), depth) };
        }
    }
}

/// A query or key at a position, turned if positions turn it: `cos · x + sin · [-x[half..], x[..half]]` (Su et al. 2021,
/// arXiv 2104.09864, equation 34).
#[inline(always)]
fn place(numbers: &[f32], at: usize, turn: Option<&Turn>, to: &mut [f32]) {
    let Some(Turn { cosines, sines }) = turn else { return to.copy_from_slice(numbers) };
    let depth = numbers.len();
    let half = depth / 2;
    let ((cosines, more_cosines), (sines, more_sines)) =
        (cosines[at * depth..][..depth].split_at(half), sines[at * depth..][..depth].split_at(half));
    let (first, second) = numbers.split_at(half);
    let (to, more) = to.split_at_mut(half);
    for channel in 0..half {
        to[channel] = first[channel] * cosines[channel] - second[channel] * sines[channel];
        more[channel] = second[channel] * more_cosines[channel] + first[channel] * more_sines[channel];
    }
}
