//! Which rows of a convolution's inputs meet which of its outputs.

use crate::network::Geometry;

/// Output positions that one tap reaches: `count` of them, `output_step` apart, from inputs `input_step` apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Run {
    pub tap: usize,
    pub output: usize,
    pub output_step: usize,
    pub input: usize,
    pub input_step: usize,
    pub count: usize,
}

/// One run a tap, but for taps that only ever meet the padding.
pub(super) fn by_tap(geometry: Geometry, inputs: usize, outputs: usize) -> Vec<Run> {
    let run = |tap| {
        let mut reached = (0..outputs).filter_map(|output| Some((output, geometry.source(output, tap, inputs)?)));
        let (output, input) = reached.next()?;
        let Some((output2, input2)) = reached.next() else {
            return Some(Run { tap, output, output_step: 1, input, input_step: 1, count: 1 });
        };
        let (output_step, input_step) = (output2 - output, input2 - input);
        Some(Run { tap, output, output_step, input, input_step, count: 2 + reached.count() })
    };
    (0..geometry.taps).filter_map(run).collect()
}

/// The taps of each output position, each with the input position it reads.
pub(super) fn by_position(geometry: Geometry, inputs: usize, outputs: usize) -> Vec<Vec<(usize, usize)>> {
    let taps = |output| (0..geometry.taps).filter_map(move |tap| Some((tap, geometry.source(output, tap, inputs)?)));
    (0..outputs).map(|output| taps(output).collect()).collect()
}
