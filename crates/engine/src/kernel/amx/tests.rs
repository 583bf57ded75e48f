//! The kernel with emulated instructions, on random networks. `tests/kernels.rs` uses the processor's own, if it has them.

use proptest::prelude::*;

use super::emulation;
use crate::kernel::dispatch_table::DispatchTable;
use crate::kernel::portable;
use crate::kernel::program::Program;
use crate::kernel::tile::{Tile, TileFunction};
use crate::kernel::unet::small::{CASES, Case, any_small};
use crate::kernel::unet::{Random, reference, relative_error, run, unet};
use crate::kernel::verify::verify;

static PAIRS: DispatchTable = portable::PAIRS_TABLE;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(CASES) })]

    #[test]
    fn agrees_with_sums_in_f64_and_with_plain_loops_of_pairs(small in any_small()) {
        let Some(Case { layers, batch, sample, film, expected }) = small.case() else { return Ok(()) };
        let evaluate = |table, threads| {
            let mut program = Program::unverified(layers.clone(), table, threads).unwrap();
            run(&mut program, batch, &sample, &film, expected.len())
        };
        let result = evaluate(&emulation::TABLE, 1);
        prop_assert!(relative_error(&result, &expected) < 3e-2);
        let plain: Vec<_> = evaluate(&PAIRS, 1).into_iter().map(f64::from).collect();
        let error = relative_error(&result, &plain);
        prop_assert!(error < 2e-3, "{error:e} from plain loops");
        for threads in [2, 3] {
            prop_assert!(evaluate(&emulation::TABLE, threads) == result, "depends on the number of threads");
        }
        let f32 = evaluate(portable::f32(), 2);
        prop_assert!(relative_error(&f32, &expected) < 3e-5);
    }
}

#[test]
#[cfg_attr(miri, ignore = "takes hours")]
fn a_whole_network_agrees_with_sums_in_f64() {
    let layers = unet(7, 2, 16, &[32, 64, 96], 8);
    let mut random = Random(11);
    for batch in [1, 3, 16, 40] {
        let sample = random.numbers(batch * 32, 1.0);
        let film = random.numbers(batch * layers.film_channels, 1.0);
        let expected = reference(&layers, batch, &sample, &film);
        let mut program = Program::unverified(layers.clone(), &emulation::TABLE, 1).unwrap();
        let error = relative_error(&run(&mut program, batch, &sample, &film, expected.len()), &expected);
        assert!(error < 1e-2, "batch {batch}: {error:e}");
    }
}

/// A table whose products are missing.
static WRONG: DispatchTable = DispatchTable { tiles: &[[nothing as TileFunction; 2]; 32], ..emulation::TABLE };

fn nothing(_: &mut Tile<'_>) {}

#[test]
#[cfg_attr(miri, ignore = "takes hours")]
fn a_wrong_kernel_is_detected() {
    assert!(verify(portable::f32()).unwrap() && verify(&PAIRS).unwrap() && verify(&emulation::TABLE).unwrap());
    assert!(!verify(&WRONG).unwrap());
}
