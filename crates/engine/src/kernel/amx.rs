//! AMX: eight registers of sixteen rows of 64 bytes, and products of them as pairs of bf16 (Intel 64 and IA-32
//! Architectures Software Developer's Manual, volume 1, chapter 18).
//!
//! Two registers of inputs, of sixteen rows each, are multiplied with two registers of weights, of sixteen channels each, so
//! that each loaded register is used twice. Weights have the layout that `AVX512_BF16` reads: a register is sixteen rows of
//! sixteen channels. Everything but matrix products is AVX-512's.

#![allow(unsafe_code, reason = "registers are loaded and stored by address")]

#[cfg(test)]
mod emulation;
mod instructions;
#[cfg(test)]
mod tests;

use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};

use super::avx512;
use super::dispatch_table::DispatchTable;
use super::tile::{Tile, TileFunction};
use instructions::Instructions;

/// Rows of a register.
const ROWS: usize = 16;
/// Numbers of a row: sums are f32, numbers of operands pairs of bf16.
const NUMBERS: usize = 16;

/// Registers 0 to 3 hold sums: two columns of the upper sixteen rows, then two of the lower. These hold operands.
const UPPER: usize = 4;
const LOWER: usize = 5;
const LEFT: usize = 6;
const RIGHT: usize = 7;

/// The six instructions, on this thread's registers.
trait Tiles {
    /// Makes each register sixteen rows of 64 zero bytes (`ldtilecfg`).
    ///
    /// # Safety
    /// For this and the other five: the processor has the instructions, and the system allows this process to use them.
    unsafe fn configure();

    /// Releases the registers (`tilerelease`).
    ///
    /// # Safety
    /// As for [`configure`](Self::configure).
    unsafe fn release();

    /// `tilezero`.
    ///
    /// # Safety
    /// The registers are configured; this holds for those below too.
    unsafe fn zero<const TILE: usize>();

    /// Loads rows that are `stride` numbers apart (`tileloadd`).
    ///
    /// # Safety
    /// Sixteen numbers can be read in each of sixteen rows.
    unsafe fn load<const TILE: usize>(from: *const f32, stride: usize);

    /// `sums[row, n] += Σ_k a[row, k] · b[k, n]`, each product the inner one of two pairs (`tdpbf16ps`).
    ///
    /// # Safety
    /// As for [`zero`](Self::zero).
    unsafe fn dot<const SUMS: usize, const A: usize, const B: usize>();

    /// Stores rows `stride` numbers apart (`tilestored`).
    ///
    /// # Safety
    /// Sixteen numbers can be written in each of sixteen rows.
    unsafe fn store<const TILE: usize>(to: *mut f32, stride: usize);
}

/// The table of a processor with these instructions; all but matrix products is done by `rest`.
const fn with_tiles<T: Tiles>(rest: DispatchTable) -> DispatchTable {
    let (begin, end) = (T::configure, T::release);
    let tiles: &[[TileFunction; 2]] = &[[multiply::<T> as TileFunction; 2]; 2 * ROWS];
    DispatchTable { tiles, rows: ROWS, rows_apart: 2 * ROWS, begin, end, ..rest }
}

static TABLE: DispatchTable = with_tiles::<Instructions>(avx512::BF16_TABLE);

/// The table, if this processor has the instructions and the system allows them.
pub(super) fn bf16() -> Option<&'static DispatchTable> {
    (avx512::bf16().is_some() && instructions::are_available()).then_some(&TABLE)
}

/// # Safety
/// The instructions are there and the registers configured. The tile has two registers of rows and of columns at most, a
/// depth of whole registers, and fits, with the rows that fill up its last register.
unsafe fn multiply<T: Tiles>(tile: &mut Tile<'_>) {
    let (lower, right) = (tile.rows > ROWS, tile.columns > 1);
    // SAFETY: the caller's: only registers that the tile has are touched.
    unsafe {
        load_sums::<T, 0>(tile);
        load_sums::<T, 1>(tile);
        load_sums::<T, 2>(tile);
        load_sums::<T, 3>(tile);
    }
    let first = tile.terms.first().map_or(0, |term| term.weight);
    for term in tile.terms {
        for k in (0..tile.depth).step_by(NUMBERS) {
            let at = term.weight + 2 * NUMBERS * k;
            prefetch(tile.ahead.wrapping_add(at).wrapping_sub(first));
            // SAFETY: the tile fits: rows of inputs to the end of its last register of them, and `depth` rows of weights.
            unsafe {
                let inputs = tile.inputs.as_ptr().add(term.input + k);
                let weights = tile.weights.as_ptr().add(at);
                T::load::<UPPER>(inputs, tile.input_stride);
                T::load::<LEFT>(weights, 2 * NUMBERS);
                T::dot::<0, UPPER, LEFT>();
                if right {
                    T::load::<RIGHT>(weights.add(NUMBERS), 2 * NUMBERS);
                    T::dot::<1, UPPER, RIGHT>();
                }
                if lower {
                    T::load::<LOWER>(inputs.add(ROWS * tile.input_stride), tile.input_stride);
                    T::dot::<2, LOWER, LEFT>();
                }
                if lower && right {
                    T::dot::<3, LOWER, RIGHT>();
                }
            }
        }
    }
    // SAFETY: as above.
    unsafe {
        store_sums::<T, 0>(tile);
        store_sums::<T, 1>(tile);
        store_sums::<T, 2>(tile);
        store_sums::<T, 3>(tile);
    }
}

/// Prefetches two registers of weights.
fn prefetch(weights: *const f32) {
    for line in 0..2 * ROWS {
        // SAFETY: a hint, which faults at no address.
        unsafe { _mm_prefetch::<_MM_HINT_T1>(weights.wrapping_add(line * NUMBERS).cast()) };
    }
}

/// The rows of a register of which the tile has only some.
#[repr(align(64))]
struct Rows([f32; ROWS * NUMBERS]);

/// The address of the sums that a register holds, and how many rows of them the tile has; none if it is too small.
fn sums<const SUMS: usize>(tile: &mut Tile<'_>) -> (*mut f32, usize) {
    let (row, column) = (SUMS / 2 * ROWS, SUMS % 2);
    let at = row * tile.output_stride + column * tile.column_stride;
    let rows = if column < tile.columns { tile.rows.saturating_sub(row).min(ROWS) } else { 0 };
    (tile.outputs.as_mut_ptr().wrapping_add(at), rows)
}

/// # Safety
/// As for [`multiply`].
unsafe fn load_sums<T: Tiles, const SUMS: usize>(tile: &mut Tile<'_>) {
    let (from, rows) = sums::<SUMS>(tile);
    match rows {
        0 => {}
        // SAFETY: the caller's.
        _ if !tile.accumulate => unsafe { T::zero::<SUMS>() },
        // SAFETY: the tile fits, and all rows are there.
        ROWS => unsafe { T::load::<SUMS>(from, tile.output_stride) },
        _ => {
            let mut all = Rows([0.0; ROWS * NUMBERS]);
            for (row, to) in all.0.chunks_exact_mut(NUMBERS).take(rows).enumerate() {
                // SAFETY: the tile fits: these rows are there.
                unsafe { to.as_mut_ptr().copy_from_nonoverlapping(from.add(row * tile.output_stride), NUMBERS) };
            }
            // SAFETY: sixteen rows of sixteen numbers.
            unsafe { T::load::<SUMS>(all.0.as_ptr(), NUMBERS) };
        }
    }
}

/// # Safety
/// As for [`multiply`].
unsafe fn store_sums<T: Tiles, const SUMS: usize>(tile: &mut Tile<'_>) {
    let (to, rows) = sums::<SUMS>(tile);
    match rows {
        0 => {}
        // SAFETY: the tile fits, and all rows are there.
        ROWS => unsafe { T::store::<SUMS>(to, tile.output_stride) },
        _ => {
            let mut all = Rows([0.0; ROWS * NUMBERS]);
            // SAFETY: sixteen rows of sixteen numbers.
            unsafe { T::store::<SUMS>(all.0.as_mut_ptr(), NUMBERS) };
            for (row, from) in all.0.chunks_exact(NUMBERS).take(rows).enumerate() {
                // SAFETY: the tile fits: these rows are there.
                unsafe { to.add(row * tile.output_stride).copy_from_nonoverlapping(from.as_ptr(), NUMBERS) };
            }
        }
    }
}
