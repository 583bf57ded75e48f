//! What the machine can do at most: multiply-adds, and numbers read from each of its caches and from memory.

#![allow(unsafe_code, reason = "loops that ask for instructions")]
#![cfg_attr(not(target_arch = "x86_64"), allow(dead_code, unused_imports, reason = "see `measure`"))]

use std::hint::black_box;
use std::sync::Barrier;
use std::time::Instant;

use parapolicy_engine::kernel::{Kernel, Work};
use serde::Serialize;

#[cfg(target_arch = "x86_64")]
use crate::x86;

/// All threads' together, that a first and a second cache hold, and that no cache does.
const SETS: [usize; 3] = [32 << 10, 1 << 20, 256 << 20];

/// Of all threads together.
#[derive(Serialize)]
pub struct Limits {
    /// Of the instructions that products are made with; a multiply-add is two.
    pub gflop_per_second: f64,
    pub reads: Vec<Read>,
}

/// How fast so many numbers are read, again and again.
#[derive(Serialize)]
pub struct Read {
    pub bytes: usize,
    pub gigabytes_per_second: f64,
}

/// The least time that a layer takes.
pub struct Least {
    pub microseconds: f64,
    /// What takes it.
    pub binding: &'static str,
}

impl Limits {
    /// Nothing is known of other processors.
    #[cfg(not(target_arch = "x86_64"))]
    pub fn measure(_kernel: Kernel, _threads: usize, _weights: &[usize]) -> Option<Self> {
        None
    }

    /// Where the processor has the kernel. `weights` are bytes of networks: how fast so many are read is measured too.
    #[cfg(target_arch = "x86_64")]
    pub fn measure(kernel: Kernel, threads: usize, weights: &[usize]) -> Option<Self> {
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
        let time = best(threads, 200, || (), |()| unsafe { multiply(rounds) });
        let gflop_per_second = 2e-3 * (threads * rounds * at_once) as f64 / time;
        let reads = SETS.iter().chain(weights).map(|&bytes| Read::measure(bytes, threads));
        Some(Self { gflop_per_second, reads: reads.collect() })
    }

    /// For a layer of a network with so many bytes of weights.
    pub fn least(&self, work: &Work, weights: usize) -> Least {
        let read = self.reads.iter().rfind(|read| read.bytes == weights);
        let arithmetic = 2e-3 * work.products as f64 / self.gflop_per_second;
        let reading = read.map_or(0.0, |read| 1e-3 * work.bytes as f64 / read.gigabytes_per_second);
        let binding = if arithmetic > reading { "arithmetic" } else { "weights" };
        Least { microseconds: arithmetic.max(reading), binding }
    }
}

impl Read {
    #[cfg(target_arch = "x86_64")]
    fn measure(bytes: usize, threads: usize) -> Self {
        let numbers = bytes / size_of::<f32>() / threads;
        // Small sets many times: what takes no time cannot be measured.
        let passes = (4_usize << 20).div_ceil(bytes);
        let repeats = ((4_usize << 30) / (passes * bytes)).clamp(5, 200);
        let read = |numbers: &Vec<f32>| {
            for _ in 0..passes {
                // SAFETY: every kernel that is measured has AVX2 beside it.
                black_box(unsafe { x86::read(black_box(numbers)) });
            }
        };
        let time = best(threads, repeats, || vec![1.0_f32; numbers], read);
        Self { bytes, gigabytes_per_second: 1e-3 * (passes * bytes) as f64 / time }
    }
}

/// The least time, in microseconds, in which all threads do `f` at once.
fn best<T>(threads: usize, repeats: usize, prepare: impl Fn() -> T + Sync, f: impl Fn(&T) + Sync) -> f64 {
    let barrier = Barrier::new(threads);
    let work = || {
        let prepared = prepare();
        let time = |_| {
            barrier.wait();
            let start = Instant::now();
            f(&prepared);
            start.elapsed().as_secs_f64() * 1e6
        };
        (0..repeats).map(time).fold(f64::INFINITY, f64::min)
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).fold(0.0, f64::max)
    })
}
