//! Plain loops: for any processor, and the reference of all other kernels.

#![allow(unsafe_code, reason = "the trait loads and stores by address")]

use std::array::from_fn;

use super::bf16::unpair;
use super::dispatch_table::{DispatchTable, dispatch_table};
use super::simd::Simd;

/// Registers of `LANES` numbers, each of `PACKED` channels.
#[derive(Clone, Copy, Default)]
pub(super) struct Portable<const LANES: usize, const PACKED: usize>(());

dispatch_table!(F32, Portable::<8, 1>(()), [1, 2, 3, 4]);
#[cfg(all(test, target_arch = "x86_64"))]
dispatch_table!(PAIRS, Portable::<16, 2>(()), [1, 2, 3, 4]);

/// The table, which every processor has.
pub(super) fn f32() -> &'static DispatchTable {
    &F32::TABLE
}

/// The table with products of bf16, as wide as AVX-512: a reference for the emulation of AMX.
#[cfg(all(test, target_arch = "x86_64"))]
pub(super) const PAIRS_TABLE: DispatchTable = PAIRS::TABLE;

impl<const L: usize, const PACKED: usize> Simd for Portable<L, PACKED> {
    type Vector = [f32; L];
    const LANES: usize = L;
    const PACKED: usize = PACKED;

    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> [f32; L] {
        // SAFETY: the caller's.
        unsafe { from.cast::<[f32; L]>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32, vector: [f32; L]) {
        // SAFETY: the caller's.
        unsafe { to.cast::<[f32; L]>().write_unaligned(vector) };
    }

    #[inline(always)]
    fn prefetch(self, _address: *const f32) {}

    #[inline(always)]
    fn splat(self, number: f32) -> [f32; L] {
        [number; L]
    }

    #[inline(always)]
    fn add(self, a: [f32; L], b: [f32; L]) -> [f32; L] {
        from_fn(|i| a[i] + b[i])
    }

    #[inline(always)]
    fn sub(self, a: [f32; L], b: [f32; L]) -> [f32; L] {
        from_fn(|i| a[i] - b[i])
    }

    #[inline(always)]
    fn mul(self, a: [f32; L], b: [f32; L]) -> [f32; L] {
        from_fn(|i| a[i] * b[i])
    }

    #[inline(always)]
    fn div(self, a: [f32; L], b: [f32; L]) -> [f32; L] {
        from_fn(|i| a[i] / b[i])
    }

    #[inline(always)]
    fn min(self, a: [f32; L], b: [f32; L]) -> [f32; L] {
        from_fn(|i| if a[i] < b[i] { a[i] } else { b[i] })
    }

    #[inline(always)]
    fn max(self, a: [f32; L], b: [f32; L]) -> [f32; L] {
        from_fn(|i| if a[i] > b[i] { a[i] } else { b[i] })
    }

    #[inline(always)]
    fn mul_add(self, a: [f32; L], b: [f32; L], c: [f32; L]) -> [f32; L] {
        // Not fused: without the instruction that would be a call.
        from_fn(|i| a[i] * b[i] + c[i])
    }

    #[inline(always)]
    fn sqrt(self, a: [f32; L]) -> [f32; L] {
        a.map(f32::sqrt)
    }

    #[inline(always)]
    fn reciprocal(self, a: [f32; L]) -> [f32; L] {
        a.map(f32::recip)
    }

    #[inline(always)]
    fn swap<const DISTANCE: usize>(self, a: [f32; L]) -> [f32; L] {
        from_fn(|i| a[i ^ DISTANCE])
    }

    #[inline(always)]
    fn power_of_two(self, n: [f32; L]) -> [f32; L] {
        n.map(|n| f32::from_bits((n.to_bits() << 23).wrapping_add(0x3f80_0000)))
    }

    #[inline(always)]
    fn dot(self, weights: [f32; L], inputs: [f32; L], sum: [f32; L]) -> [f32; L] {
        match PACKED {
            1 => self.mul_add(weights, inputs, sum),
            _ => from_fn(|i| {
                let ([a0, a1], [b0, b1]) = (unpair(weights[i]), unpair(inputs[i]));
                sum[i] + a0 * b0 + a1 * b1
            }),
        }
    }
}
