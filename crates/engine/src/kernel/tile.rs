//! The inner loop of every matrix product: a tile of sums stays in registers while weights are read once.

#![allow(unsafe_code, reason = "pointers, so that the inner loop has no bounds to check")]

use super::simd::Simd;

/// `outputs[row, channel] += Σ_term Σ_k inputs[term][row, k] * weights[term][k, channel]`, for some rows and one or two
/// registers of channels.
pub(super) struct Tile<'a> {
    pub rows: usize,
    /// Registers of channels: 1 or 2.
    pub columns: usize,
    /// Numbers that a term reads of a row of inputs.
    pub depth: usize,
    pub terms: &'a [Term],
    pub inputs: &'a [f32],
    /// From one row of inputs to the next.
    pub input_stride: usize,
    /// `[.., k, column, lane]` for two columns, from the tile's first column on.
    pub weights: &'a [f32],
    /// The address of weights to prefetch while those of the first term are read.
    pub ahead: *const f32,
    /// `[column, row, lane]`.
    pub outputs: &'a mut [f32],
    /// From one row of outputs to the next.
    pub output_stride: usize,
    /// From one column of outputs to the next.
    pub column_stride: usize,
    /// Whether to add to what `outputs` hold.
    pub accumulate: bool,
}

/// Where a term's first numbers are.
#[derive(Clone, Copy, Debug)]
pub(super) struct Term {
    pub input: usize,
    pub weight: usize,
}

/// A function that computes tiles of a certain number of rows and columns.
pub(super) type TileFunction = unsafe fn(&mut Tile<'_>);

impl Tile<'_> {
    /// Whether all slices are long enough, if inputs are read in blocks of `rows` rows.
    pub fn fits(&self, lanes: usize, rows: usize) -> bool {
        let last = |steps: usize, stride: usize| (steps - 1) * stride;
        let (rows, columns) = (last(self.rows.next_multiple_of(rows), self.input_stride), self.columns * lanes);
        let outputs = last(self.rows, self.output_stride) + last(self.columns, self.column_stride) + lanes;
        outputs <= self.outputs.len()
            && self.terms.iter().all(|term| {
                term.input + rows + self.depth <= self.inputs.len()
                    && term.weight + last(self.depth, 2 * lanes) + columns <= self.weights.len()
            })
    }
}

/// # Safety
/// `tile.rows` is `ROWS`, `tile.columns` is `COLUMNS`, and `tile.fits(S::LANES)`.
#[inline(always)]
pub(super) unsafe fn multiply<S: Simd, const ROWS: usize, const COLUMNS: usize>(simd: S, tile: &mut Tile<'_>) {
    let mut sums = [[simd.splat(0.0); COLUMNS]; ROWS];
    let outputs = tile.outputs.as_mut_ptr();
    if tile.accumulate {
        for (row, sums) in sums.iter_mut().enumerate() {
            for (column, sum) in sums.iter_mut().enumerate() {
                // SAFETY: the tile fits, so the row and column of outputs are there.
                *sum = unsafe { simd.load(outputs.add(row * tile.output_stride + column * tile.column_stride)) };
            }
        }
    }
    let first = tile.terms.first().map_or(0, |term| term.weight);
    for term in tile.terms {
        // SAFETY: the tile fits, so each term begins inside inputs and weights.
        let inputs = unsafe { tile.inputs.as_ptr().add(term.input) };
        // SAFETY: as above.
        let weights = unsafe { tile.weights.as_ptr().add(term.weight) };
        let ahead = tile.ahead.wrapping_add(term.weight).wrapping_sub(first);
        for k in 0..tile.depth {
            let mut columns = [simd.splat(0.0); COLUMNS];
            for (column, values) in columns.iter_mut().enumerate() {
                let at = (2 * k + column) * S::LANES;
                simd.prefetch(ahead.wrapping_add(at));
                // SAFETY: the tile fits, so `depth` registers of weights are there in each column.
                *values = unsafe { simd.load(weights.add(at)) };
            }
            for (row, sums) in sums.iter_mut().enumerate() {
                // SAFETY: the tile fits, so `depth` numbers are there in each row.
                let input = simd.splat(unsafe { *inputs.add(row * tile.input_stride + k) });
                for (sum, &weights) in sums.iter_mut().zip(&columns) {
                    *sum = simd.dot(weights, input, *sum);
                }
            }
        }
    }
    for (row, sums) in sums.iter().enumerate() {
        for (column, &sum) in sums.iter().enumerate() {
            // SAFETY: the tile fits, so the row and column of outputs are there.
            unsafe { simd.store(outputs.add(row * tile.output_stride + column * tile.column_stride), sum) };
        }
    }
}
