//! Aligned memory, and memory that all threads write.

#![allow(unsafe_code, reason = "threads write different columns of the same rows")]

use std::cell::UnsafeCell;

/// Numbers aligned to cache lines of 64 bytes, so that no register is split between two lines.
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

    /// Zeros on large pages, if the system has them: all weights are read for each batch, and small pages would be too many
    /// for the processor's translation lookaside buffer. They take memory as they are written.
    pub fn on_large_pages(len: usize) -> Self {
        let mut zeros = Self::zeros(len);
        advise(&mut zeros.numbers);
        zeros
    }

    /// Makes room for `len` numbers. Their values have no meaning.
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

/// Asks for large pages for memory that has not been written yet.
fn advise(numbers: &mut [f32]) {
    #[cfg(all(target_os = "linux", not(miri)))]
    {
        const PAGE: usize = 1 << 21;
        let (begin, bytes) = (numbers.as_mut_ptr().cast::<u8>(), size_of_val(numbers));
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

/// All activations of a network. Whoever reads or writes them must know that no other thread interferes.
#[derive(Default)]
pub(super) struct Arena {
    numbers: Box<[UnsafeCell<f32>]>,
    start: usize,
}

// SAFETY: both ways to reach the numbers are unsafe, and their callers guarantee what `Sync` would.
unsafe impl Sync for Arena {}

impl Arena {
    pub fn zeros(len: usize) -> Self {
        let numbers: Box<[_]> = (0..len + LINE / size_of::<f32>()).map(|_| UnsafeCell::new(0.0)).collect();
        let start = numbers.as_ptr().align_offset(LINE);
        Self { numbers, start }
    }

    /// The numbers from `start` on.
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
    /// If the range is not inside the region.
    ///
    /// # Safety
    /// No one writes any of these numbers while they are borrowed.
    pub unsafe fn read(self, start: usize, len: usize) -> &'a [f32] {
        let cells = &self.0[start..][..len];
        // SAFETY: the cells are there, and the caller says that no one writes them.
        unsafe { std::slice::from_raw_parts(cells.as_ptr().cast(), len) }
    }

    /// The address of `len` numbers from `start` on. Writing to it is unsafe as any write to a pointer is: no one else may
    /// read or write the same number at that time.
    ///
    /// # Panics
    /// If the range is not inside the region.
    pub fn pointer(self, start: usize, len: usize) -> *mut f32 {
        UnsafeCell::raw_get(self.0[start..][..len].as_ptr())
    }
}
