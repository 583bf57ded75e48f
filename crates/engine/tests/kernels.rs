//! Every kernel against sums in f64, on random networks.
#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

mod unet;

use parapolicy_engine::kernel::{Kernel, Program};
use parapolicy_engine::network::{Activation, Convolution, Film, Geometry, Layer, Layers};
use proptest::prelude::*;
use unet::{Random, reference, relative_error, unet};

fn available() -> impl Iterator<Item = Kernel> {
    Kernel::ALL.into_iter().filter(|kernel| kernel.is_available())
}

/// What the kernel may be off by, relative to the result.
fn tolerance(kernel: Kernel) -> f64 {
    if kernel == Kernel::Avx512Bf16 { 1e-2 } else { 1e-5 }
}

fn run(program: &mut Program, batch: usize, sample: &[f32], film: &[f32], len: usize) -> Vec<f32> {
    program.load(batch, |to_sample, to_film| {
        to_sample.copy_from_slice(sample);
        to_film.copy_from_slice(film);
    });
    let mut prediction = vec![0.0; len];
    program.run(&mut prediction);
    prediction
}

/// Two pointwise layers, then one of the kind in question on both of them, modulated, with a residual.
fn small(random: &mut Random, geometry: Geometry, shape: [usize; 4], groups: usize, parts: u8) -> Layers {
    let [positions, first, second, channels] = shape;
    let outputs =
        (1..).take_while(|&output| (0..geometry.taps).any(|tap| geometry.source(output - 1, tap, positions).is_some()));
    let outputs = match (geometry.transposed, geometry.stride) {
        (true, stride) => outputs.count().min(positions * stride),
        (false, stride) => outputs.count().min(positions.div_ceil(stride)),
    };
    let activation = |buffer, positions, channels| Activation { buffer, positions, channels };
    let sample = activation(0, positions, 3);
    let plain = |inputs: &[Activation], output, convolution: Convolution| Layer {
        inputs: inputs.to_vec(),
        output,
        convolution,
        norm: None,
        mish: false,
        film: None,
        residual: None,
    };
    let (a, b) = (activation(1, positions, first), activation(2, positions, second));
    let (c, d) = (activation(3, outputs, channels), activation(4, outputs, channels));
    let mut layers = vec![
        plain(&[sample], a, random.convolution(Geometry::POINTWISE, 3, first)),
        plain(&[sample], b, random.convolution(Geometry::POINTWISE, 3, second)),
        plain(&[a, b], c, random.convolution(geometry, first + second, channels)),
    ];
    let mut last = plain(&[b, a], d, random.convolution(geometry, first + second, channels));
    last.norm = (parts & 1 > 0).then(|| random.norm(channels, groups));
    last.mish = parts & 2 > 0;
    last.film = Some(Film { scale: (parts & 4 > 0).then_some(1), bias: (parts & 8 > 0).then_some(1 + channels) });
    last.residual = (parts & 16 > 0).then_some(c);
    layers.push(last);
    let buffers = vec![positions * 3, positions * first, positions * second, outputs * channels, outputs * channels];
    Layers { buffers, sample, prediction: d, layers, film_channels: 2 * channels + 1 }
}

fn geometry() -> impl Strategy<Value = Geometry> {
    let any = (1_usize..=6, 1_usize..=3, 0_usize..=3, any::<bool>()).prop_map(|(taps, stride, padding, transposed)| {
        Geometry { taps, stride, padding: padding.min(taps - 1), transposed }
    });
    prop_oneof![2 => any, 2 => Just(unet::SAME), 1 => Just(unet::SHRINK), 1 => Just(unet::GROW)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn kernels_agree_with_sums_in_f64(
        geometry in geometry(),
        positions in prop_oneof![1_usize..=16, Just(4), Just(8), Just(16)],
        channels in (1_usize..40, 1_usize..40),
        group in (1_usize..40, 1_usize..5),
        batch in 1_usize..=33,
        parts in 0_u8..32,
        seed: u64,
    ) {
        let mut random = Random(seed);
        let shape = [positions, channels.0, channels.1, group.0 * group.1];
        let layers = small(&mut random, geometry, shape, group.1, parts);
        prop_assume!(layers.prediction.positions > 0);
        let sample = random.numbers(batch * positions * 3, 1.0);
        let film = random.numbers(batch * layers.film_channels, 2.0);
        let expected = reference(&layers, batch, &sample, &film);
        // A group of few numbers can be all but constant: what is left of it is rounding.
        prop_assume!(parts & 1 == 0 || group.0 * layers.prediction.positions > 8);
        for kernel in available() {
            let mut results = (1..=3).map(|threads| {
                let mut program = Program::new(&layers, kernel, threads).unwrap();
                run(&mut program, batch, &sample, &film, expected.len())
            });
            let result = results.next().unwrap();
            let error = relative_error(&result, &expected);
            prop_assert!(error < 3.0 * tolerance(kernel), "{kernel:?}: {error:e}");
            prop_assert!(results.all(|other| other == result), "{kernel:?} depends on the number of threads");
        }
    }
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
            let mut program = Program::new(&layers, kernel, 2).unwrap();
            let result = run(&mut program, batch, &sample, &film, expected.len());
            let error = relative_error(&result, &expected);
            println!("{kernel:?} {batch}: {error:e}");
            assert!(error < tolerance(kernel), "{kernel:?}, batch {batch}: {error:e}");
            assert_eq!(result, run(&mut program, batch, &sample, &film, expected.len()), "{kernel:?}");
        }
    }
}

/// Rows of a batch, and batches of another size, do not disturb each other.
#[test]
fn rows_do_not_depend_on_each_other() {
    let layers = unet(3, 2, 16, &[32, 64], 8);
    let mut random = Random(5);
    let sample = random.numbers(20 * 32, 1.0);
    let film = random.numbers(20 * layers.film_channels, 1.0);
    for kernel in available() {
        let mut program = Program::new(&layers, kernel, 2).unwrap();
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
fn what_is_no_number_stays_none() {
    let layers = unet(3, 2, 8, &[16, 32], 8);
    for kernel in available() {
        let mut program = Program::new(&layers, kernel, 1).unwrap();
        let film = vec![1.0; 2 * layers.film_channels];
        let mut sample = vec![0.5; 2 * 16];
        sample[3] = f32::NAN;
        let result = run(&mut program, 2, &sample, &film, 32);
        assert!(result[..16].iter().all(|x| x.is_nan()), "{kernel:?}");
        assert!(result[16..].iter().all(|x| x.is_finite()), "{kernel:?}");
    }
}
