//! Layer normalisation of tokens, and what modulates it.

use crate::Work;
use crate::kernel::dispatch_table::DispatchTable;
use crate::kernel::evaluation::{Evaluation, Workspace};
use crate::kernel::finish::{Finish, Rows};
use crate::kernel::layout::{ActivationLayout, ArenaLayout};
use crate::kernel::packed_norm::PackedNorm;
use crate::network::{Film, LayerNorm};
use crate::thread_pool::Share;

/// Tokens that are normalised at once: few enough for the first-level cache.
const BLOCK: usize = 16;

/// A normalisation of each token over its channels. Threads share the tokens.
///
/// It is computed by [`finish`], as if after a convolution: with one group of all channels, a single position, and tokens as
/// batch rows.
///
/// [`finish`]: crate::kernel::finish::finish
pub(in crate::kernel) struct TokenNorm {
    table: &'static DispatchTable,
    input: ActivationLayout,
    output: ActivationLayout,
    norm: PackedNorm,
    film: Option<Film>,
}

impl TokenNorm {
    pub fn new(norm: &LayerNorm, arena: &ArenaLayout, table: &'static DispatchTable) -> Self {
        let LayerNorm { input, output, ref norm, film } = *norm;
        let norm = PackedNorm::new(norm, output.channels);
        Self { table, input: arena.of(input), output: arena.of(output), norm, film }
    }

    pub fn reserve(&self, workspace: &mut Workspace) {
        workspace.sums.reserve(BLOCK * self.output.width);
        workspace.scratch.reserve(4 * BLOCK * self.output.width);
    }

    pub fn work(&self, batch: usize) -> Work {
        let numbers = self.input.numbers() + self.output.numbers();
        Work { activations: numbers * batch * size_of::<f32>(), ..Work::default() }
    }

    /// # Safety
    /// As for [`Operation::run`](super::Operation::run).
    pub unsafe fn run(&self, evaluation: Evaluation<'_>, share: Share, workspace: &mut Workspace) {
        let Evaluation { arena, batch, film, .. } = evaluation;
        let (lanes, ActivationLayout { width, stride, .. }) = (self.table.lanes, self.output);
        // SAFETY: the caller says that no one writes the input.
        let tokens = unsafe { self.input.read(arena, batch) };
        let mine = share.of(self.output.positions * batch);
        let mut first = mine.start;
        while first < mine.end {
            // Those of one position, if they are modulated, as each batch row has parameters of its own.
            let row = first % batch;
            let most = if self.film.is_some() { BLOCK.min(batch - row) } else { BLOCK };
            let count = most.min(mine.end - first);
            let film = |start: Option<usize>| {
                start.map(|start| Rows { data: &film.data[row * film.stride + start..], ..film })
            };
            let sums = workspace.sums.numbers_mut();
            for (token, row) in tokens[first * stride..].chunks_exact(stride).take(count).enumerate() {
                for (column, numbers) in row[..width].chunks_exact(lanes).enumerate() {
                    sums[(column * count + token) * lanes..][..lanes].copy_from_slice(numbers);
                }
            }
            let mut finish = Finish {
                sums,
                columns: width / lanes,
                positions: 1,
                batch: count,
                norm: Some(self.norm.of(0, self.output.channels)),
                nonlinearity: None,
                film_scale: film(self.film.and_then(|film| film.scale)),
                film_bias: film(self.film.and_then(|film| film.bias)),
                residual: None,
                rectified: false,
                output: arena.pointer(self.output.start(batch) + first * stride, count * stride),
                stride,
                scratch: workspace.scratch.numbers_mut(),
            };
            assert!(finish.fits(lanes), "a workspace is as large as a block of tokens");
            // SAFETY: it fits; the tokens are this thread's, in rows that are there; the caller says that the instruction set
            // is there too.
            unsafe { (self.table.finish)(&mut finish) };
            first += count;
        }
    }
}
