//! Attention, as one member of a team works on it.

#![allow(unsafe_code, reason = "members share the activations, and functions are for one instruction set")]

use super::exp::exp;
use super::finish::Rows;
use super::layer::{Evaluation, Workspace};
use super::place::{Place, Places, ROW};
use super::simd::Simd;
use super::table::Table;
use crate::Work;
use crate::network::Attention;
use crate::team::Share;

/// All heads of all batch rows, which members share.
pub(super) struct Heads {
    table: &'static Table,
    query: Place,
    key: Place,
    value: Place,
    output: Place,
    heads: usize,
    scale: f32,
    mask: Option<Vec<f32>>,
}

impl Heads {
    pub fn new(attention: &Attention, places: &Places, table: &'static Table) -> Self {
        let Attention { query, key, value, output, heads, scale, ref mask } = *attention;
        let [query, key, value, output] = [query, key, value, output].map(|activation| places.of(activation));
        Self { table, query, key, value, output, heads, scale, mask: mask.clone() }
    }

    pub fn reserve(&self, workspace: &mut Workspace) {
        workspace.scratch.reserve(Attend::room(self.depth(), self.key.positions));
    }

    /// # Safety
    /// As for [`Part::work`](super::part::Part::work).
    pub unsafe fn work(&self, evaluation: Evaluation<'_>, share: Share, workspace: &mut Workspace) {
        let Evaluation { arena, batch, .. } = evaluation;
        let depth = self.depth();
        // SAFETY: the caller says that nobody writes what is read.
        let [query, key, value] = [self.query, self.key, self.value].map(|place| unsafe { place.read(arena, batch) });
        let output = arena.pointer(self.output.start(batch), self.output.len(batch));
        for unit in share.of(self.heads * batch) {
            let (row, first) = (unit / self.heads, unit % self.heads * depth);
            let rows = |numbers, place: &Place| {
                let numbers: &[f32] = numbers;
                Rows { data: &numbers[row * place.stride + first..], stride: batch * place.stride }
            };
            let mut attend = Attend {
                query: rows(query, &self.query),
                key: rows(key, &self.key),
                value: rows(value, &self.value),
                queries: self.query.positions,
                keys: self.key.positions,
                depth,
                scale: self.scale,
                mask: self.mask.as_deref(),
                output: output.wrapping_add(row * self.output.stride + first),
                output_stride: batch * self.output.stride,
                scratch: workspace.scratch.numbers_mut(),
            };
            assert!(attend.fits(), "tokens are as many and as wide as their places");
            // SAFETY: it fits; the head's channels of this row are this member's, in each of the output's positions; the
            // instruction set is there, as the caller says.
            unsafe { (self.table.attend)(&mut attend) };
            // Products of pairs read a row whole: what an earlier step left in it may be no number.
            for position in (0..self.output.positions).filter(|_| first + depth == self.output.channels) {
                for channel in self.output.channels..self.output.stride {
                    // SAFETY: the place has such a row; the end of it goes with the last head, which is this member's.
                    unsafe { *output.add((position * batch + row) * self.output.stride + channel) = 0.0 };
                }
            }
        }
    }

    pub fn amount(&self, batch: usize) -> Work {
        let numbers: usize = [&self.query, &self.key, &self.value, &self.output].map(Place::numbers).iter().sum();
        let products = 2 * self.query.positions * self.key.numbers() * batch;
        Work { products, weights: 0, activations: numbers * batch * size_of::<f32>() }
    }

    /// Channels of a head.
    fn depth(&self) -> usize {
        self.query.channels / self.heads
    }
}

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
    /// The first query's first channel; nobody else touches this head's channels of this batch row.
    pub output: *mut f32,
    /// From one query to the next.
    pub output_stride: usize,
    pub scratch: &'a mut [f32],
}

impl Attend<'_> {
    /// Numbers of scratch: keys with their channels apart, values, scores, and what comes of a query.
    fn room(depth: usize, keys: usize) -> usize {
        let (width, scores) = (depth.next_multiple_of(ROW), keys.next_multiple_of(ROW));
        depth * scores + keys * width + scores + width
    }

    /// Whether all that is read is there.
    pub fn fits(&self) -> bool {
        self.query.fit(self.queries, self.depth)
            && self.key.fit(self.keys, self.depth)
            && self.value.fit(self.keys, self.depth)
            && self.mask.is_none_or(|mask| mask.len() == self.queries * self.keys)
            && self.scratch.len() >= Self::room(self.depth, self.keys)
    }
}

/// A score that far below the largest is as good as none.
const LEAST: f32 = -87.0;

/// Registers hold scores of several keys, then channels of a value: whatever their number, no sum runs across a register.
///
/// # Safety
/// `attend.fits()`, and its output's channels can be written for all queries.
#[inline(always)]
pub(super) unsafe fn attend<S: Simd>(simd: S, attend: &mut Attend<'_>) {
    let Attend { query, key, value, queries, keys, depth, scale, mask, output, output_stride, .. } = *attend;
    let (width, room) = (depth.next_multiple_of(ROW), keys.next_multiple_of(ROW));
    let (turned, rest) = attend.scratch.split_at_mut(depth * room);
    let (values, rest) = rest.split_at_mut(keys * width);
    let (scores, rest) = rest.split_at_mut(room);
    let answer = &mut rest[..width];
    for at in 0..keys {
        for (channel, &number) in key.data[at * key.stride..][..depth].iter().enumerate() {
            turned[channel * room + at] = number;
        }
        values[at * width..][..depth].copy_from_slice(&value.data[at * value.stride..][..depth]);
    }
    for at in 0..queries {
        scores.fill(0.0);
        for (&number, turned) in query.data[at * query.stride..][..depth].iter().zip(turned.chunks_exact(room)) {
            add_product(scores, number * scale, turned);
        }
        if let Some(mask) = mask {
            scores[..keys].iter_mut().zip(&mask[at * keys..]).for_each(|(score, mask)| *score += mask);
        }
        softmax(simd, scores, keys);
        answer.fill(0.0);
        for (&weight, value) in scores.iter().zip(values.chunks_exact(width)) {
            add_product(answer, weight, value);
        }
        // SAFETY: the caller lets this head's channels be written for every query.
        unsafe { output.add(at * output_stride).copy_from_nonoverlapping(answer.as_ptr(), depth) };
    }
}

/// Turns the first `keys` scores into weights that add up to 1. There are whole registers of scores.
#[inline(always)]
fn softmax<S: Simd>(simd: S, scores: &mut [f32], keys: usize) {
    // What is no number is passed over here, and taken up below: no weight is one then.
    let most = scores[..keys].iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let spoiled = scores[..keys].iter().any(|score| score.is_nan()) || !most.is_finite();
    let (most, least) = (simd.splat(most), simd.splat(LEAST));
    let nothing = exp(simd, least);
    for register in scores.chunks_exact_mut(S::LANES) {
        // SAFETY: the chunk is a register long.
        unsafe {
            let below = simd.sub(simd.load(register.as_ptr()), most);
            let power = exp(simd, simd.min(simd.max(below, least), simd.splat(0.0)));
            // Exactly zero for those that are not heard.
            simd.store(register.as_mut_ptr(), simd.sub(power, nothing));
        }
    }
    let sum = if spoiled { f32::NAN } else { scores[..keys].iter().sum() };
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
