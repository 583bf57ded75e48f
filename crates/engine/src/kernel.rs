//! Runs a network on this processor, with one of its instruction sets.
//!
//! Three functions do the work: the `tile` of a matrix product, which stays in registers; `finish`, which applies what follows
//! it while the sums are in the cache; and, for convolutions of five taps, transforms that save more than half of the products
//! (`winograd`). They are written once, over the few operations of the trait `Simd`, and compiled for each instruction set,
//! which collects them in a `DispatchTable`. A new instruction set is a new file beside `portable`.
//!
//! An `Operation` (a layer, a layer normalisation, attention) calls the functions of the table for a thread's share of the
//! output; a [`Program`] is all operations of a network, the packed weights and the thread pool that runs them.

mod across;
#[cfg(target_arch = "x86_64")]
mod amx;
mod attend;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod bf16;
mod dispatch_table;
mod evaluation;
mod exp;
mod filter;
mod finish;
mod gelu;
mod layout;
mod memory;
mod mish;
#[cfg(target_arch = "aarch64")]
mod neon;
mod operation;
mod packed_norm;
mod portable;
mod program;
mod runs;
mod simd;
mod tile;
#[cfg(test)]
#[path = "../tests/unet/networks.rs"]
mod unet;
mod verify;
mod weights;
mod winograd;

use dispatch_table::DispatchTable;
pub use program::Program;

use crate::Precision;

/// An instruction set, and the precision of products. Sums and everything that is not a product are always f32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// Plain loops, on any processor.
    Portable,
    /// AVX2 and FMA.
    Avx2,
    /// AVX-512F.
    Avx512,
    /// AVX-512 with `AVX512_BF16`: weights and inputs of convolutions are rounded to bf16.
    Avx512Bf16,
    /// `AMX_BF16`: the same, multiplied in registers of sixteen rows.
    AmxBf16,
    /// NEON.
    Neon,
}

impl Kernel {
    /// All kernels.
    pub const ALL: [Self; 6] = [Self::Portable, Self::Avx2, Self::Avx512, Self::Avx512Bf16, Self::AmxBf16, Self::Neon];

    /// The fastest kernel of a precision that this processor has. If it has none, one that it lacks is returned, which
    /// [`Program::new`] refuses.
    pub fn fastest(precision: Precision) -> Self {
        let (faster, otherwise): (&[_], _) = match precision {
            Precision::F32 => (&[Self::Avx512, Self::Avx2, Self::Neon], Self::Portable),
            Precision::Bf16 => (&[Self::AmxBf16, Self::Avx512Bf16], Self::Avx512Bf16),
        };
        faster.iter().copied().find(|kernel| kernel.is_available()).unwrap_or(otherwise)
    }

    /// Whether this processor has the instructions, and the system allows them.
    pub fn is_available(self) -> bool {
        self.dispatch_table().is_some()
    }

    fn dispatch_table(self) -> Option<&'static DispatchTable> {
        match self {
            Self::Portable => Some(portable::f32()),
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => avx2::f32(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => avx512::f32(),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512Bf16 => avx512::bf16(),
            #[cfg(target_arch = "x86_64")]
            Self::AmxBf16 => amx::bf16(),
            #[cfg(target_arch = "aarch64")]
            Self::Neon => neon::f32(),
            _ => None,
        }
    }
}
