//! How exactly a network is computed.

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
