//! `x / 2 * (1 + erf(x / sqrt(2)))` (Hendrycks and Gimpel 2016, arXiv 1606.08415), and its approximation by a hyperbolic
//! tangent.

use super::exp::exp;
use super::simd::Simd;

#[inline(always)]
pub(super) fn gelu<S: Simd>(simd: S, x: S::Vector) -> S::Vector {
    let half = simd.mul(x, simd.splat(0.5));
    simd.mul_add(half, erf(simd, simd.mul(x, simd.splat(std::f32::consts::FRAC_1_SQRT_2))), half)
}

/// `x / 2 * (1 + tanh(u))` with `u = sqrt(2 / pi) * (x + 0.044715 x³)`, which is `x / (1 + e^-2u)`.
#[inline(always)]
pub(super) fn gelu_tanh<S: Simd>(simd: S, x: S::Vector) -> S::Vector {
    const FACTOR: f32 = -2.0 * 0.797_884_6;
    let cubic = simd.splat(FACTOR * 0.044_715);
    let exponent = simd.mul(x, simd.mul_add(simd.mul(x, x), cubic, simd.splat(FACTOR)));
    // Below -87 the quotient is x to all digits; above 60 it is smaller than any that matters.
    let power = exp(simd, simd.max(simd.min(exponent, simd.splat(60.0)), simd.splat(-87.0)));
    simd.mul(x, simd.reciprocal(simd.add(power, simd.splat(1.0))))
}

/// The error function to 5e-7: a quotient of polynomials in `x²`, times `x`, with the coefficients of Eigen and XLA
/// (<https://github.com/openxla/xla>). From 4 on it is 1 to all digits.
#[inline(always)]
fn erf<S: Simd>(simd: S, x: S::Vector) -> S::Vector {
    const ABOVE: [f32; 7] = [
        -2.726_142_3e-10,
        2.770_681_4e-8,
        -2.101_024e-6,
        -5.692_506_5e-5,
        -7.349_906_3e-4,
        -2.954_6e-3,
        -1.609_603_3e-2,
    ];
    const BELOW: [f32; 5] = [-1.456_607_2e-5, -2.133_740_6e-4, -1.682_827e-3, -7.373_329_2e-3, -1.426_473_9e-2];
    let x = simd.max(simd.min(x, simd.splat(4.0)), simd.splat(-4.0));
    let square = simd.mul(x, x);
    let above = polynomial(simd, square, &ABOVE);
    simd.div(simd.mul(x, above), polynomial(simd, square, &BELOW))
}

/// By Horner's rule, the highest term first.
#[inline(always)]
fn polynomial<S: Simd>(simd: S, x: S::Vector, terms: &[f32]) -> S::Vector {
    let mut sum = simd.splat(terms[0]);
    for term in &terms[1..] {
        sum = simd.mul_add(sum, x, simd.splat(*term));
    }
    sum
}
