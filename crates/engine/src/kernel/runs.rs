//! Which rows of a convolution's inputs contribute to which rows of its outputs.

use crate::network::Geometry;

/// The positions that one tap connects: `count` outputs, `output_step` apart, with inputs `input_step` apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub tap: usize,
    pub output: usize,
    pub output_step: usize,
    pub input: usize,
    pub input_step: usize,
    pub count: usize,
}

/// One run for each tap, without taps that only ever read the padding.
pub(super) fn by_tap(geometry: Geometry, inputs: usize, outputs: usize) -> Vec<Run> {
    let run = |tap| {
        let mut connected = (0..outputs).filter_map(|output| Some((output, geometry.source(output, tap, inputs)?)));
        let (output, input) = connected.next()?;
        let Some((output2, input2)) = connected.next() else {
            return Some(Run { tap, output, output_step: 1, input, input_step: 1, count: 1 });
        };
        let (output_step, input_step) = (output2 - output, input2 - input);
        Some(Run { tap, output, output_step, input, input_step, count: 2 + connected.count() })
    };
    (0..geometry.taps).filter_map(run).collect()
}

/// The taps of each output position, each with the input position that it reads.
pub(super) fn by_position(geometry: Geometry, inputs: usize, outputs: usize) -> Vec<Vec<(usize, usize)>> {
    let taps = |output| (0..geometry.taps).filter_map(move |tap| Some((tap, geometry.source(output, tap, inputs)?)));
    (0..outputs).map(|output| taps(output).collect()).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Run, by_position, by_tap};
    use crate::network::Geometry;

    #[test]
    fn runs_are_the_products_that_read_no_padding() {
        for (taps, stride, padding, transposed) in
            [(5, 1, 2, false), (3, 2, 1, false), (4, 2, 1, true), (6, 3, 2, true)]
        {
            let geometry = Geometry { taps, stride, padding, transposed };
            for (inputs, outputs) in [(4, 4), (8, 4), (4, 8), (1, 3), (3, 1)] {
                let unroll = |run: Run| {
                    let Run { tap, output, output_step, input, input_step, count } = run;
                    (0..count).map(move |i| (output + i * output_step, tap, input + i * input_step))
                };
                let tapped: BTreeSet<_> = by_tap(geometry, inputs, outputs).into_iter().flat_map(unroll).collect();
                let placed = by_position(geometry, inputs, outputs).into_iter().enumerate();
                let placed: BTreeSet<_> =
                    placed.flat_map(|(at, taps)| taps.into_iter().map(move |(tap, input)| (at, tap, input))).collect();
                assert_eq!(tapped, placed, "{geometry:?}, {inputs} to {outputs}");
            }
        }
    }

    #[test]
    fn four_positions_under_five_taps_are_fourteen_products() {
        let same = Geometry { taps: 5, stride: 1, padding: 2, transposed: false };
        assert_eq!(by_position(same, 4, 4).iter().map(Vec::len).collect::<Vec<_>>(), [3, 4, 4, 3]);
        assert_eq!(by_tap(same, 4, 4).iter().map(|run| run.count).collect::<Vec<_>>(), [2, 3, 4, 3, 2]);
    }
}
