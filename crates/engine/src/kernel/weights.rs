//! The weights of a layer, in the order in which tiles read them.

use super::bf16;
use super::dispatch_table::DispatchTable;
use super::layout::ROW_MULTIPLE;
use super::winograd::Scheme;
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
    /// The sources.
    pub sources: Vec<Source>,
}

/// One of a layer's inputs.
#[derive(Clone, Copy)]
pub(super) struct Source {
    /// Where in a pair of columns its weights begin.
    pub start: usize,
    /// Numbers in a row of it.
    pub depth: usize,
}

impl Weights {
    /// Where the weights of a column begin.
    pub fn column(&self, column: usize) -> usize {
        self.start + column / 2 * self.pair + column % 2 * self.lanes
    }

    /// One slice for each tap. `channels` are those of each source; if a number holds two, they are packed as `narrow` does.
    /// The weights are added to `all`.
    pub fn direct(convolution: &Convolution, channels: &[usize], table: &DispatchTable, all: &mut Vec<f32>) -> Self {
        let slices = convolution.geometry.taps;
        let weight = |tap: usize, input: usize, output: usize| {
            convolution.weights[(tap * convolution.inputs + input) * convolution.outputs + output]
        };
        Self::new(convolution.outputs, slices, channels, table, all, weight)
    }

    /// One slice for each point.
    pub fn winograd(
        convolution: &Convolution,
        channels: &[usize],
        scheme: Scheme,
        table: &DispatchTable,
        all: &mut Vec<f32>,
    ) -> Self {
        let filter = scheme.filter();
        let step = convolution.inputs * convolution.outputs;
        let weight = |point: usize, input: usize, output: usize| {
            let taps = convolution.weights[input * convolution.outputs + output..].iter().step_by(step);
            let sum: f64 = taps.zip(filter[point]).map(|(&tap, factor)| f64::from(tap) * factor).sum();
            sum as f32
        };
        Self::new(convolution.outputs, scheme.points(), channels, table, all, weight)
    }

    fn new(
        outputs: usize,
        slices: usize,
        channels: &[usize],
        table: &DispatchTable,
        all: &mut Vec<f32>,
        weight: impl Fn(usize, usize, usize) -> f32,
    ) -> Self {
        let DispatchTable { lanes, packed, .. } = *table;
        let mut pair = 0;
        let mut sources = Vec::new();
        for &channels in channels {
            let depth = if packed == 1 { channels } else { bf16::width(channels) };
            sources.push(Source { start: pair, depth });
            pair += slices * depth * 2 * lanes;
        }
        let pairs = outputs.next_multiple_of(ROW_MULTIPLE).div_ceil(2 * lanes);
        let weights = Self { start: all.len(), pair, lanes, sources };
        all.resize(all.len() + pairs * pair, 0.0);
        let mut first = 0;
        for (source, &channels) in weights.sources.iter().zip(channels) {
            let value = |slice, k, output| if k < channels { weight(slice, first + k, output) } else { 0.0 };
            for slice in 0..slices {
                for k in 0..source.depth {
                    for output in 0..outputs {
                        let start = weights.column(output / lanes) + source.start + output % lanes;
                        all[start + (slice * source.depth + k) * 2 * lanes] = match packed {
                            1 => value(slice, k, output),
                            _ => bf16::pair(value(slice, k, output), value(slice, k + source.depth, output)),
                        };
                    }
                }
            }
            first += channels;
        }
        weights
    }
}
