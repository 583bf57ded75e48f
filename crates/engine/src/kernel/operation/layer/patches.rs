//! 2-D convolutions: what a window covers is gathered to rows of a matrix product.

use std::ops::Range;

use super::{PackedLayer, WeightStream, pairs};
use crate::kernel::bf16;
use crate::kernel::evaluation::Workspace;
use crate::kernel::layout::{ActivationLayout, ROW_MULTIPLE};
use crate::kernel::tile::{Term, Tile};
use crate::network::{Convolution, Window};

/// How a layer gathers.
pub(super) struct Patches {
    window: Window,
    /// Channels of a pixel.
    channels: usize,
    /// Numbers from one patch to the next.
    stride: usize,
    /// Patches that are gathered at once.
    block: usize,
}

/// Numbers of the patches that are gathered at once: with the weights of a pair of columns they are in the second-level cache.
const BLOCK: usize = 128 << 10;

impl Patches {
    /// For tiles of `most` rows.
    pub fn new(window: Window, convolution: &Convolution, most: usize) -> Self {
        let stride = convolution.inputs.next_multiple_of(ROW_MULTIPLE);
        let block = (BLOCK / stride / most).max(1) * most;
        Self { window, channels: convolution.inputs / window.taps().max(1), stride, block }
    }

    /// Enlarges a workspace to what the patches need, if tiles read blocks of so many rows.
    pub fn reserve(&self, workspace: &mut Workspace, rows: usize) {
        let block = self.block.next_multiple_of(rows);
        workspace.products.reserve(block * self.stride);
        workspace.operands.reserve(block * bf16::width(self.stride));
    }

    /// Gathers the patches of some rows `[place, image]`.
    fn gather(&self, rows: Range<usize>, batch: usize, input: &[f32], layout: ActivationLayout, to: &mut [f32]) {
        let Self { window, channels, .. } = *self;
        let [height, width] = window.image;
        // From one row of pixels, one pixel and one image to the next.
        let (down, across, apart) = if layout.positions == height && width > 1 {
            (batch * layout.stride, channels, layout.stride)
        } else {
            (width * batch * layout.stride, batch * layout.stride, layout.stride)
        };
        for (row, to) in rows.zip(to.chunks_exact_mut(self.stride)) {
            let (place, image) = (row / batch, row % batch);
            let (lines, line) = window.inside(0, place / window.places[1]);
            let (columns, column) = window.inside(1, place % window.places[1]);
            let whole = lines.len() == window.size[0] && columns.len() == window.size[1];
            if !whole || window.taps() * channels < self.stride {
                to.fill(0.0);
            }
            for (index, tap) in lines.enumerate() {
                let from = &input[(line + index) * down + column * across + image * apart..];
                let to = &mut to[(tap * window.size[1] + columns.start) * channels..][..columns.len() * channels];
                if across == channels {
                    to.copy_from_slice(&from[..to.len()]);
                } else {
                    for (to, from) in to.chunks_exact_mut(channels).zip(from.chunks(across)) {
                        to.copy_from_slice(&from[..channels]);
                    }
                }
            }
        }
    }
}

impl PackedLayer {
    /// Sums of a 2-D convolution, block by block of its places.
    pub(super) fn by_patches(
        &self,
        patches: &Patches,
        input: &[f32],
        stream: &WeightStream<'_>,
        batch: usize,
        columns: Range<usize>,
        workspace: &mut Workspace,
    ) {
        let lanes = self.table.lanes;
        let rows = self.output.positions * batch;
        self.begin_sums(rows, columns.clone(), workspace);
        let source = stream.weights.sources[0];
        for first in (0..rows).step_by(patches.block) {
            let count = patches.block.min(rows - first);
            let Workspace { operands, products, sums, .. } = &mut *workspace;
            let gathered = &mut products.numbers_mut()[..count * patches.stride];
            patches.gather(first..first + count, batch, input, self.inputs[0], gathered);
            let (inputs, input_stride) = if self.table.packed == 1 {
                (products.numbers(), patches.stride)
            } else {
                // SAFETY: `PackedLayer` is only made for an instruction set that the processor has.
                unsafe { (self.table.narrow)(gathered, [patches.stride; 2], operands.numbers_mut()) };
                (operands.numbers(), bf16::width(patches.stride))
            };
            for pair in pairs(columns.clone()) {
                let weight = stream.weights.column(pair.start) + source.start;
                self.multiply(Tile {
                    rows: count,
                    columns: pair.len(),
                    depth: source.depth,
                    terms: &[Term { input: 0, weight }],
                    inputs,
                    input_stride,
                    weights: stream.numbers,
                    ahead: stream.ahead(weight),
                    outputs: &mut sums.numbers_mut()[((pair.start - columns.start) * rows + first) * lanes..],
                    output_stride: lanes,
                    column_stride: rows * lanes,
                    accumulate: true,
                });
            }
        }
    }
}
