//! Loops that only multiply or only read, as fast as the processor can.

#![allow(unsafe_code, reason = "intrinsics, and addresses that are only prefetched")]

use std::arch::asm;
use std::arch::x86_64::*;
use std::hint::black_box;

/// Independent sums: more than the latency of a multiply-add takes to hide.
pub const CHAINS: usize = 12;

macro_rules! multiply {
    ($name:ident, $features:literal, $splat:ident, $multiply:expr) => {
        /// # Safety
        /// The processor has the instructions.
        #[target_feature(enable = $features)]
        pub unsafe fn $name(rounds: usize) {
            let factor = $splat(black_box(0.5));
            let mut sums = [factor; CHAINS];
            for _ in 0..rounds {
                for sum in &mut sums {
                    *sum = $multiply(factor, *sum);
                }
            }
            black_box(sums);
        }
    };
}

multiply!(multiply_512, "avx512f", _mm512_set1_ps, |a, sum| _mm512_fmadd_ps(a, a, sum));
multiply!(multiply_256, "avx2,fma", _mm256_set1_ps, |a, sum| _mm256_fmadd_ps(a, a, sum));
multiply!(multiply_bf16, "avx512f,avx512bf16", _mm512_set1_ps, |a, sum| {
    // SAFETY: both are 64 bytes of any content.
    let a = unsafe { std::mem::transmute::<__m512, __m512bh>(a) };
    _mm512_dpbf16_ps(sum, a, a)
});

/// Four products of registers of zeros in each round.
///
/// # Safety
/// The processor has AMX, and this process may use it.
pub unsafe fn multiply_tiles(rounds: usize) {
    #[repr(align(64))]
    struct Configuration([u8; 64]);
    let mut all = Configuration([0; 64]);
    all.0[0] = 1;
    for tile in 0..8 {
        (all.0[16 + 2 * tile], all.0[48 + tile]) = (64, 16);
    }
    // SAFETY: the instructions are there, and read a configuration of eight registers.
    unsafe {
        asm!(
            "ldtilecfg [{all}]",
            "2:",
            "tdpbf16ps tmm0, tmm4, tmm6",
            "tdpbf16ps tmm1, tmm4, tmm7",
            "tdpbf16ps tmm2, tmm5, tmm6",
            "tdpbf16ps tmm3, tmm5, tmm7",
            "dec {rounds}",
            "jnz 2b",
            "tilerelease",
            all = in(reg) &all,
            rounds = inout(reg) rounds => _,
            options(nostack),
        );
    }
}

/// Reads all numbers, prefetching them far ahead.
///
/// # Safety
/// The processor has AVX2.
#[target_feature(enable = "avx2")]
pub unsafe fn read(numbers: &[f32]) -> f32 {
    let mut sums = [0.0; 64];
    for lines in numbers.chunks_exact(64) {
        for line in 0..4 {
            _mm_prefetch::<_MM_HINT_T1>(lines.as_ptr().wrapping_add((16 << 10) + 16 * line).cast());
        }
        for (sum, number) in sums.iter_mut().zip(lines) {
            *sum += number;
        }
    }
    sums.iter().sum()
}
