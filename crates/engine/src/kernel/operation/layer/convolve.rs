//! The matrix products of a layer.

use std::ops::Range;

use super::{PackedLayer, WeightStream, pairs};
use crate::kernel::bf16;
use crate::kernel::evaluation::Workspace;
use crate::kernel::memory::Aligned;
use crate::kernel::tile::{Term, Tile};
use crate::kernel::weights::Source;
use crate::kernel::winograd::{Scatter, Scheme};

impl PackedLayer {
    /// Transforms or packs the inputs, if the products need that.
    pub(super) fn prepare<'i>(
        &self,
        inputs: impl Iterator<Item = &'i [f32]>,
        filtering: Option<Scheme>,
        batch: usize,
        to: &mut Aligned,
    ) {
        let mut rest = to.numbers_mut();
        for (input, layout) in inputs.zip(&self.inputs) {
            let taken;
            if let Some(scheme) = filtering {
                (taken, rest) = rest.split_at_mut(scheme.points() * scheme.tiles() * batch * layout.stride);
                let mut scatter = Scatter { scheme, batch, channels: layout.stride, inputs: input, outputs: taken };
                assert!(scatter.fits(self.table.lanes), "rows are whole registers");
                // SAFETY: it fits, and `PackedLayer` is only made for an instruction set that the processor has.
                unsafe { (self.table.scatter)(&mut scatter) };
            } else if self.table.packed == 2 {
                (taken, rest) = rest.split_at_mut(input.len() / layout.stride * bf16::width(layout.width));
                // SAFETY: `PackedLayer` is only made for an instruction set that the processor has.
                unsafe { (self.table.narrow)(input, [layout.width, layout.stride], taken) };
            }
        }
    }

    /// Begins the sums of some columns with the bias.
    pub(super) fn begin_sums(&self, rows: usize, columns: Range<usize>, workspace: &mut Workspace) {
        let lanes = self.table.lanes;
        for (column, sums) in columns.zip(workspace.sums.numbers_mut().chunks_exact_mut(rows * lanes)) {
            for row in sums.chunks_exact_mut(lanes) {
                row.copy_from_slice(&self.bias[column * lanes..][..lanes]);
            }
        }
    }

    /// Sums of a convolution tap by tap.
    pub(super) fn convolve<'i>(
        &self,
        inputs: impl Iterator<Item = &'i [f32]> + Clone,
        stream: &WeightStream<'_>,
        batch: usize,
        columns: Range<usize>,
        workspace: &mut Workspace,
    ) {
        let lanes = self.table.lanes;
        let rows = self.output.positions * batch;
        self.begin_sums(rows, columns.clone(), workspace);
        let contiguous = self.by_tap.iter().all(|run| run.output_step == 1 && run.input_step == 1);
        for pair in pairs(columns.clone()) {
            let mut packed = 0;
            for (source, (input, layout)) in inputs.clone().zip(&self.inputs).enumerate() {
                let (input, stride) = if self.table.packed == 1 {
                    (input, layout.stride)
                } else {
                    let (start, width) = (packed, bf16::width(layout.width));
                    packed += input.len() / layout.stride * width;
                    (&workspace.operands.numbers()[start..], width)
                };
                let Source { start, depth, .. } = stream.weights.sources[source];
                let group = Group {
                    layer: self,
                    stream,
                    start: stream.weights.column(pair.start) + start,
                    columns: pair.len(),
                    depth,
                    input,
                    stride,
                    outputs: &mut workspace.sums.numbers_mut()[(pair.start - columns.start) * rows * lanes..],
                    output_column: rows * lanes,
                };
                if batch < self.table.rows_apart && (contiguous || batch == 1) {
                    group.by_tap(batch);
                } else {
                    group.by_position(batch, &mut workspace.terms);
                }
            }
        }
    }

    /// Divides a tile of any height into tiles that fit into registers, as equal as possible.
    pub(super) fn multiply(&self, tile: Tile<'_>) {
        let most = self.table.tiles.len();
        let mut rest = tile.rows;
        let mut first = 0;
        while rest > 0 {
            let rows = rest.div_ceil(rest.div_ceil(most)).next_multiple_of(self.table.rows).min(rest);
            let mut tile = Tile {
                rows,
                inputs: &tile.inputs[first * tile.input_stride..],
                outputs: &mut tile.outputs[first * tile.output_stride..],
                ..tile
            };
            assert!(tile.fits(self.table.lanes, self.table.rows), "a layer's buffers are as large as its shape");
            // SAFETY: the function is for so many rows and columns, the tile fits, and `PackedLayer` is only made for an
            // instruction set that the processor has.
            unsafe { self.table.tiles[rows - 1][tile.columns - 1](&mut tile) };
            first += rows;
            rest -= rows;
        }
    }
}

/// The products of one input with the weights of one or two columns.
struct Group<'a> {
    layer: &'a PackedLayer,
    stream: &'a WeightStream<'a>,
    /// Where the weights begin.
    start: usize,
    columns: usize,
    depth: usize,
    input: &'a [f32],
    stride: usize,
    outputs: &'a mut [f32],
    output_column: usize,
}

impl Group<'_> {
    /// For few rows: all positions that a tap reaches at once, so that its weights are read once.
    fn by_tap(mut self, batch: usize) {
        let lanes = self.layer.table.lanes;
        for run in &self.layer.by_tap {
            let terms = [Term { input: 0, weight: self.start + run.tap * self.depth * 2 * lanes }];
            self.multiply(
                run.count * batch,
                &terms,
                (run.input * batch * self.stride, run.input_step * self.stride),
                (run.output * batch * lanes, run.output_step * lanes),
            );
        }
    }

    /// For many rows: all taps that reach a position at once, so that its sums stay in registers.
    fn by_position(mut self, batch: usize, terms: &mut Vec<Term>) {
        let lanes = self.layer.table.lanes;
        for (position, taps) in self.layer.by_position.iter().enumerate() {
            let term = |&(tap, input): &(usize, usize)| Term {
                input: input * batch * self.stride,
                weight: self.start + tap * self.depth * 2 * lanes,
            };
            terms.clear();
            terms.extend(taps.iter().map(term));
            self.multiply(batch, terms, (0, self.stride), (position * batch * lanes, lanes));
        }
    }

    fn multiply(&mut self, rows: usize, terms: &[Term], input: (usize, usize), output: (usize, usize)) {
        self.layer.multiply(Tile {
            rows,
            columns: self.columns,
            depth: self.depth,
            terms,
            inputs: &self.input[input.0..],
            input_stride: input.1,
            weights: self.stream.numbers,
            ahead: self.stream.ahead(terms.first().map_or(0, |term| term.weight)),
            outputs: &mut self.outputs[output.0..],
            output_stride: output.1,
            column_stride: self.output_column,
            accumulate: true,
        });
    }
}
