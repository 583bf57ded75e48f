//! A register, folded across its lanes.

use super::simd::Simd;

/// What `fold` makes of the numbers of each group of `lanes` lanes, a power of two, in each of them.
#[inline(always)]
pub(super) fn across<S: Simd>(
    simd: S,
    mut x: S::Vector,
    lanes: usize,
    fold: impl Fn(S::Vector, S::Vector) -> S::Vector,
) -> S::Vector {
    if lanes > 1 {
        x = fold(x, simd.swap::<1>(x));
    }
    if lanes > 2 {
        x = fold(x, simd.swap::<2>(x));
    }
    if lanes > 4 {
        x = fold(x, simd.swap::<4>(x));
    }
    if lanes > 8 {
        x = fold(x, simd.swap::<8>(x));
    }
    x
}
