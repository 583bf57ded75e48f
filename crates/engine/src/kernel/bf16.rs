//! Packs two channels, rounded to bf16, into one number.

use super::layout::ROW_MULTIPLE;

/// Two numbers, rounded to bf16 (to nearest, ties to even), as the low and the high half of one.
pub(super) fn pair(low: f32, high: f32) -> f32 {
    f32::from_bits(round(low) >> 16 | round(high) & 0xffff_0000)
}

/// The two numbers that [`pair`] packed.
pub(super) fn unpair(pair: f32) -> [f32; 2] {
    [pair.to_bits() << 16, pair.to_bits() & 0xffff_0000].map(f32::from_bits)
}

fn round(x: f32) -> u32 {
    let bits = x.to_bits();
    // NaN stays NaN.
    if x.is_nan() { bits | 0x0040_0000 } else { bits + 0x7fff + (bits >> 16 & 1) }
}

/// Numbers in a packed row of `channels` channels: whole registers.
pub(super) fn width(channels: usize) -> usize {
    channels.div_ceil(2).next_multiple_of(ROW_MULTIPLE)
}

/// Packs rows of `channels` channels, `stride` apart, into rows of [`width`] numbers: channel `k` with channel `k + width`, or
/// with zero.
#[inline(always)]
pub(super) fn narrow(rows: &[f32], [channels, stride]: [usize; 2], to: &mut [f32]) {
    let width = width(channels);
    for (row, to) in rows.chunks_exact(stride).zip(to.chunks_exact_mut(width)) {
        let (low, high) = row[..channels].split_at(width);
        let (pairs, singles) = to.split_at_mut(high.len());
        for ((to, &low), &high) in pairs.iter_mut().zip(low).zip(high) {
            *to = pair(low, high);
        }
        for (to, &low) in singles.iter_mut().zip(&low[high.len()..]) {
            *to = pair(low, 0.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{narrow, pair, unpair};

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
    fn packs_each_half_of_a_row_with_the_other() {
        for (stride, width) in [(16, 16), (32, 16), (48, 32), (64, 32)] {
            let row: Vec<f32> = (0..stride).map(|i| i as f32).collect();
            let mut packed = vec![f32::NAN; width];
            narrow(&row, [stride; 2], &mut packed);
            let partner = |i: usize| row.get(i + width).copied().unwrap_or_default();
            for (i, number) in packed.into_iter().enumerate() {
                assert_eq!(unpair(number), [row[i], partner(i)]);
            }
        }
    }
}
