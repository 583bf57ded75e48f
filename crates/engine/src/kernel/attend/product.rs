//! The matrix products of attention, in f32 whatever the precision of layers.

use crate::kernel::simd::Simd;

/// Rows whose sums stay in registers: as many as multiply-adds are under way at once.
pub(super) const ROWS: usize = 8;

/// `outputs[row, channel] = Σ_k inputs[row, k] * weights[k, channel]` for [`ROWS`] rows.
pub(super) struct Product<'a> {
    pub inputs: &'a [f32],
    /// From one row of inputs to the next.
    pub input_stride: usize,
    /// Numbers that are read of a row of inputs.
    pub depth: usize,
    pub weights: &'a [f32],
    /// Numbers of a row of weights or outputs: whole registers.
    pub width: usize,
    pub outputs: &'a mut [f32],
}

#[inline(always)]
pub(super) fn multiply<S: Simd>(simd: S, product: Product<'_>) {
    let Product { inputs, input_stride, depth, weights, width, outputs } = product;
    assert!(inputs.len() >= (ROWS - 1) * input_stride + depth, "inputs have so many rows");
    assert!(weights.len() >= depth * width && outputs.len() >= ROWS * width, "weights and outputs have so many rows");
    for column in (0..width / S::LANES).map(|column| column * S::LANES) {
        let mut sums = [simd.splat(0.0); ROWS];
        for k in 0..depth {
            // SAFETY: the column is whole, and weights have `depth` rows.
            let weights = unsafe { simd.load(weights.as_ptr().add(k * width + column)) };
            for (row, sum) in sums.iter_mut().enumerate() {
                // SAFETY: inputs have that many rows, each of `depth` numbers.
                let input = unsafe { *inputs.get_unchecked(row * input_stride + k) };
                *sum = simd.mul_add(weights, simd.splat(input), *sum);
            }
        }
        for (row, &sum) in sums.iter().enumerate() {
            // SAFETY: the column is whole, and outputs have that many rows.
            unsafe { simd.store(outputs.as_mut_ptr().add(row * width + column), sum) };
        }
    }
}
