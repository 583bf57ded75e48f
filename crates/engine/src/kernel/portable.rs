//! Plain loops, for any processor and as the reference of the others.

#![allow(unsafe_code, reason = "the trait loads and stores by address")]

use std::array::from_fn;

use super::simd::Simd;
use super::table::{Table, table};

#[derive(Clone, Copy)]
struct Portable(());

table!(F32, Portable(()), [1, 2, 3, 4]);

/// Always there.
pub(super) fn f32() -> &'static Table {
    &F32::TABLE
}

type Numbers = [f32; 8];

impl Simd for Portable {
    type Vector = Numbers;
    const LANES: usize = 8;
    const PACKED: usize = 1;

    #[inline(always)]
    unsafe fn load(self, from: *const f32) -> Numbers {
        // SAFETY: the caller's.
        unsafe { from.cast::<Numbers>().read_unaligned() }
    }

    #[inline(always)]
    unsafe fn store(self, to: *mut f32, vector: Numbers) {
        // SAFETY: the caller's.
        unsafe { to.cast::<Numbers>().write_unaligned(vector) };
    }

    #[inline(always)]
    fn prefetch(self, _address: *const f32) {}

    #[inline(always)]
    fn splat(self, number: f32) -> Numbers {
        [number; 8]
    }

    #[inline(always)]
    fn add(self, a: Numbers, b: Numbers) -> Numbers {
        from_fn(|i| a[i] + b[i])
    }

    #[inline(always)]
    fn sub(self, a: Numbers, b: Numbers) -> Numbers {
        from_fn(|i| a[i] - b[i])
    }

    #[inline(always)]
    fn mul(self, a: Numbers, b: Numbers) -> Numbers {
        from_fn(|i| a[i] * b[i])
    }

    #[inline(always)]
    fn div(self, a: Numbers, b: Numbers) -> Numbers {
        from_fn(|i| a[i] / b[i])
    }

    #[inline(always)]
    fn min(self, a: Numbers, b: Numbers) -> Numbers {
        from_fn(|i| if a[i] < b[i] { a[i] } else { b[i] })
    }

    #[inline(always)]
    fn max(self, a: Numbers, b: Numbers) -> Numbers {
        from_fn(|i| if a[i] > b[i] { a[i] } else { b[i] })
    }

    #[inline(always)]
    fn mul_add(self, a: Numbers, b: Numbers, c: Numbers) -> Numbers {
        // Not fused: without the instruction that would be a call.
        from_fn(|i| a[i] * b[i] + c[i])
    }

    #[inline(always)]
    fn sqrt(self, a: Numbers) -> Numbers {
        a.map(f32::sqrt)
    }

    #[inline(always)]
    fn reciprocal(self, a: Numbers) -> Numbers {
        a.map(f32::recip)
    }

    #[inline(always)]
    fn swap<const DISTANCE: usize>(self, a: Numbers) -> Numbers {
        from_fn(|i| a[i ^ DISTANCE])
    }

    #[inline(always)]
    fn power_of_two(self, n: Numbers) -> Numbers {
        n.map(|n| f32::from_bits((n.to_bits() << 23).wrapping_add(0x3f80_0000)))
    }

    #[inline(always)]
    fn dot(self, weights: Numbers, inputs: Numbers, sum: Numbers) -> Numbers {
        self.mul_add(weights, inputs, sum)
    }
}
