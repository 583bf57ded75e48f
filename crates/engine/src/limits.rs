//! The limits of the machine: how many multiply-adds a second, and how many bytes a second from each cache and from memory.
//! A network takes at least as long as its operations at the first rate, or its bytes at the second (the roofline model of
//! Williams et al. 2009, doi.org/10.1145/1498765.1498785).

#![allow(unsafe_code, reason = "loops that need instructions of the processor")]
#![cfg_attr(not(target_arch = "x86_64"), allow(dead_code, unused_imports, reason = "see `measure`"))]

#[cfg(target_arch = "x86_64")]
mod x86;

use std::hint::black_box;
use std::sync::Barrier;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::{Work, kernel::Kernel};

/// Bytes of all threads together: those that first-level caches hold, second-level caches, and none.
const SETS: [usize; 3] = [32 << 10, 1 << 20, 256 << 20];

/// The limits of all threads together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Floating-point operations of the instructions that compute products, 10⁹ a second; a multiply-add is two.
    pub gflop_per_second: f64,
    /// Rates of reading, for some sizes.
    pub reads: Vec<Read>,
}

/// How fast so many bytes are read, again and again.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Read {
    /// Bytes of all threads together.
    pub bytes: usize,
    /// From the cache that they fit into, or from memory.
    pub gigabytes_per_second: f64,
}

/// The least time that some work takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Least {
    /// The time.
    pub microseconds: f64,
    /// What limits it: `arithmetic` or `bytes`.
    pub binding: &'static str,
}

impl Limits {
    /// `None`: limits are measured on x86-64 only.
    #[cfg(not(target_arch = "x86_64"))]
    pub fn measure(_kernel: Kernel, _threads: usize, _weights: &[usize]) -> Option<Self> {
        None
    }

    /// Measures, in about a second, the limits of `threads` with the instructions of `kernel`; `None` if the processor lacks
    /// them. `weights` are numbers of bytes whose rate of reading is measured too, such as the sizes of networks. Measure on an
    /// idle machine.
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

    /// The least time of `work`, some or all layers of a network with so many bytes of `weights`. The weights are read anew
    /// for every batch; all other bytes are taken to be read as fast.
    ///
    /// ```
    /// use parapolicy_engine::{Work, limits::{Limits, Read}};
    ///
    /// let reads = vec![Read { bytes: 1 << 20, gigabytes_per_second: 100.0 }];
    /// let limits = Limits { gflop_per_second: 200.0, reads };
    /// let work = Work { products: 1_000_000, weights: 1 << 20, activations: 0 };
    /// let least = limits.least(&work, 1 << 20);
    /// assert_eq!((least.binding, least.microseconds.round()), ("bytes", 10.0));
    /// ```
    pub fn least(&self, work: &Work, weights: usize) -> Least {
        let reads = self.reads.iter().filter(|read| read.bytes <= weights);
        let read = reads.max_by_key(|read| read.bytes);
        let arithmetic = 1e-3 * work.flop() as f64 / self.gflop_per_second;
        let reading = read.map_or(0.0, |read| 1e-3 * work.bytes() as f64 / read.gigabytes_per_second);
        let binding = if arithmetic > reading { "arithmetic" } else { "bytes" };
        Least { microseconds: arithmetic.max(reading), binding }
    }
}

impl Read {
    #[cfg(target_arch = "x86_64")]
    fn measure(bytes: usize, threads: usize) -> Self {
        let numbers = bytes / size_of::<f32>() / threads;
        // Small sets are read many times, to take a time that can be measured.
        let passes = (4_usize << 20).div_ceil(bytes);
        let repeats = ((4_usize << 30) / (passes * bytes)).clamp(5, 200);
        let read = |numbers: &Vec<f32>| {
            for _ in 0..passes {
                // SAFETY: a processor with any kernel that is measured has AVX2 too.
                black_box(unsafe { x86::read(black_box(numbers)) });
            }
        };
        let time = best(threads, repeats, || vec![1.0_f32; numbers], read);
        Self { bytes, gigabytes_per_second: 1e-3 * (passes * bytes) as f64 / time }
    }
}

/// The shortest time, in microseconds, in which all threads run `f` at once.
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
        threads.into_iter().filter_map(|thread| thread.join().ok()).fold(0.0, f64::max)
    })
}
