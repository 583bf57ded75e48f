//! Weights, in the order in which tiles read them.

use super::bf16::pair;
use super::memory::Aligned;
use super::place::ROW;
use super::winograd::{Scheme, TAPS};
use crate::network::Convolution;

/// `[column, source, slice, k, lane]`: a slice is a tap, or a point of [`winograd`](super::winograd).
pub(super) struct Weights {
    pub numbers: Aligned,
    /// Numbers of a column of registers.
    pub column: usize,
    /// Of each source: where in a column it begins, and numbers of a row of inputs.
    pub sources: Vec<Source>,
}

#[derive(Clone, Copy)]
pub(super) struct Source {
    pub start: usize,
    pub depth: usize,
}

impl Weights {
    /// A slice a tap. `channels` are those of each source; with `packed` 2, channels are packed as `narrow` does.
    pub fn direct(convolution: &Convolution, channels: &[usize], lanes: usize, packed: usize) -> Self {
        let slices = convolution.geometry.taps;
        let weight = |tap: usize, input: usize, output: usize| {
            convolution.weights[(tap * convolution.inputs + input) * convolution.outputs + output]
        };
        Self::new(convolution.outputs, slices, channels, lanes, packed, weight)
    }

    /// A slice a point.
    pub fn winograd(convolution: &Convolution, channels: &[usize], lanes: usize, scheme: Scheme) -> Self {
        let weight = |point: usize, input: usize, output: usize| {
            let tap = |tap| convolution.weights[(tap * convolution.inputs + input) * convolution.outputs + output];
            scheme.weight(std::array::from_fn::<f32, TAPS, _>(tap), point)
        };
        Self::new(convolution.outputs, scheme.points(), channels, lanes, 1, weight)
    }

    fn new(
        outputs: usize,
        slices: usize,
        channels: &[usize],
        lanes: usize,
        packed: usize,
        weight: impl Fn(usize, usize, usize) -> f32,
    ) -> Self {
        let mut column = 0;
        let mut sources = Vec::new();
        for &channels in channels {
            let depth = if packed == 1 { channels } else { channels.next_multiple_of(ROW) / packed };
            sources.push(Source { start: column, depth });
            column += slices * depth * lanes;
        }
        let columns = outputs.next_multiple_of(ROW) / lanes;
        let mut numbers = Aligned::zeros(columns * column);
        let mut first = 0;
        for (source, &channels) in sources.iter().zip(channels) {
            let value = |slice, k, output| if k < channels { weight(slice, first + k, output) } else { 0.0 };
            for output in 0..outputs {
                let start = output / lanes * column + source.start + output % lanes;
                for slice in 0..slices {
                    for k in 0..source.depth {
                        let value = match packed {
                            1 => value(slice, k, output),
                            _ => pair(value(slice, k, output), value(slice, k + source.depth, output)),
                        };
                        numbers.numbers_mut()[start + (slice * source.depth + k) * lanes] = value;
                    }
                }
            }
            first += channels;
        }
        Self { numbers, column, sources }
    }
}
