//! Precisions that a network can be computed in.

use std::{fmt, str::FromStr};

use parapolicy_engine::{self as engine, kernel::Kernel};

/// Number format of the factors in a network's products.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Precision {
    /// 24 bits of mantissa.
    #[default]
    F32,
    /// 8 bits of mantissa (bfloat16).
    Bf16,
    /// 11 bits of mantissa, numbers up to 65504 (IEEE 754's half).
    F16,
}

/// There is no precision of this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("precision: `{0}` is not known; use f32, bf16, f16")]
pub struct UnknownPrecision(pub String);

impl Precision {
    const ALL: [Self; 3] = [Self::F32, Self::Bf16, Self::F16];

    /// Bytes of a number.
    pub fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::Bf16 | Self::F16 => 2,
        }
    }

    /// The engine's fastest kernel; none where it has none on any processor.
    pub fn kernel(self) -> Option<Kernel> {
        match self {
            Self::F32 => Some(Kernel::fastest(engine::Precision::F32)),
            Self::Bf16 => Some(Kernel::fastest(engine::Precision::Bf16)),
            Self::F16 => None,
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
            Self::F16 => "f16",
        })
    }
}

impl FromStr for Precision {
    type Err = UnknownPrecision;

    fn from_str(name: &str) -> Result<Self, UnknownPrecision> {
        let known = Self::ALL.into_iter().find(|precision| precision.to_string() == name);
        known.ok_or_else(|| UnknownPrecision(name.into()))
    }
}
