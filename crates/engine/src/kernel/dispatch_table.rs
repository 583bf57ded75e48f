//! The functions that operations call, compiled for one instruction set.

use super::attend::Attend;
use super::filter::Filter;
use super::finish::Finish;
use super::tile::TileFunction;
use super::winograd::{Gather, Scatter};

/// The functions that operations call. All of them need a processor with the instruction set; each states what else it
/// needs.
#[derive(Clone, Copy)]
pub(super) struct DispatchTable {
    /// Numbers in a register.
    pub lanes: usize,
    /// Channels that a number of an operand holds: 1, or 2 if it is a pair of bf16.
    pub packed: usize,
    /// By rows less one, and columns less one. To be called between `begin` and `end`, on the same thread.
    pub tiles: &'static [[TileFunction; 2]],
    /// Inputs of a tile are read in blocks of so many rows, the last of which may extend beyond the tile.
    pub rows: usize,
    /// From this batch size on, a tile has one position and all taps; below, one tap and all positions.
    pub rows_apart: usize,
    pub begin: unsafe fn(),
    pub end: unsafe fn(),
    pub finish: unsafe fn(&mut Finish<'_>),
    pub attend: unsafe fn(&mut Attend<'_>),
    pub scatter: unsafe fn(&mut Scatter<'_>),
    pub gather: unsafe fn(&mut Gather<'_>),
    pub filter: unsafe fn(&mut Filter<'_>),
    pub narrow: unsafe fn(&[f32], [usize; 2], &mut [f32]),
}

/// Makes a module with the table of an instruction set: the generic functions for `$simd`, compiled with its features, and
/// a tile function for each number of rows.
macro_rules! dispatch_table {
    ($name:ident, $simd:expr, $($features:literal,)? [$($rows:literal),*]) => {
        #[allow(non_snake_case, reason = "named like the constant that it is")]
        mod $name {
            use crate::kernel::{attend, bf16, dispatch_table::DispatchTable, filter, finish, simd::Simd, tile, winograd};
            use super::*;

            $(#[target_feature(enable = $features)])?
            unsafe fn multiply<const ROWS: usize, const COLUMNS: usize>(tile: &mut tile::Tile<'_>) {
                // SAFETY: the caller's.
                unsafe { tile::multiply::<_, ROWS, COLUMNS>($simd, tile) };
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn finish(finish: &mut finish::Finish<'_>) {
                // SAFETY: the caller's.
                unsafe { finish::finish($simd, finish) };
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn attend(attend: &mut attend::Attend<'_>) {
                // SAFETY: the caller's.
                unsafe { attend::attend($simd, attend) };
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn scatter(scatter: &mut winograd::Scatter<'_>) {
                // SAFETY: the caller's.
                unsafe { winograd::scatter($simd, scatter) };
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn gather(gather: &mut winograd::Gather<'_>) {
                // SAFETY: the caller's.
                unsafe { winograd::gather($simd, gather) };
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn filter(filter: &mut filter::Filter<'_>) {
                // SAFETY: the caller's.
                unsafe { filter::filter($simd, filter) };
            }

            $(#[target_feature(enable = $features)])?
            unsafe fn narrow(rows: &[f32], sizes: [usize; 2], to: &mut [f32]) {
                bf16::narrow(rows, sizes, to);
            }

            unsafe fn nothing() {}

            const fn sizes<S: Simd>(_: &S) -> (usize, usize) {
                (S::LANES, S::PACKED)
            }

            pub(super) const TABLE: DispatchTable = DispatchTable {
                lanes: sizes(&$simd).0,
                packed: sizes(&$simd).1,
                tiles: &[$([multiply::<$rows, 1>, multiply::<$rows, 2>]),*],
                rows: 1,
                rows_apart: 6,
                begin: nothing,
                end: nothing,
                finish,
                attend,
                scatter,
                gather,
                filter,
                narrow,
            };
        }
    };
}
pub(super) use dispatch_table;
