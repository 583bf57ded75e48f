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

#[cfg(test)]
mod tests {
    use super::{narrow, pair};

    #[test]
    fn rounds_to_the_nearest_and_ties_to_even() {
        let upper = |x: f32| f32::from_bits(pair(0.0, x).to_bits() & 0xffff_0000);
        // Eight bits of precision: from 1 to 2, steps of 1 / 128.
        let step = 1.0 / 128.0;
        for (x, rounded) in [
            (1.0, 1.0),
            (-0.0, -0.0),
            (1.0 + 0.4 * step, 1.0),
            (1.0 + 0.5 * step, 1.0),
            (1.0 + 0.6 * step, 1.0 + step),
            (-1.0 - 1.5 * step, -1.0 - 2.0 * step),
            (f32::INFINITY, f32::INFINITY),
            (f32::MAX, f32::INFINITY),
        ] {
            assert_eq!(upper(x).to_bits(), rounded.to_bits(), "{x}");
        }
        assert!(upper(f32::NAN).is_nan() && upper(f32::from_bits(0x7fff_ffff)).is_nan());
    }

    #[test]
    fn packs_a_row_half_beside_half() {
        let row: Vec<f32> = (0..16).map(|i| i as f32).collect();
        let mut packed = [0.0; 8];
        narrow(&row, 16, &mut packed);
        for (i, number) in packed.iter().enumerate() {
            let bits = number.to_bits();
            assert_eq!([bits << 16, bits & 0xffff_0000].map(f32::from_bits), [i as f32, (i + 8) as f32]);
        }
    }
}
