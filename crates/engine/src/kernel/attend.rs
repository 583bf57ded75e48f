//! Attention of one head: the function that each instruction set compiles.

#![allow(unsafe_code, reason = "the output is written by address: threads share its rows")]

use super::exp::exp;
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
    /// Numbers of scratch: transposed keys, values, the scores and the output of one query, and a turned query or key.
    pub fn room(depth: usize, keys: usize) -> usize {
        let (width, scores) = (depth.next_multiple_of(ROW_MULTIPLE), keys.next_multiple_of(ROW_MULTIPLE));
        depth * scores + keys * width + scores + 2 * width
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

/// A score so far below the largest one has weight zero.
const LEAST: f32 = -87.0;

/// Registers hold scores of several keys, then channels of a value, so that no sum runs across a register.
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
    let (scores, rest) = rest.split_at_mut(room);
    let (result, rest) = rest.split_at_mut(width);
    let turned = &mut rest[..depth];
    for at in 0..keys {
        let key = placed(&key.data[at * key.stride..][..depth], at, key_turn, turned);
        for (channel, &number) in key.iter().enumerate() {
            transposed[channel * room + at] = number;
        }
        values[at * width..][..depth].copy_from_slice(&value.data[at * value.stride..][..depth]);
    }
    for at in 0..queries {
        scores.fill(0.0);
        let query = placed(&query.data[at * query.stride..][..depth], at, query_turn, turned);
        for (&number, keys) in query.iter().zip(transposed.chunks_exact(room)) {
            add_product(scores, number * scale, keys);
        }
        if let Some(mask) = mask {
            scores[..keys].iter_mut().zip(&mask[at * keys..]).for_each(|(score, mask)| *score += mask);
        }
        softmax(simd, scores, keys);
        result.fill(0.0);
        for (&weight, value) in scores.iter().zip(values.chunks_exact(width)) {
            add_product(result, weight, value);
        }
        // SAFETY: the caller lets this head's channels be written for every query.
        unsafe { output.add(at * output_stride).copy_from_nonoverlapping(result.as_ptr(), depth) };
    }
}

/// A query or key at a position, turned if positions turn it: `cos · x + sin · [-x[half..], x[..half]]` (Su et al. 2021,
/// arXiv 2104.09864, equation 34).
#[inline(always)]
fn placed<'n>(numbers: &'n [f32], at: usize, turn: Option<&Turn>, turned: &'n mut [f32]) -> &'n [f32] {
    let Some(Turn { cosines, sines }) = turn else { return numbers };
    let depth = numbers.len();
    let half = depth / 2;
    let (cosines, sines) = (&cosines[at * depth..][..depth], &sines[at * depth..][..depth]);
    for channel in 0..half {
        let (first, second) = (numbers[channel], numbers[half + channel]);
        turned[channel] = first * cosines[channel] - second * sines[channel];
        turned[half + channel] = second * cosines[half + channel] + first * sines[half + channel];
    }
    turned
}

/// Turns the first `keys` scores into weights that add up to 1. `scores` is a whole number of registers.
#[inline(always)]
fn softmax<S: Simd>(simd: S, scores: &mut [f32], keys: usize) {
    // The maximum passes over NaN. If there is one, all weights become NaN below.
    let most = scores[..keys].iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let has_nan = scores[..keys].iter().any(|score| score.is_nan()) || !most.is_finite();
    let (most, least) = (simd.splat(most), simd.splat(LEAST));
    let zero = exp(simd, least);
    for register in scores.chunks_exact_mut(S::LANES) {
        // SAFETY: the chunk is a register long.
        unsafe {
            let below = simd.sub(simd.load(register.as_ptr()), most);
            let power = exp(simd, simd.min(simd.max(below, least), simd.splat(0.0)));
            // Exactly zero for masked keys.
            simd.store(register.as_mut_ptr(), simd.sub(power, zero));
        }
    }
    let sum = if has_nan { f32::NAN } else { scores[..keys].iter().sum() };
    let factor = 1.0 / sum;
    scores.iter_mut().for_each(|weight| *weight *= factor);
}

/// `sums += factor * numbers`
#[inline(always)]
fn add_product(sums: &mut [f32], factor: f32, numbers: &[f32]) {
    for (sum, number) in sums.iter_mut().zip(numbers) {
        *sum += factor * number;
    }
}
