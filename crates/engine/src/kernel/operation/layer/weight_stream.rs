//! In which order a thread reads weights, and which it prefetches.

use crate::kernel::weights::Weights;

/// The weights of a layer that a thread reads, from its first column to its last.
pub(super) struct WeightStream<'a> {
    /// The weights of all layers.
    pub numbers: &'a [f32],
    pub weights: &'a Weights,
    /// The column after the last.
    pub end: usize,
    /// Where those begin that the thread reads afterwards.
    pub next: usize,
}

/// How far ahead of their use weights are prefetched, in numbers: several times what a core reads while memory answers.
const AHEAD: usize = 16 << 10;

impl WeightStream<'_> {
    /// The address of what is read some time after the number at `at`.
    pub fn ahead(&self, at: usize) -> *const f32 {
        let (end, ahead) = (self.weights.column(self.end), at + AHEAD);
        self.numbers.as_ptr().wrapping_add(if ahead < end { ahead } else { self.next + (ahead - end).min(AHEAD) })
    }
}
