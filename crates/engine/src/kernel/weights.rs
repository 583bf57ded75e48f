//! The weights of a layer, in the order in which tiles read them.

use super::bf16;
use super::dispatch_table::DispatchTable;
use super::layout::ROW_MULTIPLE;
use super::winograd::{Scheme, TAPS};
use crate::network::Convolution;

/// Weights with the layout `[pair, source, slice, k, column of the pair, lane]`. A column is a register of output channels,
/// a source one of the layer's inputs, a slice a tap or a point of [`winograd`](super::winograd). A thread reads its share
/// from first to last.
pub(super) struct Weights {
    /// The first number, among the weights of all layers.
    start: usize,
    /// Numbers of a pair of columns.
    pair: usize,
    lanes: usize,
    /// Channels that a number holds.
    packed: usize,
    /// The sources.
    pub sources: Vec<Source>,
}

/// Room for the weights of all layers.
pub(super) struct Room {
    /// Numbers of the layers so far.
    pub len: usize,
    /// Whether they are too many to stay in the cache between two evaluations.
    pub streamed: bool,
}

/// One of a layer's inputs.
#[derive(Clone, Copy)]
pub(super) struct Source {
    /// Where in a pair of columns its weights begin.
    pub start: usize,
    /// Numbers in a row of it.
    pub depth: usize,
    /// Its channels.
    pub channels: usize,
}

/// Inputs whose weights are packed together: so many rows of them, of all taps, are in the first-level cache.
const BLOCK: usize = 16;

impl Weights {
    /// Where the weights of a column begin.
    pub fn column(&self, column: usize) -> usize {
        self.start + column / 2 * self.pair + column % 2 * self.lanes
    }

    /// Numbers of a source's weights of a pair of columns, of so many slices.
    pub fn size(&self, source: Source, slices: usize) -> usize {
        slices * source.depth * 2 * self.lanes
    }

    /// Finds room for so many slices, after the `len` numbers of earlier layers. `channels` are those of each source; if a
    /// number holds two, they are packed as `narrow` does.
    pub fn place(outputs: usize, slices: usize, channels: &[usize], table: &DispatchTable, len: &mut usize) -> Self {
        let DispatchTable { lanes, packed, .. } = *table;
        let mut pair = 0;
        let mut sources = Vec::new();
        for &channels in channels {
            let depth = if packed == 1 { channels } else { bf16::width(channels) };
            sources.push(Source { start: pair, depth, channels });
            pair += slices * depth * 2 * lanes;
        }
        let pairs = outputs.next_multiple_of(ROW_MULTIPLE).div_ceil(2 * lanes);
        let start = *len;
        *len += pairs * pair;
        Self { start, pair, lanes, packed, sources }
    }

    /// Packs one slice for each tap into a layer's own weights, which begin at `start` among those of all layers.
    pub fn direct(&self, convolution: &Convolution, own: &mut [f32], start: usize) {
        let (weights, taps) = (convolution.weights.in_memory(), convolution.geometry.taps);
        self.fill(convolution, taps, &mut own[self.start - start..], |tap, input, output| {
            weights.at([tap, input, output])
        });
    }

    /// Packs one slice for each point.
    pub fn winograd(&self, convolution: &Convolution, scheme: Scheme, own: &mut [f32], start: usize) {
        let (weights, filter) = (convolution.weights.in_memory(), scheme.filter());
        self.fill(convolution, scheme.points(), &mut own[self.start - start..], |point, input, output| {
            let weight = |tap| f64::from(weights.at([tap, input, output]));
            (0..TAPS).map(|tap| weight(tap) * filter[point][tap]).sum::<f64>() as f32
        });
    }

    fn fill(
        &self,
        convolution: &Convolution,
        slices: usize,
        to: &mut [f32],
        weight: impl Fn(usize, usize, usize) -> f32,
    ) {
        let (lanes, outputs) = (self.lanes, convolution.outputs);
        let mut first = 0;
        for &Source { start, depth, channels } in &self.sources {
            let value = |slice, k, output| if k < channels { weight(slice, first + k, output) } else { 0.0 };
            for columns in (0..outputs).step_by(2 * lanes) {
                let to = &mut to[self.column(columns / lanes) - self.start + start..][..slices * depth * 2 * lanes];
                for block in (0..depth).step_by(BLOCK) {
                    for output in columns..outputs.min(columns + 2 * lanes) {
                        for slice in 0..slices {
                            for k in block..depth.min(block + BLOCK) {
                                to[(slice * depth + k) * 2 * lanes + output - columns] = match self.packed {
                                    1 => value(slice, k, output),
                                    _ => bf16::pair(value(slice, k, output), value(slice, k + depth, output)),
                                };
                            }
                        }
                    }
                }
            }
            first += channels;
        }
    }
}
