//! Transforms the weights of a convolution for minimal filtering while they are used.
//!
//! Transformed weights are more than the weights: eight numbers for five. Where they do not stay in the cache between two
//! evaluations, reading them takes longer than to transform, of the weights themselves, some inputs' at a time: those stay in
//! the cache until all rows of the batch were multiplied with them.
//!
//! [`Scheme::filter`] gives factors of the five taps for each point. Those of `p` and `-p` differ in the sign of every other
//! tap alone, so that both cost little more than one.

#![allow(unsafe_code, reason = "registers over columns of channels")]

use super::simd::Simd;
use super::winograd::{Scheme, TAPS};

/// The most points that a scheme has.
const POINTS: usize = 8;

/// The factors of a scheme, by point and tap.
#[derive(Clone, Copy)]
pub(super) struct Factors {
    pub scheme: Scheme,
    factors: [[f32; TAPS]; POINTS],
}

impl Factors {
    pub fn new(scheme: Scheme) -> Self {
        let mut factors = [[0.0; TAPS]; POINTS];
        for (to, from) in factors.iter_mut().zip(scheme.filter()) {
            *to = from.map(|factor| factor as f32);
        }
        Self { scheme, factors }
    }
}

/// Transforms the weights of some inputs for one or two columns.
pub(super) struct Filter<'a> {
    pub factors: &'a Factors,
    /// Registers of channels: 1 or 2.
    pub columns: usize,
    /// Inputs.
    pub depth: usize,
    /// `[tap, k, 2 columns, lane]`, from the first input and column on.
    pub weights: &'a [f32],
    /// From one tap to the next.
    pub tap: usize,
    /// `[point, k, 2 columns, lane]`.
    pub filters: &'a mut [f32],
}

impl Filter<'_> {
    pub fn fits(&self, lanes: usize) -> bool {
        let read = (TAPS - 1) * self.tap + (2 * self.depth - 2 + self.columns) * lanes;
        self.depth > 0
            && self.weights.len() >= read
            && self.filters.len() >= self.factors.scheme.points() * self.depth * 2 * lanes
    }
}

/// # Safety
/// `filter.fits(S::LANES)`.
#[inline(always)]
pub(super) unsafe fn filter<S: Simd>(simd: S, filter: &mut Filter<'_>) {
    let Factors { scheme, factors } = *filter.factors;
    let factors = factors.map(|factors| factors.map(|factor| simd.splat(factor)));
    let apart = filter.depth * 2 * S::LANES;
    for register in (0..filter.depth).flat_map(|k| (0..filter.columns).map(move |column| 2 * k + column)) {
        let at = register * S::LANES;
        let from = filter.weights.as_ptr().wrapping_add(at);
        // SAFETY: there is a register for each tap, input and column.
        let [a, b, c, d, e] = [0, 1, 2, 3, 4].map(|tap| unsafe { simd.load(from.wrapping_add(tap * filter.tap)) });
        let to = filter.filters.as_mut_ptr().wrapping_add(at);
        let store = |point: usize, x: S::Vector| {
            // SAFETY: there is a register for each point, input and column.
            unsafe { simd.store(to.wrapping_add(point * apart), x) };
        };
        let even = |f: &[S::Vector; TAPS]| simd.mul_add(e, f[4], simd.mul_add(c, f[2], simd.mul(a, f[0])));
        let odd = |f: &[S::Vector; TAPS]| simd.mul_add(d, f[3], simd.mul(b, f[1]));
        let whole = scheme == Scheme::Whole;
        store(0, if whole { odd(&factors[0]) } else { simd.mul(a, factors[0][0]) });
        for point in [1, 3, 5] {
            let (even, odd) = (even(&factors[point]), odd(&factors[point]));
            store(point, simd.add(even, odd));
            store(point + 1, if whole { simd.sub(odd, even) } else { simd.sub(even, odd) });
        }
        if !whole {
            store(7, e);
        }
    }
}
