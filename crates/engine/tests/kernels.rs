//! Every kernel against sums in f64, on random networks.
#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

#[path = "unet/networks.rs"]
mod unet;

use parapolicy_engine::kernel::{Kernel, Program};
use proptest::prelude::*;
use unet::images::any_image;
use unet::small::{CASES, Case, any_small};
use unet::tokens::{Tokens, any_tokens};
use unet::{Random, reference, relative_error, run, unet};

fn available() -> impl Iterator<Item = Kernel> {
    Kernel::ALL.into_iter().filter(|kernel| kernel.is_available())
}

/// The relative error that a kernel may have.
fn tolerance(kernel: Kernel) -> f64 {
    if matches!(kernel, Kernel::Avx512Bf16 | Kernel::AmxBf16) { 1e-2 } else { 1e-5 }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn kernels_agree_with_sums_in_f64(small in any_small()) {
        small.case().map_or(Ok(()), |case| agree(&case))?;
    }

    #[test]
    fn kernels_agree_with_sums_in_f64_on_images(image in any_image()) {
        image.case().map_or(Ok(()), |case| agree(&case))?;
    }

    #[test]
    fn kernels_agree_with_sums_in_f64_on_tokens(tokens in any_tokens()) {
        agree(&tokens.case())?;
    }
}

#[test]
#[cfg_attr(miri, ignore = "takes hours")]
fn kernels_agree_with_sums_in_f64_on_wide_rows() -> Result<(), TestCaseError> {
    agree(&Tokens::wide(2).case())?;
    let (layers, mut random) = (unet(5, 2, 4, &[1024], 8), Random(6));
    let (sample, film) = (random.numbers(2 * 8, 1.0), random.numbers(2 * layers.film_channels, 1.0));
    let expected = reference(&layers, 2, &sample, &film);
    agree(&Case { layers, batch: 2, sample, film, expected })
}

fn agree(Case { layers, batch, sample, film, expected }: &Case) -> Result<(), TestCaseError> {
    for kernel in available() {
        let mut results = (1..=3).map(|threads| {
            let mut program = Program::new(layers.clone(), kernel, threads).unwrap();
            run(&mut program, *batch, sample, film, expected.len())
        });
        let result = results.next().unwrap();
        let error = relative_error(&result, expected);
        prop_assert!(error < 3.0 * tolerance(kernel), "{kernel:?}: {error:e}");
        prop_assert!(results.all(|other| other == result), "{kernel:?} depends on the number of threads");
    }
    Ok(())
}

#[test]
fn a_whole_network_agrees_with_sums_in_f64() {
    let layers = unet(7, 2, 16, &[64, 128, 256], 8);
    let mut random = Random(11);
    for batch in [1, 2, 5, 16] {
        let sample = random.numbers(batch * 32, 1.0);
        let film = random.numbers(batch * layers.film_channels, 1.0);
        let expected = reference(&layers, batch, &sample, &film);
        for kernel in available() {
            let mut program = Program::new(layers.clone(), kernel, 2).unwrap();
            let result = run(&mut program, batch, &sample, &film, expected.len());
            let error = relative_error(&result, &expected);
            println!("{kernel:?} {batch}: {error:e}");
            assert!(error < tolerance(kernel), "{kernel:?}, batch {batch}: {error:e}");
            assert_eq!(result, run(&mut program, batch, &sample, &film, expected.len()), "{kernel:?}");
        }
    }
}

/// Rows of a batch do not affect each other, nor do batches of another size.
#[test]
fn rows_do_not_depend_on_each_other() {
    let layers = unet(3, 2, 16, &[32, 64], 8);
    let mut random = Random(5);
    let sample = random.numbers(20 * 32, 1.0);
    let film = random.numbers(20 * layers.film_channels, 1.0);
    for kernel in available() {
        let mut program = Program::new(layers.clone(), kernel, 2).unwrap();
        let all = run(&mut program, 20, &sample, &film, 20 * 32);
        for batch in [2, 7, 12] {
            let film = &film[..batch * layers.film_channels];
            let some = run(&mut program, batch, &sample[..batch * 32], film, batch * 32);
            assert_eq!(some, all[..batch * 32], "{kernel:?}");
        }
        assert_eq!(all, run(&mut program, 20, &sample, &film, 20 * 32), "{kernel:?}");
    }
}

#[test]
fn nan_stays_nan() {
    let layers = unet(3, 2, 8, &[16, 32], 8);
    for kernel in available() {
        let mut program = Program::new(layers.clone(), kernel, 1).unwrap();
        let film = vec![1.0; 2 * layers.film_channels];
        let mut sample = vec![0.5; 2 * 16];
        sample[3] = f32::NAN;
        let result = run(&mut program, 2, &sample, &film, 32);
        assert!(result[..16].iter().all(|x| x.is_nan()), "{kernel:?}");
        assert!(result[16..].iter().all(|x| x.is_finite()), "{kernel:?}");
    }
}

#[test]
fn nan_stays_nan_where_tokens_attend() {
    let Case { layers, batch, mut sample, film, expected } = Tokens::unmasked(2).case();
    let row = expected.len() / 2;
    for not_finite in [f32::NAN, f32::INFINITY] {
        sample[3] = not_finite;
        for kernel in available() {
            let mut program = Program::new(layers.clone(), kernel, 1).unwrap();
            let result = run(&mut program, batch, &sample, &film, expected.len());
            assert!(result[..row].iter().all(|x| x.is_nan()), "{kernel:?}");
            assert!(result[row..].iter().all(|x| x.is_finite()), "{kernel:?}");
        }
    }
}
