//! Scores become weights.

use crate::kernel::across::across;
use crate::kernel::exp::exp;
use crate::kernel::simd::Simd;

/// A score so far below the largest one has weight zero.
const LEAST: f32 = -87.0;

/// Turns scores, a whole number of registers, into weights that add up to 1: `e^(score - most) / Σ e^(score - most)`. A score
/// of minus infinity has weight zero; with NaN, or without a finite score, all weights are NaN.
#[inline(always)]
pub(super) fn softmax<S: Simd>(simd: S, scores: &mut [f32]) {
    let mut most = simd.splat(f32::NEG_INFINITY);
    for register in scores.chunks_exact(S::LANES) {
        // The maximum passes over NaN, which stays NaN below.
        // SAFETY: the chunk is a register long.
        most = simd.max(unsafe { simd.load(register.as_ptr()) }, most);
    }
    let most = across(simd, most, S::LANES, |a, b| simd.max(a, b));
    let least = simd.splat(LEAST);
    let zero = exp(simd, least);
    let mut sum = simd.splat(0.0);
    for register in scores.chunks_exact_mut(S::LANES) {
        // SAFETY: the chunk is a register long.
        unsafe {
            let below = simd.sub(simd.load(register.as_ptr()), most);
            let power = exp(simd, simd.min(simd.splat(0.0), simd.max(least, below)));
            // Exactly zero for masked keys.
            let weight = simd.sub(power, zero);
            sum = simd.add(sum, weight);
            simd.store(register.as_mut_ptr(), weight);
        }
    }
    let factor = simd.div(simd.splat(1.0), across(simd, sum, S::LANES, |a, b| simd.add(a, b)));
    for register in scores.chunks_exact_mut(S::LANES) {
        // SAFETY: the chunk is a register long.
        unsafe { simd.store(register.as_mut_ptr(), simd.mul(simd.load(register.as_ptr()), factor)) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::portable::Portable;

    const NONE: f32 = f32::NEG_INFINITY;

    fn weights(mut scores: [f32; 16]) -> [f32; 16] {
        softmax(Portable::<8, 1>::default(), &mut scores);
        scores
    }

    #[test]
    fn weights_add_up_to_one_and_are_zero_where_masked() {
        let mut scores = [NONE; 16];
        assert_eq!(weights(scores.map(|_| 1e30)), [1.0 / 16.0; 16]);
        scores[3] = -700.0;
        assert_eq!(weights(scores), scores.map(|score| f32::from(score > NONE)));
        scores[12] = -700.0 + 3_f32.ln();
        let [quarter, rest] = [3, 12].map(|at| weights(scores)[at]);
        assert!((quarter - 0.25).abs() < 1e-4 && (quarter + rest - 1.0).abs() < 1e-6, "{quarter} and {rest}");
    }

    #[test]
    fn weights_are_nan_where_scores_have_no_sense() {
        for nonsense in [f32::NAN, f32::INFINITY] {
            for at in [0, 9] {
                let mut scores = [0.5; 16];
                scores[at] = nonsense;
                assert!(weights(scores).iter().all(|weight| weight.is_nan()));
            }
        }
        assert!(weights([NONE; 16]).iter().all(|weight| weight.is_nan()));
    }
}
