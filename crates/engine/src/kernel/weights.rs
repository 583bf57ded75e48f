//! Weights, in the order in which tiles read them.

use super::bf16;
use super::place::ROW;
use super::table::Table;
use super::winograd::Scheme;
use crate::network::Convolution;

/// `[pair, source, slice, k, column of the pair, lane]`: a slice is a tap, or a point of
/// [`winograd`](super::winograd). What a member reads of them lies in the order in which it does.
pub(super) struct Weights {
    /// The first number, in the weights of the network.
    start: usize,
    /// Numbers of a pair of columns.
    pair: usize,
    lanes: usize,
    /// Of each source: where in a pair it begins, and numbers of a row of inputs.
    pub sources: Vec<Source>,
}

#[derive(Clone, Copy)]
pub(super) struct Source {
    pub start: usize,
    pub depth: usize,
}

impl Weights {
    /// Where those of a column begin.
    pub fn column(&self, column: usize) -> usize {
        self.start + column / 2 * self.pair + column % 2 * self.lanes
    }

    /// A slice a tap. `channels` are those of each source; where a number packs two, they are packed as `narrow` does.
    pub fn direct(convolution: &Convolution, channels: &[usize], table: &Table, pool: &mut Vec<f32>) -> Self {
        let slices = convolution.geometry.taps;
        let weight = |tap: usize, input: usize, output: usize| {
            convolution.weights[(tap * convolution.inputs + input) * convolution.outputs + output]
        };
        Self::new(convolution.outputs, slices, channels, table, pool, weight)
    }

    /// A slice a point.
    pub fn winograd(
        convolution: &Convolution,
        channels: &[usize],
        scheme: Scheme,
        table: &Table,
        pool: &mut Vec<f32>,
    ) -> Self {
        let filter = scheme.filter();
        let step = convolution.inputs * convolution.outputs;
        let weight = |point: usize, input: usize, output: usize| {
            let taps = convolution.weights[input * convolution.outputs + output..].iter().step_by(step);
            let sum: f64 = taps.zip(filter[point]).map(|(&tap, factor)| f64::from(tap) * factor).sum();
            sum as f32
        };
        Self::new(convolution.outputs, scheme.points(), channels, table, pool, weight)
    }

    fn new(
        outputs: usize,
        slices: usize,
        channels: &[usize],
        table: &Table,
        pool: &mut Vec<f32>,
        weight: impl Fn(usize, usize, usize) -> f32,
    ) -> Self {
        let Table { lanes, packed, .. } = *table;
        let mut pair = 0;
        let mut sources = Vec::new();
        for &channels in channels {
            let depth = if packed == 1 { channels } else { bf16::width(channels) };
            sources.push(Source { start: pair, depth });
            pair += slices * depth * 2 * lanes;
        }
        let pairs = outputs.next_multiple_of(ROW).div_ceil(2 * lanes);
        let weights = Self { start: pool.len(), pair, lanes, sources };
        pool.resize(pool.len() + pairs * pair, 0.0);
        let mut first = 0;
        for (source, &channels) in weights.sources.iter().zip(channels) {
            let value = |slice, k, output| if k < channels { weight(slice, first + k, output) } else { 0.0 };
            for slice in 0..slices {
                for k in 0..source.depth {
                    for output in 0..outputs {
                        let start = weights.column(output / lanes) + source.start + output % lanes;
                        pool[start + (slice * source.depth + k) * 2 * lanes] = match packed {
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
