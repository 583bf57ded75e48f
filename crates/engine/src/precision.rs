//! The precision in which a network is computed.

/// The precision of the factors of a network's products. Sums, normalisation and activation functions are always f32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Precision {
    /// 24 bits of mantissa.
    #[default]
    F32,
    /// 8 bits of mantissa (bfloat16).
    Bf16,
}
