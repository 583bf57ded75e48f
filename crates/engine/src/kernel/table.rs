//! The functions of an instruction set, compiled for it.

use super::attention::Attend;
use super::finish::Finish;
use super::tile::TileFunction;
use super::winograd::{Gather, Scatter};

/// What a layer calls. All functions ask for a processor with the instruction set, and each for what it says itself.
#[derive(Clone, Copy)]
pub(super) struct Table {
    /// Numbers in a register.
    pub lanes: usize,
    /// Channels in a number of an operand, 1 or 2.
    pub packed: usize,
    /// By rows less one, and columns less one. For a thread between `begin` and `end`.
    pub tiles: &'static [[TileFunction; 2]],
    /// Inputs of a tile are read by so many rows at a time, be they part of it or not.
    pub rows: usize,
    /// With so many rows at a position, it has tiles of its own for all taps; with fewer, a tap has for all positions.
    pub rows_apart: usize,
    pub begin: unsafe fn(),
    pub end: unsafe fn(),
    pub finish: unsafe fn(&mut Finish<'_>),
    pub attend: unsafe fn(&mut Attend<'_>),
    pub scatter: unsafe fn(&mut Scatter<'_>),
    pub gather: unsafe fn(&mut Gather<'_>),
    pub narrow: unsafe fn(&[f32], usize, &mut [f32]),
}

/// A module with the table of an instruction set: the generic functions for `$simd`, compiled with its features, and a
/// tile function for each number of rows.
macro_rules! table {
    ($name:ident, $simd:expr, $($features:literal,)? [$($rows:literal),*]) => {
        #[allow(non_snake_case, reason = "named like the constant that it is")]
        mod $name {
            use crate::kernel::{attention, bf16, finish, simd::Simd, table::Table, tile, winograd};
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
            unsafe fn attend(attend: &mut attention::Attend<'_>) {
                // SAFETY: the caller's.
                unsafe { attention::attend($simd, attend) };
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
            unsafe fn narrow(rows: &[f32], stride: usize, to: &mut [f32]) {
                bf16::narrow(rows, stride, to);
            }

            unsafe fn nothing() {}

            const fn sizes<S: Simd>(_: &S) -> (usize, usize) {
                (S::LANES, S::PACKED)
            }

            pub(super) const TABLE: Table = Table {
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
                narrow,
            };
        }
    };
}
pub(super) use table;
