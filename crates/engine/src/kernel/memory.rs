//! Memory that all members of a team see.

#![allow(unsafe_code, reason = "members write different columns of the same rows")]

use std::cell::UnsafeCell;

/// Numbers on lines of 64 bytes, so that no register of a row of whole registers lies across two.
#[derive(Default)]
pub(super) struct Aligned {
    numbers: Vec<f32>,
    start: usize,
    len: usize,
}

/// Bytes of a cache line.
const LINE: usize = 64;

impl Aligned {
    pub fn zeros(len: usize) -> Self {
        let numbers = vec![0.0; len + LINE / size_of::<f32>()];
        let start = numbers.as_ptr().align_offset(LINE);
        Self { numbers, start, len }
    }

    /// On large pages where the system has them: a network's weights are read from first to last for each batch, too
    /// many small pages for a processor to remember.
    pub fn on_large_pages(numbers: &[f32]) -> Self {
        let mut copy = Vec::with_capacity(numbers.len() + LINE / size_of::<f32>());
        advise(&mut copy);
        copy.resize(copy.capacity(), 0.0);
        let start = copy.as_ptr().align_offset(LINE);
        let mut aligned = Self { numbers: copy, start, len: numbers.len() };
        aligned.numbers_mut().copy_from_slice(numbers);
        aligned
    }

    /// Makes room for `len` numbers; what they are means nothing.
    pub fn reserve(&mut self, len: usize) {
        if self.len < len {
            *self = Self::zeros(len);
        }
    }

    pub fn numbers(&self) -> &[f32] {
        &self.numbers[self.start..][..self.len]
    }

    pub fn numbers_mut(&mut self) -> &mut [f32] {
        &mut self.numbers[self.start..][..self.len]
    }
}

/// Asks for large pages for memory that nobody has touched yet.
fn advise(numbers: &mut Vec<f32>) {
    #[cfg(all(target_os = "linux", not(miri)))]
    {
        const PAGE: usize = 1 << 21;
        let (begin, bytes) = (numbers.as_mut_ptr().cast::<u8>(), numbers.capacity() * size_of::<f32>());
        let skip = begin.align_offset(PAGE);
        let whole = bytes.saturating_sub(skip) / PAGE * PAGE;
        if whole > 0 {
            // SAFETY: the range is inside memory that `numbers` owns, and the advice changes nothing of its content.
            unsafe { libc::madvise(begin.add(skip).cast(), whole, libc::MADV_HUGEPAGE) };
        }
    }
    #[cfg(not(all(target_os = "linux", not(miri))))]
    let _ = numbers;
}

/// All activations of a network. Whoever reads or writes says why nobody else is there.
#[derive(Default)]
pub(super) struct Arena {
    numbers: Box<[UnsafeCell<f32>]>,
    start: usize,
}

// SAFETY: both ways to reach the numbers are unsafe, and ask their caller for what `Sync` would promise.
unsafe impl Sync for Arena {}

impl Arena {
    pub fn zeros(len: usize) -> Self {
        let numbers: Box<[_]> = (0..len + LINE / size_of::<f32>()).map(|_| UnsafeCell::new(0.0)).collect();
        let start = numbers.as_ptr().align_offset(LINE);
        Self { numbers, start }
    }

    /// What begins at `start`.
    pub fn region(&self, start: usize) -> Region<'_> {
        Region(&self.numbers[self.start + start..])
    }
}

/// A part of the arena.
#[derive(Clone, Copy)]
pub(super) struct Region<'a>(&'a [UnsafeCell<f32>]);

// SAFETY: as for the arena.
unsafe impl Sync for Region<'_> {}

impl<'a> Region<'a> {
    /// # Panics
    /// Where they are not all there.
    ///
    /// # Safety
    /// Nobody writes any of these numbers as long as they are borrowed.
    pub unsafe fn read(self, start: usize, len: usize) -> &'a [f32] {
        let cells = &self.0[start..][..len];
        // SAFETY: the cells are there, and as the caller says nobody writes them.
        unsafe { std::slice::from_raw_parts(cells.as_ptr().cast(), len) }
    }

    /// Where `len` numbers from `start` on are. Writing them is unsafe as any write to a pointer is: nobody else may read
    /// or write the same number at that time.
    ///
    /// # Panics
    /// Where they are not all there.
    pub fn pointer(self, start: usize, len: usize) -> *mut f32 {
        UnsafeCell::raw_get(self.0[start..][..len].as_ptr())
    }
}
