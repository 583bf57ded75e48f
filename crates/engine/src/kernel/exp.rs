//! The exponential function of a register.

use super::simd::Simd;

/// `e^x` to 1e-7 for `-87 <= x <= 88`: `2^n e^r` with `|r| <= ln 2 / 2`, the polynomial that of Cephes' `expf`.
#[inline(always)]
pub(super) fn exp<S: Simd>(simd: S, x: S::Vector) -> S::Vector {
    // Adding 1.5 * 2^23 leaves the nearest integer in a number's low bits.
    const ROUND: f32 = 12_582_912.0;
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    const TERMS: [f32; 6] = [1.987_569_1e-4, 1.398_199_9e-3, 8.333_452e-3, 4.166_579_5e-2, 0.166_666_66, 0.5];
    let shifted = simd.mul_add(x, simd.splat(std::f32::consts::LOG2_E), simd.splat(ROUND));
    let n = simd.sub(shifted, simd.splat(ROUND));
    let r = simd.mul_add(n, simd.splat(-LN_2[0]), x);
    let r = simd.mul_add(n, simd.splat(-LN_2[1]), r);
    let mut sum = simd.splat(TERMS[0]);
    for term in &TERMS[1..] {
        sum = simd.mul_add(sum, r, simd.splat(*term));
    }
    let power = simd.mul_add(simd.mul(sum, r), r, simd.add(r, simd.splat(1.0)));
    simd.mul(power, simd.power_of_two(shifted))
}
