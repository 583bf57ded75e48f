//! AVX2 with FMA: eight numbers a register, sixteen registers.

#![allow(unsafe_code, reason = "intrinsics; a value of the type is the proof that the processor has them")]

use std::arch::x86_64::*;

use super::dispatch_table::{DispatchTable, dispatch_table};
use super::simd::Simd;

#[derive(Clone, Copy)]
struct Avx2(());

dispatch_table!(F32, Avx2(()), "avx2,fma", [1, 2, 3, 4, 5, 6]);

/// The table, if this processor has the instructions.
pub(super) fn f32() -> Option<&'static DispatchTable> {
    (is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma")).then_some(&F32::TABLE)
}

/// An intrinsic on registers.
macro_rules! on_registers {
    ($($name:ident($($argument:ident),*) = $body:expr;)*) => {$(
        #[inline(always)]
        fn $name(self, $($argument: __m256),*) -> __m256 {
            // SAFETY: `self` exists only if the processor has AVX2 and FMA.
            unsafe { $body }
        }
    )*};
}

impl Simd for Avx2 {
    type Vector = __m256;
    const LANES: usize = 8;
    const PACKED: usize = 1;

    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> __m256 {
        // SAFETY: the caller's, and as for `on_registers`.
        unsafe { _mm256_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32, vector: __m256) {
        // SAFETY: the caller's, and as for `on_registers`.
        unsafe { _mm256_storeu_ps(to, vector) };
    }

    #[inline(always)]
    fn prefetch(self, address: *const f32) {
        // SAFETY: a hint, which faults at no address.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(address.cast()) };
    }

    #[inline(always)]
    fn splat(self, number: f32) -> __m256 {
        // SAFETY: as for `on_registers`.
        unsafe { _mm256_set1_ps(number) }
    }

    #[inline(always)]
    fn swap<const DISTANCE: usize>(self, a: __m256) -> __m256 {
        // SAFETY: as for `on_registers`.
        unsafe {
            match DISTANCE {
                1 => _mm256_permute_ps::<0b10_11_00_01>(a),
                2 => _mm256_permute_ps::<0b01_00_11_10>(a),
                _ => _mm256_permute2f128_ps::<0b0000_0001>(a, a),
            }
        }
    }

    on_registers! {
        add(a, b) = _mm256_add_ps(a, b);
        sub(a, b) = _mm256_sub_ps(a, b);
        mul(a, b) = _mm256_mul_ps(a, b);
        div(a, b) = _mm256_div_ps(a, b);
        min(a, b) = _mm256_min_ps(a, b);
        max(a, b) = _mm256_max_ps(a, b);
        mul_add(a, b, c) = _mm256_fmadd_ps(a, b, c);
        sqrt(a) = _mm256_sqrt_ps(a);
        reciprocal(a) = _mm256_div_ps(_mm256_set1_ps(1.0), a);
        power_of_two(n) = {
            let exponent = _mm256_slli_epi32::<23>(_mm256_castps_si256(n));
            _mm256_castsi256_ps(_mm256_add_epi32(exponent, _mm256_set1_epi32(0x3f80_0000)))
        };
        dot(weights, inputs, sum) = _mm256_fmadd_ps(weights, inputs, sum);
    }
}
