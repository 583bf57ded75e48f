//! Where activations lie.

use super::memory::Region;
use crate::network::Activation;

/// Rows of channels begin at multiples of so many numbers, whatever the registers. The rest of a row means nothing.
pub(super) const ROW: usize = 16;

/// Rows of an activation in the arena, `[position, batch]`, each of `stride` numbers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// The first number, for a batch of one.
    start: usize,
    pub positions: usize,
    pub channels: usize,
    /// From one row to the next.
    pub stride: usize,
}

impl Place {
    /// Numbers of a batch row that mean something.
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

/// Gives each buffer room for all that it ever holds.
pub(super) struct Places {
    starts: Vec<usize>,
    /// Numbers of all buffers, for a batch of one.
    pub len: usize,
}

impl Places {
    pub fn new(activations: impl Iterator<Item = Activation>) -> Self {
        let mut sizes = Vec::new();
        for activation in activations {
            if sizes.len() <= activation.buffer {
                sizes.resize(activation.buffer + 1, 0);
            }
            let size = &mut sizes[activation.buffer];
            *size = (activation.positions * activation.channels.next_multiple_of(ROW)).max(*size);
        }
        let mut len = 0;
        let mut starts = Vec::new();
        for size in sizes {
            starts.push(len);
            len += size;
        }
        Self { starts, len }
    }

    pub fn of(&self, activation: Activation) -> Place {
        let Activation { buffer, positions, channels } = activation;
        Place { start: self.starts[buffer], positions, channels, stride: channels.next_multiple_of(ROW) }
    }
}
