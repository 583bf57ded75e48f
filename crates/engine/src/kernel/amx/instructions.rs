//! The instructions themselves, and whether this process may use them.

use std::arch::asm;
use std::arch::x86_64::__cpuid_count;
use std::sync::OnceLock;

use super::Tiles;

/// The processor's own instructions.
///
/// The registers keep their content from one block of assembly to the next: a compiler generates code that touches them only
/// for intrinsics of AMX, and this program has none. Every block counts as one that reads and writes memory, so none is
/// removed or moved past another.
pub(super) struct Instructions;

/// What `ldtilecfg` reads: the sizes of registers.
#[repr(C, align(64))]
struct Configuration {
    palette: u8,
    start_row: u8,
    reserved: [u8; 14],
    row_bytes: [u16; 16],
    rows: [u8; 16],
}

static ALL: Configuration = Configuration {
    palette: 1,
    start_row: 0,
    reserved: [0; 14],
    row_bytes: [64, 64, 64, 64, 64, 64, 64, 64, 0, 0, 0, 0, 0, 0, 0, 0],
    rows: [16, 16, 16, 16, 16, 16, 16, 16, 0, 0, 0, 0, 0, 0, 0, 0],
};

impl Tiles for Instructions {
    #[inline(always)]
    unsafe fn configure() {
        // SAFETY: the instruction is there; it reads 64 bytes, and they are a configuration of palette 1.
        unsafe { asm!("ldtilecfg [{}]", in(reg) &ALL, options(nostack, preserves_flags)) };
    }

    #[inline(always)]
    unsafe fn release() {
        // SAFETY: the instruction is there, and touches no memory.
        unsafe { asm!("tilerelease", options(nostack, preserves_flags)) };
    }

    #[inline(always)]
    unsafe fn zero<const TILE: usize>() {
        // SAFETY: the register is configured, and touches no memory.
        unsafe { asm!("tilezero tmm{}", const TILE, options(nostack, preserves_flags)) };
    }

    #[inline(always)]
    unsafe fn load<const TILE: usize>(from: *const f32, stride: usize) {
        // SAFETY: the register is configured as sixteen rows of sixteen numbers, and they are there.
        unsafe {
            asm!("tileloadd tmm{tile}, [{from} + 4 * {stride}]", tile = const TILE, from = in(reg) from,
                stride = in(reg) stride, options(nostack, preserves_flags));
        };
    }

    #[inline(always)]
    unsafe fn dot<const SUMS: usize, const A: usize, const B: usize>() {
        // SAFETY: the registers are configured, of sizes that fit each other; no memory is touched.
        unsafe {
            asm!("tdpbf16ps tmm{sums}, tmm{a}, tmm{b}", sums = const SUMS, a = const A, b = const B,
                options(nostack, preserves_flags));
        };
    }

    #[inline(always)]
    unsafe fn store<const TILE: usize>(to: *mut f32, stride: usize) {
        // SAFETY: the register is configured as sixteen rows of sixteen numbers, and there is room for them.
        unsafe {
            asm!("tilestored [{to} + 4 * {stride}], tmm{tile}", tile = const TILE, to = in(reg) to,
                stride = in(reg) stride, options(nostack, preserves_flags));
        };
    }
}

/// Whether the processor has the instructions, and the system saves their registers for this process. Determined once.
pub(super) fn are_available() -> bool {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    *AVAILABLE.get_or_init(|| {
        // A processor with AVX-512 has leaf 7. Bits 22 and 24 are AMX-BF16 and AMX-TILE.
        let needed = 1 << 22 | 1 << 24;
        __cpuid_count(7, 0).edx & needed == needed && permitted()
    })
}

/// Linux saves the registers, 8 KB, only for processes that have asked (`Documentation/arch/x86/xstate.rst`).
#[cfg(target_os = "linux")]
fn permitted() -> bool {
    const ARCH_REQ_XCOMP_PERM: libc::c_long = 0x1023;
    const XFEATURE_XTILEDATA: libc::c_long = 18;
    // SAFETY: the call takes two numbers, and changes nothing but what this process may do.
    unsafe { libc::syscall(libc::SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA) == 0 }
}

#[cfg(not(target_os = "linux"))]
fn permitted() -> bool {
    false
}
