//! `x * tanh(softplus(x))` (Misra 2019, arXiv 1908.08681) without a logarithm.

use super::exp::exp;
use super::simd::Simd;

/// `x * n / (n + 2)` with `n = e^x (e^x + 2)`: the same function, and every sum in it is of positive numbers.
#[inline(always)]
pub(super) fn mish<S: Simd>(simd: S, x: S::Vector) -> S::Vector {
    // From 20 on the quotient is 1, and below -87 the product is zero, to all digits.
    let power = exp(simd, simd.max(simd.min(x, simd.splat(20.0)), simd.splat(-87.0)));
    let n = simd.mul_add(power, power, simd.add(power, power));
    simd.mul(simd.mul(x, n), simd.reciprocal(simd.add(n, simd.splat(2.0))))
}
