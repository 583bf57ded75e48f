//! Runs a network's layers on this processor, by whichever instruction set it has.
//!
//! Everything is built on three things: a `tile` of a matrix product, held in registers; what follows it while it is
//! near (`finish`); and, for convolutions of five taps, transforms that save more than half of the products
//! (`winograd`). They are written once, over the few operations of `simd`, and compiled for each instruction set. A
//! new instruction set is a new file beside `portable`.

#[cfg(target_arch = "x86_64")]
mod amx;
mod attention;
#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod bf16;
mod exp;
mod finish;
mod gelu;
mod layer;
mod memory;
mod mish;
#[cfg(target_arch = "aarch64")]
mod neon;
mod norm;
mod part;
mod place;
mod portable;
mod program;
mod runs;
mod simd;
mod table;
mod tile;
mod verify;
mod weights;
mod winograd;

pub use program::Program;
use table::Table;

use crate::Precision;

/// How convolutions are computed. Sums are f32 always, and so is all that is not a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kernel {
    /// Plain loops, on any processor.
    Portable,
    /// AVX2 and FMA.
    Avx2,
    /// AVX-512F.
    Avx512,
    /// `AVX512_BF16`: weights and inputs of convolutions rounded to bf16.
    Avx512Bf16,
    /// `AMX_BF16`: the same, multiplied by tiles.
    AmxBf16,
    /// NEON.
    Neon,
}

impl Kernel {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Portable, Self::Avx2, Self::Avx512, Self::Avx512Bf16, Self::AmxBf16, Self::Neon];

    /// The fastest of a precision that this processor has; where it has none, one of that precision that it lacks.
    pub fn fastest(precision: Precision) -> Self {
        let (faster, otherwise): (&[_], _) = match precision {
            Precision::F32 => (&[Self::Avx512, Self::Avx2, Self::Neon], Self::Portable),
            Precision::Bf16 => (&[Self::AmxBf16, Self::Avx512Bf16], Self::Avx512Bf16),
        };
        faster.iter().copied().find(|kernel| kernel.is_available()).unwrap_or(otherwise)
    }

    /// Whether this processor has it, and the system lets it be used.
    pub fn is_available(self) -> bool {
        self.table().is_some()
    }

    fn table(self) -> Option<&'static Table> {
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
