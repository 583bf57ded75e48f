//! Normalisation of tokens, as one member of a team works on it.

#![allow(unsafe_code, reason = "members share the activations, and functions are for one instruction set")]

use super::finish::Finish;
use super::layer::{Evaluation, OwnNorm, Workspace};
use super::place::{Place, Places};
use super::table::Table;
use crate::Work;
use crate::network::LayerNorm;
use crate::team::Share;

/// Tokens that are normalised at once: their numbers stay in the first cache.
const BLOCK: usize = 16;

/// A normalisation of each token over its channels. Members share the tokens.
///
/// It is that of one group of all channels at a single position, with tokens in the place of batch rows: what [`finish`]
/// does after a convolution.
///
/// [`finish`]: super::finish::finish
pub(super) struct TokenNorm {
    table: &'static Table,
    input: Place,
    output: Place,
    norm: OwnNorm,
}

impl TokenNorm {
    pub fn new(norm: &LayerNorm, places: &Places, table: &'static Table) -> Self {
        let LayerNorm { input, output, ref norm } = *norm;
        Self { table, input: places.of(input), output: places.of(output), norm: OwnNorm::new(norm, output.channels) }
    }

    pub fn reserve(&self, workspace: &mut Workspace) {
        workspace.sums.reserve(BLOCK * self.output.stride);
        workspace.scratch.reserve(4 * BLOCK * self.output.stride);
    }

    pub fn amount(&self, batch: usize) -> Work {
        let numbers = self.input.numbers() + self.output.numbers();
        Work { activations: numbers * batch * size_of::<f32>(), ..Work::default() }
    }

    /// # Safety
    /// As for [`Part::work`](super::part::Part::work).
    pub unsafe fn work(&self, evaluation: Evaluation<'_>, share: Share, workspace: &mut Workspace) {
        let Evaluation { arena, batch, .. } = evaluation;
        let (lanes, stride) = (self.table.lanes, self.output.stride);
        // SAFETY: the caller says that nobody writes the input.
        let tokens = unsafe { self.input.read(arena, batch) };
        let mine = share.of(self.output.positions * batch);
        for first in mine.clone().step_by(BLOCK) {
            let count = BLOCK.min(mine.end - first);
            let sums = workspace.sums.numbers_mut();
            for (token, row) in tokens[first * stride..].chunks_exact(stride).take(count).enumerate() {
                for (column, numbers) in row.chunks_exact(lanes).enumerate() {
                    sums[(column * count + token) * lanes..][..lanes].copy_from_slice(numbers);
                }
            }
            let mut finish = Finish {
                sums,
                columns: stride / lanes,
                positions: 1,
                batch: count,
                norm: Some(self.norm.of(0, self.output.channels)),
                nonlinearity: None,
                film_scale: None,
                film_bias: None,
                residual: None,
                output: arena.pointer(self.output.start(batch) + first * stride, count * stride),
                stride,
                scratch: workspace.scratch.numbers_mut(),
            };
            assert!(finish.fits(lanes), "a workspace is as large as a block of tokens");
            // SAFETY: all that is read fits; the tokens are this member's, in rows that are there; the instruction set is,
            // as the caller says.
            unsafe { (self.table.finish)(&mut finish) };
        }
    }
}
