//! Encoders of images are recognised, and their features are ONNX Runtime's.
#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

#[path = "common/encoders.rs"]
mod common;

use common::{ENCODERS, NAMES, bytes, encoder, expected};
use parapolicy_engine::{Encoder, EncoderNames, EngineError, Graph, Precision, kernel::Kernel};

/// The largest difference, relative to the largest feature.
fn deviation(found: &[f32], expected: &[f32]) -> f32 {
    assert_eq!(found.len(), expected.len());
    let largest = |numbers: &mut dyn Iterator<Item = f32>| numbers.fold(0.0, |most: f32, x| most.max(x.abs()));
    largest(&mut found.iter().zip(expected).map(|(a, b)| a - b)) / largest(&mut expected.iter().copied())
}

#[test]
fn features_are_onnx_runtimes() {
    for name in ENCODERS {
        let (frames, features) = expected(name);
        for kernel in Kernel::ALL.into_iter().filter(|kernel| kernel.is_available()) {
            let precise = !matches!(kernel, Kernel::Avx512Bf16 | Kernel::AmxBf16);
            let mut first = None;
            for threads in 1..=3 {
                let mut encoder = Encoder::new(Graph::read(bytes(name)).unwrap(), &NAMES, kernel, threads).unwrap();
                let mut found = vec![0.0; features.len()];
                encoder.run(&frames, &mut found).unwrap();
                let deviation = deviation(&found, &features);
                println!("{name}, {kernel:?}: {deviation:.1e}");
                assert!(deviation < if precise { 1e-5 } else { 0.2 }, "{name}, {kernel:?}: {deviation:e}");
                assert_eq!(
                    first.get_or_insert_with(|| found.clone()),
                    &found,
                    "{name}: depends on the number of threads"
                );
            }
        }
    }
}

/// As many frames as share the reading of the weights, more, and fewer.
#[test]
fn frames_do_not_depend_on_each_other() {
    for name in ENCODERS {
        let (frames, _) = expected(name);
        let mut encoder = encoder(name);
        let (dim, size) = (encoder.frame_dim(), encoder.size());
        let many: Vec<f32> = frames.iter().copied().cycle().take(19 * dim).collect();
        let mut all = vec![0.0; 19 * size];
        encoder.run(&many, &mut all).unwrap();
        for frames in [1, 2, 5, 9] {
            let mut some = vec![0.0; frames * size];
            encoder.run(&many[..frames * dim], &mut some).unwrap();
            assert_eq!(some, all[..frames * size], "{name}");
        }
    }
}

#[test]
fn what_no_encoder_does_is_named() {
    let refusal = |name: &str, from: &str, to: &str| {
        assert_eq!(from.len(), to.len());
        let mut file = bytes(name);
        for at in 0..file.len() - from.len() {
            if &file[at..at + from.len()] == from.as_bytes() {
                file[at..at + to.len()].copy_from_slice(to.as_bytes());
            }
        }
        let graph = Graph::read(file).map_err(EngineError::from);
        let opened = graph.and_then(|graph| Encoder::new(graph, &NAMES, Kernel::fastest(Precision::F32), 1));
        opened.map_or_else(|error| error.to_string(), |_| "runs".into())
    };
    let unnamed = EncoderNames { features: "nothing", ..NAMES };
    let graph = Graph::read(bytes("plain")).unwrap();
    let found = [
        refusal("plain", "Relu", "Selu"),
        refusal("plain", "MaxPool", "MinPool"),
        refusal("plain", "strides", "strudel"),
        refusal("grouped", "InstanceNormalization", "InstanceNormalisation"),
        refusal("shared", "Softmax", "Hardmax"),
        refusal("rigid", "asymmetric", "half_pixel"),
        Encoder::new(graph, &unnamed, Kernel::fastest(Precision::F32), 1).unwrap_err().to_string(),
    ];
    insta::assert_snapshot!("encoders", found.join("\n"));
}

#[test]
fn frames_that_do_not_fit_are_refused() {
    let mut encoder = encoder("plain");
    let (dim, size) = (encoder.frame_dim(), encoder.size());
    assert!(encoder.run(&vec![0.0; dim + 1], &mut vec![0.0; size]).is_err());
    assert!(encoder.run(&vec![0.0; 2 * dim], &mut vec![0.0; size]).is_err());
    encoder.run(&[], &mut []).unwrap();
}
