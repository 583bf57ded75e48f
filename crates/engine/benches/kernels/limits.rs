//! What the machine can do at most: multiply-adds, and weights read.

#![allow(unsafe_code, reason = "intrinsics, and addresses that nobody reads")]
#![cfg_attr(not(target_arch = "x86_64"), allow(dead_code, unused_imports, reason = "see `measure`"))]

use std::fmt;
use std::hint::black_box;
use std::sync::Barrier;
use std::time::Instant;

use parapolicy_engine::kernel::{Kernel, Work};

/// Bytes that are read, about as many as a network has of weights.
const BYTES: usize = 16 << 20;
const REPEATS: usize = 200;

/// Of all threads together.
pub struct Limits {
    /// Multiply-adds a microsecond.
    products: f64,
    /// Bytes a microsecond.
    bytes: f64,
}

impl Limits {
    /// Nothing is known of other processors.
    #[cfg(not(target_arch = "x86_64"))]
    pub fn measure(_kernel: Kernel, _threads: usize) -> Option<Self> {
        None
    }

    /// Where the processor has the kernel.
    #[cfg(target_arch = "x86_64")]
    pub fn measure(kernel: Kernel, threads: usize) -> Option<Self> {
        if !kernel.is_available() {
            return None;
        }
        let rounds = 20_000;
        let (multiply, at_once): (unsafe fn(usize), usize) = match kernel {
            Kernel::Avx512 => (x86::multiply_512, x86::CHAINS * 16),
            Kernel::Avx512Bf16 => (x86::multiply_bf16, x86::CHAINS * 32),
            Kernel::AmxBf16 => (x86::multiply_tiles, 4 * 16 * 16 * 32),
            Kernel::Avx2 => (x86::multiply_256, x86::CHAINS * 8),
            Kernel::Portable | Kernel::Neon => return None,
        };
        // SAFETY: the kernel is available, and so are its instructions.
        let time = best(threads, || (), |()| unsafe { multiply(rounds) });
        let products = (threads * rounds * at_once) as f64 / time;
        let numbers = BYTES / size_of::<f32>() / threads;
        let time = best(
            threads,
            || vec![1.0_f32; numbers],
            |numbers| {
                black_box(x86::read(numbers));
            },
        );
        Some(Self { products, bytes: BYTES as f64 / time })
    }

    /// Microseconds that a layer takes at least.
    pub fn least(&self, work: &Work) -> f64 {
        (work.products as f64 / self.products).max(work.bytes as f64 / self.bytes)
    }

    /// Which of the two it is.
    pub fn binding(&self, work: &Work) -> &'static str {
        let arithmetic = work.products as f64 / self.products > work.bytes as f64 / self.bytes;
        if arithmetic { "arithmetic" } else { "weights" }
    }
}

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0} GFLOP/s, {:.0} GB/s of weights", 2e-3 * self.products, 1e-3 * self.bytes)
    }
}

/// The least time, in microseconds, in which all threads do `f` at once.
fn best<T>(threads: usize, prepare: impl Fn() -> T + Sync, f: impl Fn(&T) + Sync) -> f64 {
    let barrier = Barrier::new(threads);
    let work = || {
        let prepared = prepare();
        let time = |_| {
            barrier.wait();
            let start = Instant::now();
            f(&prepared);
            start.elapsed().as_secs_f64() * 1e6
        };
        (0..REPEATS).map(time).fold(f64::INFINITY, f64::min)
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).fold(0.0, f64::max)
    })
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use std::arch::asm;
    use std::arch::x86_64::*;
    use std::hint::black_box;

    /// Sums that do not wait for each other.
    pub const CHAINS: usize = 12;

    macro_rules! multiply {
        ($name:ident, $features:literal, $splat:ident, $multiply:expr) => {
            /// # Safety
            /// For a processor with the instructions.
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

    /// Four products of tiles a round, of zeros.
    ///
    /// # Safety
    /// For a processor with AMX, and a process that may use it.
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

    /// Reads all numbers, asking for them far ahead.
    pub fn read(numbers: &[f32]) -> f32 {
        let mut sums = [0.0; 16];
        for line in numbers.chunks_exact(16) {
            // SAFETY: a hint, which faults at no address.
            unsafe { _mm_prefetch::<_MM_HINT_T1>(line.as_ptr().wrapping_add(16 << 10).cast()) };
            for (sum, number) in sums.iter_mut().zip(line) {
                *sum += number;
            }
        }
        sums.iter().sum()
    }
}
