//! Two channels in the place of one.

/// The upper half of each number, rounded to nearest even, beside that of its partner: `low` and `high` halves of a
/// number of an operand.
pub(super) fn pair(low: f32, high: f32) -> f32 {
    f32::from_bits(round(low) >> 16 | round(high) & 0xffff_0000)
}

fn round(x: f32) -> u32 {
    let bits = x.to_bits();
    // What is not a number stays so.
    if x.is_nan() { bits | 0x0040_0000 } else { bits + 0x7fff + (bits >> 16 & 1) }
}

/// Packs rows of `stride` channels into half as many numbers: channel `k` beside channel `k + stride / 2`.
#[inline(always)]
pub(super) fn narrow(rows: &[f32], stride: usize, to: &mut [f32]) {
    for (row, to) in rows.chunks_exact(stride).zip(to.chunks_exact_mut(stride / 2)) {
        let (low, high) = row.split_at(stride / 2);
        for ((to, &low), &high) in to.iter_mut().zip(low).zip(high) {
            *to = pair(low, high);
        }
    }
}
