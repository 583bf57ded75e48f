//! Attention of all heads and all batch rows.

use std::sync::Arc;

use crate::Work;
use crate::kernel::attend::Attend;
use crate::kernel::dispatch_table::DispatchTable;
use crate::kernel::evaluation::{Evaluation, Workspace};
use crate::kernel::finish::Rows;
use crate::kernel::layout::{ActivationLayout, ArenaLayout};
use crate::network::{Attention, Turn};
use crate::thread_pool::Share;

/// Attention of all heads of all batch rows, which threads share.
pub(in crate::kernel) struct AttentionHeads {
    table: &'static DispatchTable,
    query: ActivationLayout,
    key: ActivationLayout,
    value: ActivationLayout,
    output: ActivationLayout,
    heads: usize,
    scale: f32,
    mask: Option<Vec<f32>>,
    query_turn: Option<Arc<Turn>>,
    key_turn: Option<Arc<Turn>>,
}

impl AttentionHeads {
    pub fn new(attention: &Attention, arena: &ArenaLayout, table: &'static DispatchTable) -> Self {
        let Attention { query, key, value, output, heads, scale, ref mask, ref query_turn, ref key_turn } = *attention;
        let [query, key, value, output] = [query, key, value, output].map(|activation| arena.of(activation));
        let (mask, query_turn, key_turn) = (mask.clone(), query_turn.clone(), key_turn.clone());
        Self { table, query, key, value, output, heads, scale, mask, query_turn, key_turn }
    }

    pub fn reserve(&self, workspace: &mut Workspace) {
        workspace.scratch.reserve(Attend::room(self.depth(), self.key.positions));
    }

    /// # Safety
    /// As for [`Operation::run`](super::Operation::run).
    pub unsafe fn run(&self, evaluation: Evaluation<'_>, share: Share, workspace: &mut Workspace) {
        let Evaluation { arena, batch, .. } = evaluation;
        let depth = self.depth();
        // SAFETY: the caller says that no one writes what is read.
        let [query, key, value] = [self.query, self.key, self.value].map(|layout| unsafe { layout.read(arena, batch) });
        let output = arena.pointer(self.output.start(batch), self.output.len(batch));
        for unit in share.of(self.heads * batch) {
            let (row, first) = (unit / self.heads, unit % self.heads * depth);
            let rows = |numbers, layout: &ActivationLayout| {
                let numbers: &[f32] = numbers;
                Rows { data: &numbers[row * layout.stride + first..], stride: batch * layout.stride }
            };
            let mut attend = Attend {
                query: rows(query, &self.query),
                key: rows(key, &self.key),
                value: rows(value, &self.value),
                queries: self.query.positions,
                keys: self.key.positions,
                depth,
                scale: self.scale,
                mask: self.mask.as_deref(),
                query_turn: self.query_turn.as_deref(),
                key_turn: self.key_turn.as_deref(),
                output: output.wrapping_add(row * self.output.stride + first),
                output_stride: batch * self.output.stride,
                scratch: workspace.scratch.numbers_mut(),
            };
            assert!(attend.fits(), "an activation is as large as its layout");
            // SAFETY: it fits; this thread alone writes the head's channels of this row, in each of the output's positions;
            // the caller says that the instruction set is there.
            unsafe { (self.table.attend)(&mut attend) };
            // Products of bf16 pairs read whole rows: what an earlier step left after the channels may be NaN.
            for position in (0..self.output.positions).filter(|_| first + depth == self.output.channels) {
                for channel in self.output.channels..self.output.width {
                    // SAFETY: the layout has such a row; its end belongs to the last head, which is this thread's.
                    unsafe { *output.add((position * batch + row) * self.output.stride + channel) = 0.0 };
                }
            }
        }
    }

    pub fn work(&self, batch: usize) -> Work {
        let numbers: usize =
            [&self.query, &self.key, &self.value, &self.output].map(ActivationLayout::numbers).iter().sum();
        let products = 2 * self.query.positions * self.key.numbers() * batch;
        Work { products, weights: 0, activations: numbers * batch * size_of::<f32>() }
    }

    /// Channels of a head.
    fn depth(&self) -> usize {
        self.query.channels / self.heads
    }
}
