//! The instructions as their definitions say (Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2),
//! for processors that lack them.

use std::cell::RefCell;

use super::{NUMBERS, ROWS, Tiles, with_tiles};
use crate::kernel::dispatch_table::DispatchTable;
use crate::kernel::portable;

/// This thread's registers, once they are configured.
pub(super) struct Emulation;

pub(super) static TABLE: DispatchTable = with_tiles::<Emulation>(portable::PAIRS_TABLE);

type Register = [[f32; NUMBERS]; ROWS];

thread_local! {
    static REGISTERS: RefCell<Option<[Register; 8]>> = const { RefCell::new(None) };
}

fn with<R>(f: impl FnOnce(&mut [Register; 8]) -> R) -> R {
    REGISTERS.with_borrow_mut(|registers| f(registers.as_mut().expect("an undefined instruction")))
}

/// The two bf16 of a number. Subnormal numbers count as zero.
fn halves(pair: f32) -> [f32; 2] {
    let bits = pair.to_bits();
    [bits << 16, bits & 0xffff_0000].map(|bits| flushed(f32::from_bits(bits)))
}

fn flushed(x: f32) -> f32 {
    if x.is_subnormal() { 0.0_f32.copysign(x) } else { x }
}

impl Tiles for Emulation {
    unsafe fn configure() {
        REGISTERS.set(Some([[[0.0; NUMBERS]; ROWS]; 8]));
    }

    unsafe fn release() {
        REGISTERS.set(None);
    }

    unsafe fn zero<const TILE: usize>() {
        with(|registers| registers[TILE] = [[0.0; NUMBERS]; ROWS]);
    }

    unsafe fn load<const TILE: usize>(from: *const f32, stride: usize) {
        with(|registers| {
            for (row, numbers) in registers[TILE].iter_mut().enumerate() {
                // SAFETY: the caller's.
                *numbers = unsafe { from.add(row * stride).cast::<[f32; NUMBERS]>().read_unaligned() };
            }
        });
    }

    /// Sums of the even and of the odd products, each fused, then both added to the register.
    unsafe fn dot<const SUMS: usize, const A: usize, const B: usize>() {
        with(|registers| {
            let (a, b) = (registers[A], registers[B]);
            for (sums, a) in registers[SUMS].iter_mut().zip(a) {
                let mut parts = [[0.0_f32; 2]; NUMBERS];
                for (a, b) in a.into_iter().map(halves).zip(b) {
                    for (parts, b) in parts.iter_mut().zip(b.map(halves)) {
                        for i in 0..2 {
                            parts[i] = flushed(a[i].mul_add(b[i], parts[i]));
                        }
                    }
                }
                for (sum, [even, odd]) in sums.iter_mut().zip(parts) {
                    *sum = flushed(flushed(*sum) + flushed(even + odd));
                }
            }
        });
    }

    unsafe fn store<const TILE: usize>(to: *mut f32, stride: usize) {
        with(|registers| {
            for (row, numbers) in registers[TILE].iter().enumerate() {
                // SAFETY: the caller's.
                unsafe { to.add(row * stride).cast::<[f32; NUMBERS]>().write_unaligned(*numbers) };
            }
        });
    }
}
