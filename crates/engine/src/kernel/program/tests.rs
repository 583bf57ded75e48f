//! Networks whose weights do not stay in the cache: filters are computed while they are used, and threads divide channels.

use proptest::prelude::*;

use crate::kernel::Kernel;
use crate::kernel::dispatch_table::DispatchTable;
use crate::kernel::program::Program;
use crate::kernel::unet::small::{CASES, Case, any_small};
use crate::kernel::unet::{Random, reference, relative_error, run, unet};

/// Those that convolve by minimal filtering.
fn tables() -> impl Iterator<Item = &'static DispatchTable> {
    Kernel::ALL.into_iter().filter_map(Kernel::dispatch_table).filter(|table| table.packed == 1)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(CASES) })]

    #[test]
    fn streamed_networks_agree_with_sums_in_f64(small in any_small()) {
        let Some(Case { layers, batch, sample, film, expected }) = small.case() else { return Ok(()) };
        for table in tables() {
            let mut results = (1..=3).map(|threads| {
                let mut program = Program::of_size(layers.clone(), table, threads, true).unwrap();
                run(&mut program, batch, &sample, &film, expected.len())
            });
            let result = results.next().unwrap();
            let error = relative_error(&result, &expected);
            prop_assert!(error < 3e-5, "{error:e}");
            prop_assert!(results.all(|other| other == result), "depends on the number of threads");
        }
    }
}

/// Layers of more inputs than a block of filters has, in sequences of 16, 8 and 4 positions.
#[test]
#[cfg_attr(miri, ignore = "takes hours")]
fn a_streamed_network_agrees_with_sums_in_f64() {
    let layers = unet(7, 2, 16, &[64, 144, 288], 8);
    let mut random = Random(11);
    let sample = random.numbers(16 * 32, 1.0);
    let film = random.numbers(16 * layers.film_channels, 1.0);
    let expected = reference(&layers, 16, &sample, &film);
    for table in tables() {
        let mut program = Program::of_size(layers.clone(), table, 2, true).unwrap();
        let all = run(&mut program, 16, &sample, &film, 16 * 32);
        let error = relative_error(&all, &expected);
        println!("{} lanes: {error:e}", table.lanes);
        assert!(error < 1e-5, "{error:e}");
        for batch in [1, 2, 5] {
            let film = &film[..batch * layers.film_channels];
            let some = run(&mut program, batch, &sample[..batch * 32], film, batch * 32);
            let error = relative_error(&some, &expected[..batch * 32]);
            assert!(error < 1e-5 && (batch == 1 || some == all[..batch * 32]), "{batch}: {error:e}");
        }
    }
}

/// Weights are there once, not beside what they are transformed to.
#[test]
fn a_streamed_network_keeps_its_weights_once() {
    let layers = unet(7, 2, 16, &[32, 64], 8);
    let bytes = |streamed| {
        let program =
            Program::of_size(layers.clone(), Kernel::Portable.dispatch_table().unwrap(), 1, streamed).unwrap();
        program.work(2).iter().map(|work| work.weights).sum::<usize>()
    };
    let once: usize = super::bytes(&layers);
    assert!(bytes(true) < once * 11 / 10, "{} bytes of {once}", bytes(true));
    assert!(bytes(false) > once * 13 / 10, "{} bytes of {once}", bytes(false));
}
