//! Where activations are in memory.
//!
//! An activation is `[position, batch, channel]`. Each row of channels begins at a multiple of [`ROW_MULTIPLE`] numbers, so
//! that every register of a row is whole; the numbers between the last channel and the next row have no meaning.
//!
//! Rows are never a multiple of [`SET`] numbers apart. A first-level cache has room for 8 or 12 lines whose addresses differ by
//! that much, and a tile reads up to 14 rows at once: none of them would be there when its next number is read.

use super::memory::Region;
use crate::network::Activation;

/// Rows of channels begin at multiples of this many numbers, whatever the size of registers.
pub(super) const ROW_MULTIPLE: usize = 16;

/// Numbers from one line of a set of a first-level cache to the next: 4 KB.
const SET: usize = 1024;

/// From one row of so many numbers, whole registers, to the next.
fn stride(width: usize) -> usize {
    if width.is_multiple_of(SET) { width + ROW_MULTIPLE } else { width }
}

/// The layout of an activation in the arena: rows `[position, batch]`, each of `stride` numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct ActivationLayout {
    /// The first number, for a batch of one.
    start: usize,
    pub positions: usize,
    pub channels: usize,
    /// Numbers of a row, up to the end of the last register.
    pub width: usize,
    /// From one row to the next.
    pub stride: usize,
}

impl ActivationLayout {
    /// Numbers of a batch row, without those that have no meaning.
    pub fn numbers(&self) -> usize {
        self.positions * self.channels
    }

    /// The first number.
    pub fn start(&self, batch: usize) -> usize {
        self.start * batch
    }

    /// How many numbers there are.
    pub fn len(&self, batch: usize) -> usize {
        self.positions * batch * self.stride
    }

    /// # Safety
    /// As for [`Region::read`].
    #[expect(unsafe_code, reason = "the caller knows who writes")]
    pub unsafe fn read<'a>(&self, arena: Region<'a>, batch: usize) -> &'a [f32] {
        // SAFETY: the caller's.
        unsafe { arena.read(self.start(batch), self.len(batch)) }
    }
}

/// The layout of the arena: each buffer has room for the largest activation that it ever holds.
pub(super) struct ArenaLayout {
    starts: Vec<usize>,
    /// Numbers of all buffers, for a batch of one.
    pub len: usize,
}

impl ArenaLayout {
    pub fn new(activations: impl Iterator<Item = Activation>) -> Self {
        let mut sizes = Vec::new();
        for activation in activations {
            if sizes.len() <= activation.buffer {
                sizes.resize(activation.buffer + 1, 0);
            }
            let size = &mut sizes[activation.buffer];
            *size = (activation.positions * stride(activation.channels.next_multiple_of(ROW_MULTIPLE))).max(*size);
        }
        let mut len = 0;
        let mut starts = Vec::new();
        for size in sizes {
            starts.push(len);
            len += size;
        }
        Self { starts, len }
    }

    pub fn of(&self, activation: Activation) -> ActivationLayout {
        let Activation { buffer, positions, channels } = activation;
        let width = channels.next_multiple_of(ROW_MULTIPLE);
        ActivationLayout { start: self.starts[buffer], positions, channels, width, stride: stride(width) }
    }
}
