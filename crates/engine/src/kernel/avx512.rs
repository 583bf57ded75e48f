//! AVX-512: sixteen numbers a register, thirty-two registers; with `AVX512_BF16` also products of bf16.

#![allow(unsafe_code, reason = "intrinsics; a value of the type is the proof that the processor has them")]

use std::arch::x86_64::*;

use super::dispatch_table::{DispatchTable, dispatch_table};
use super::simd::Simd;

/// Products in bf16 if `BF16`; all else in f32.
#[derive(Clone, Copy)]
struct Avx512<const BF16: bool>(());

dispatch_table!(F32, Avx512::<false>(()), "avx512f", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
dispatch_table!(BF16, Avx512::<true>(()), "avx512f,avx512bf16", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);

/// For instruction sets that extend this one.
pub(super) const BF16_TABLE: DispatchTable = BF16::TABLE;

/// The table in f32, if this processor has the instructions.
pub(super) fn f32() -> Option<&'static DispatchTable> {
    is_x86_feature_detected!("avx512f").then_some(&F32::TABLE)
}

/// The table with products of bf16, if this processor has the instructions.
pub(super) fn bf16() -> Option<&'static DispatchTable> {
    (is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bf16")).then_some(&BF16::TABLE)
}

/// A register, reinterpreted as pairs of bf16.
#[inline(always)]
fn bits(register: __m512) -> __m512bh {
    // SAFETY: both are 64 bytes of any content.
    unsafe { std::mem::transmute::<__m512, __m512bh>(register) }
}

/// An intrinsic on registers.
macro_rules! on_registers {
    ($($name:ident($($argument:ident),*) = $body:expr;)*) => {$(
        #[inline(always)]
        fn $name(self, $($argument: __m512),*) -> __m512 {
            // SAFETY: `self` exists only if the processor has AVX-512F, and AVX512_BF16 if it says so.
            unsafe { $body }
        }
    )*};
}

impl<const BITS16: bool> Simd for Avx512<BITS16> {
    type Vector = __m512;
    const LANES: usize = 16;
    const PACKED: usize = if BITS16 { 2 } else { 1 };

    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> __m512 {
        // SAFETY: the caller's, and as for `on_registers`.
        unsafe { _mm512_loadu_ps(from) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32, vector: __m512) {
        // SAFETY: the caller's, and as for `on_registers`.
        unsafe { _mm512_storeu_ps(to, vector) };
    }

    #[inline(always)]
    fn prefetch(self, address: *const f32) {
        // SAFETY: a hint, which faults at no address.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(address.cast()) };
    }

    #[inline(always)]
    fn splat(self, number: f32) -> __m512 {
        // SAFETY: as for `on_registers`.
        unsafe { _mm512_set1_ps(number) }
    }

    #[inline(always)]
    fn swap<const DISTANCE: usize>(self, a: __m512) -> __m512 {
        // SAFETY: as for `on_registers`.
        unsafe {
            match DISTANCE {
                1 => _mm512_permute_ps::<0b10_11_00_01>(a),
                2 => _mm512_permute_ps::<0b01_00_11_10>(a),
                4 => _mm512_shuffle_f32x4::<0b10_11_00_01>(a, a),
                _ => _mm512_shuffle_f32x4::<0b01_00_11_10>(a, a),
            }
        }
    }

    on_registers! {
        add(a, b) = _mm512_add_ps(a, b);
        sub(a, b) = _mm512_sub_ps(a, b);
        mul(a, b) = _mm512_mul_ps(a, b);
        div(a, b) = _mm512_div_ps(a, b);
        min(a, b) = _mm512_min_ps(a, b);
        max(a, b) = _mm512_max_ps(a, b);
        mul_add(a, b, c) = _mm512_fmadd_ps(a, b, c);
        sqrt(a) = _mm512_sqrt_ps(a);
        reciprocal(a) = {
            // Fourteen bits, doubled by a step of Newton's method.
            let guess = _mm512_rcp14_ps(a);
            _mm512_mul_ps(guess, _mm512_fnmadd_ps(a, guess, _mm512_set1_ps(2.0)))
        };
        power_of_two(n) = {
            let exponent = _mm512_slli_epi32::<23>(_mm512_castps_si512(n));
            _mm512_castsi512_ps(_mm512_add_epi32(exponent, _mm512_set1_epi32(0x3f80_0000)))
        };
        dot(weights, inputs, sum) = if BITS16 {
            _mm512_dpbf16_ps(sum, bits(weights), bits(inputs))
        } else {
            _mm512_fmadd_ps(weights, inputs, sum)
        };
    }
}
