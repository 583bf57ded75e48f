//! Convolutions of five taps by minimal filtering.

use std::ops::Range;

use super::{PackedLayer, WeightStream, pairs};
use crate::kernel::evaluation::Workspace;
use crate::kernel::filter::{Factors, Filter};
use crate::kernel::tile::{Term, Tile};
use crate::kernel::weights::{Source, Weights};
use crate::kernel::winograd::{Gather, Scheme, TAPS};

/// Where a layer's filters come from.
pub(super) enum Filtering {
    /// They are packed beside its weights.
    Packed(Scheme, Weights),
    /// They are computed of its weights while they are used.
    Computed(Factors),
}

/// Inputs whose filters are computed at once: with all rows of the batch they are in the second-level cache.
pub(super) const BLOCK: usize = 128;

impl Filtering {
    pub fn scheme(&self) -> Scheme {
        match self {
            Self::Packed(scheme, _) => *scheme,
            Self::Computed(factors) => factors.scheme,
        }
    }
}

/// What is multiplied with the filters of a pair of columns.
struct Transformed<'a> {
    pair: Range<usize>,
    /// `[point, row, channel]`.
    input: &'a [f32],
    rows: usize,
    stride: usize,
    /// Whether to add to the products.
    accumulate: bool,
    products: &'a mut [f32],
}

impl PackedLayer {
    /// Sums of a convolution point by point.
    pub(super) fn filter(
        &self,
        filtering: &Filtering,
        stream: &WeightStream<'_>,
        batch: usize,
        columns: Range<usize>,
        workspace: &mut Workspace,
    ) {
        let (lanes, scheme) = (self.table.lanes, filtering.scheme());
        let (points, rows) = (scheme.points(), scheme.tiles() * batch);
        let Workspace { operands, products, filters, sums, .. } = workspace;
        for pair in pairs(columns.clone()) {
            let mut operands = operands.numbers();
            for (index, (source, layout)) in stream.weights.sources.iter().zip(&self.inputs).enumerate() {
                let (input, rest) = operands.split_at(points * rows * layout.stride);
                operands = rest;
                let products = &mut products.numbers_mut()[(pair.start - columns.start) * points * rows * lanes..];
                let (pair, stride, accumulate) = (pair.clone(), layout.stride, index > 0);
                let transformed = Transformed { pair, input, rows, stride, accumulate, products };
                match filtering {
                    Filtering::Packed(..) => self.by_packed(points, stream, *source, transformed),
                    Filtering::Computed(factors) => {
                        self.by_computed(factors, stream, *source, transformed, filters.numbers_mut());
                    }
                }
            }
        }
        let mut gather = Gather {
            scheme,
            batch,
            columns: columns.len(),
            products: products.numbers(),
            bias: &self.bias[columns.start * lanes..],
            outputs: sums.numbers_mut(),
        };
        assert!(gather.fits(lanes), "a workspace is as large as its layers");
        // SAFETY: it fits, and `PackedLayer` is only made for an instruction set that the processor has.
        unsafe { (self.table.gather)(&mut gather) };
    }

    fn by_packed(&self, points: usize, stream: &WeightStream<'_>, source: Source, mut of: Transformed<'_>) {
        let first = stream.weights.column(of.pair.start) + source.start;
        for point in 0..points {
            let weight = first + point * source.depth * 2 * self.table.lanes;
            let ahead = stream.ahead(weight);
            self.of_point([point, points], &mut of, (0, source.depth), (stream.numbers, weight), ahead);
        }
    }

    fn by_computed(
        &self,
        factors: &Factors,
        stream: &WeightStream<'_>,
        source: Source,
        mut of: Transformed<'_>,
        filters: &mut [f32],
    ) {
        let (lanes, points) = (self.table.lanes, factors.scheme.points());
        let Source { start, depth, .. } = source;
        let (first, tap) = (stream.weights.column(of.pair.start) + start, depth * 2 * lanes);
        for k in (0..depth).step_by(BLOCK) {
            let block = BLOCK.min(depth - k);
            let at = first + k * 2 * lanes;
            let (columns, weights) = (of.pair.len(), &stream.numbers[at..]);
            let mut filter = Filter { factors, columns, depth: block, weights, tap, filters };
            assert!(filter.fits(lanes), "a workspace is as large as a block of filters");
            // SAFETY: it fits, and `PackedLayer` is only made for an instruction set that the processor has.
            unsafe { (self.table.filter)(&mut filter) };
            // While the products of a point are computed, the weights of one tap for the next block are prefetched.
            let next =
                if k + BLOCK < depth { at + BLOCK * 2 * lanes } else { first + stream.weights.size(source, TAPS) };
            for point in 0..points {
                let weight = point * block * 2 * lanes;
                let ahead = if point < TAPS {
                    stream.numbers.as_ptr().wrapping_add(next + point * tap)
                } else {
                    filters.as_ptr()
                };
                self.of_point([point, points], &mut of, (k, block), (filters, weight), ahead);
            }
            of.accumulate = true;
        }
    }

    /// The products of some inputs with the filters of one point.
    fn of_point(
        &self,
        [point, points]: [usize; 2],
        of: &mut Transformed<'_>,
        (input, depth): (usize, usize),
        (weights, weight): (&[f32], usize),
        ahead: *const f32,
    ) {
        let lanes = self.table.lanes;
        self.multiply(Tile {
            rows: of.rows,
            columns: of.pair.len(),
            depth,
            terms: &[Term { input, weight }],
            inputs: &of.input[point * of.rows * of.stride..],
            input_stride: of.stride,
            weights,
            ahead,
            outputs: &mut of.products[point * of.rows * lanes..],
            output_stride: lanes,
            column_stride: points * of.rows * lanes,
            accumulate: of.accumulate,
        });
    }
}
