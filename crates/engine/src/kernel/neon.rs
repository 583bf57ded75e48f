//! NEON: four numbers a register, thirty-two registers.

#![allow(unsafe_code, reason = "intrinsics; a value of the type is the proof that the processor has them")]

use std::arch::aarch64::*;
use std::arch::{asm, is_aarch64_feature_detected};

use super::dispatch_table::{DispatchTable, dispatch_table};
use super::simd::Simd;

#[derive(Clone, Copy)]
struct Neon(());

dispatch_table!(F32, Neon(()), "neon", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);

/// The table, if this processor has the instructions.
pub(super) fn f32() -> Option<&'static DispatchTable> {
    is_aarch64_feature_detected!("neon").then_some(&F32::TABLE)
}

/// An intrinsic on registers.
macro_rules! on_registers {
    ($($name:ident($($argument:ident),*) = $body:expr;)*) => {$(
        #[inline(always)]
        fn $name(self, $($argument: float32x4_t),*) -> float32x4_t {
            // SAFETY: `self` exists only if the processor has NEON.
            unsafe { $body }
        }
    )*};
}

impl Simd for Neon {
    type Vector = float32x4_t;
    const LANES: usize = 4;
    const PACKED: usize = 1;

    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> float32x4_t {
        // SAFETY: the caller's, and as for `on_registers`.
        unsafe { vld1q_f32(from) }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32, vector: float32x4_t) {
        // SAFETY: the caller's, and as for `on_registers`.
        unsafe { vst1q_f32(to, vector) };
    }

    #[inline(always)]
    fn prefetch(self, address: *const f32) {
        // SAFETY: a hint, which faults at no address.
        unsafe { asm!("prfm pldl2keep, [{}]", in(reg) address, options(nostack, readonly, preserves_flags)) };
    }

    #[inline(always)]
    fn splat(self, number: f32) -> float32x4_t {
        // SAFETY: as for `on_registers`.
        unsafe { vdupq_n_f32(number) }
    }

    #[inline(always)]
    fn swap<const DISTANCE: usize>(self, a: float32x4_t) -> float32x4_t {
        // SAFETY: as for `on_registers`.
        unsafe {
            match DISTANCE {
                1 => vrev64q_f32(a),
                _ => vextq_f32::<2>(a, a),
            }
        }
    }

    on_registers! {
        add(a, b) = vaddq_f32(a, b);
        sub(a, b) = vsubq_f32(a, b);
        mul(a, b) = vmulq_f32(a, b);
        div(a, b) = vdivq_f32(a, b);
        // The instructions for it take the other number if one is NaN, whichever that is.
        min(a, b) = vbslq_f32(vcltq_f32(a, b), a, b);
        max(a, b) = vbslq_f32(vcgtq_f32(a, b), a, b);
        mul_add(a, b, c) = vfmaq_f32(c, a, b);
        sqrt(a) = vsqrtq_f32(a);
        reciprocal(a) = vdivq_f32(vdupq_n_f32(1.0), a);
        power_of_two(n) = {
            let exponent = vshlq_n_s32::<23>(vreinterpretq_s32_f32(n));
            vreinterpretq_f32_s32(vaddq_s32(exponent, vdupq_n_s32(0x3f80_0000)))
        };
        dot(weights, inputs, sum) = vfmaq_f32(sum, weights, inputs);
    }
}
