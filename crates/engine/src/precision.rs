//! How exactly a network is computed.

use std::{fmt, str::FromStr};

/// In which the factors of a network's products are kept. Sums, normalisation and activations are f32 always.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Precision {
    /// 24 bits of mantissa.
    #[default]
    F32,
    /// 8 bits of mantissa (bfloat16).
    Bf16,
}

/// There is no precision of this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("precision: `{0}` is not known; use f32, bf16")]
pub struct UnknownPrecision(pub String);

impl Precision {
    /// Of a number.
    pub fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::Bf16 => 2,
        }
    }
}

impl fmt::Display for Precision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
        })
    }
}

impl FromStr for Precision {
    type Err = UnknownPrecision;

    fn from_str(name: &str) -> Result<Self, UnknownPrecision> {
        let known = [Self::F32, Self::Bf16].into_iter().find(|precision| precision.to_string() == name);
        known.ok_or_else(|| UnknownPrecision(name.into()))
    }
}
