//! Graphs and batches that are refused, and the error texts.
#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

#[path = "common/graphs.rs"]
mod common;

use common::{NAMES, bytes};
use parapolicy_engine::{Engine, EngineError, Graph, Names, RunError};

fn refusal(file: Vec<u8>, names: &Names<'_>) -> String {
    let loaded = Graph::read(file).map_err(EngineError::from).and_then(|graph| Engine::new(graph, names));
    loaded.map_or_else(|error| error.to_string(), |_| "runs".into())
}

/// The file with the same number of other bytes, everywhere.
fn replaced(graph: &str, from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut file = bytes(graph);
    for at in 0..file.len() - from.len() {
        if &file[at..at + from.len()] == from.as_bytes() {
            file[at..at + to.len()].copy_from_slice(to.as_bytes());
        }
    }
    file
}

#[test]
fn operators_that_no_such_network_has_are_named() {
    let found = [
        refusal(replaced("plain", "Mish", "Selu"), &NAMES),
        refusal(replaced("fast", "Tanh", "Sinh"), &NAMES),
        refusal(replaced("fast", "Sigmoid", "Softmax"), &NAMES),
        refusal(replaced("traced", "Softplus", "Softsign"), &NAMES),
    ];
    insta::assert_snapshot!("operators", found.join("\n"));
}

#[test]
fn forms_that_no_such_network_has_are_named() {
    let found = [
        refusal(replaced("fast", "Log", "Neg"), &NAMES),
        refusal(replaced("fast", "Sigmoid", "Squeeze"), &NAMES),
        refusal(replaced("traced", "Concat", "Gather"), &NAMES),
        refusal(replaced("plain", "strides", "strudel"), &NAMES),
        refusal(replaced("plain", "ConvTranspose", "BatchNormaliz"), &NAMES),
        refusal(replaced("slices", "transB", "transA"), &NAMES),
    ];
    insta::assert_snapshot!("forms", found.join("\n"));
}

#[test]
fn forms_that_no_such_transformer_has_are_named() {
    let found = [
        refusal(replaced("tokens", "Softmax", "Sigmoid"), &NAMES),
        refusal(replaced("tokens", "LayerNormalization", "GroupNormalization"), &NAMES),
        refusal(replaced("tokens", "Erf", "Neg"), &NAMES),
        refusal(replaced("tokens", "Erf", "Abs"), &NAMES),
        refusal(replaced("tokens", "Split", "Shape"), &NAMES),
        refusal(replaced("encoded", "Transpose", "Unsqueeze"), &NAMES),
        refusal(replaced("causal", "Gelu", "Cosh"), &NAMES),
    ];
    insta::assert_snapshot!("transformers", found.join("\n"));
}

#[test]
fn forms_that_no_such_modulated_transformer_has_are_named() {
    let found = [
        refusal(replaced("turned", "Sigmoid", "Softmax"), &NAMES),
        refusal(replaced("turned", "Pow", "Add"), &NAMES),
        refusal(replaced("turned", "Pow", "Max"), &NAMES),
        refusal(replaced("turned", "Neg", "Sin"), &NAMES),
        refusal(replaced("placed", "Tanh", "Cosh"), &NAMES),
        refusal(replaced("placed", "LayerNormalization", "GroupNormalization"), &NAMES),
        refusal(replaced("both", "tanh", "sigm"), &NAMES),
        refusal(replaced("last", "Erf", "Abs"), &NAMES),
    ];
    insta::assert_snapshot!("modulated", found.join("\n"));
}

#[test]
fn names_that_the_graph_does_not_have_are_refused() {
    let names = [
        Names { sample: "nothing", ..NAMES },
        Names { timestep: "nothing", ..NAMES },
        Names { observation: "nothing", ..NAMES },
        Names { prediction: "nothing", ..NAMES },
        Names { sample: "timestep", timestep: "sample", ..NAMES },
        Names { prediction: "timestep", ..NAMES },
    ];
    let found = names.map(|names| refusal(bytes("plain"), &names));
    insta::assert_snapshot!("names", found.join("\n"));
}

#[test]
fn batches_that_do_not_fit_are_refused() {
    let mut engine = common::engine("plain");
    let (plan, seen) = (engine.sample_dim(), engine.observation_dim());
    let mut run = |plans: &[usize], samples: usize, timesteps: &[f32], prediction: usize| {
        engine.run(plans, &vec![0.0; samples], timesteps, &mut vec![0.0; prediction]).unwrap_err()
    };
    assert_eq!(run(&[0], plan, &[0.0], plan), RunError::Plan { plan: 0, bound: 0 });
    let length = |what, found, expected| RunError::Length { what, found, expected };
    assert_eq!(run(&[0, 0], plan, &[0.0], plan), length("the plans", 2, 1));
    assert_eq!(run(&[0], plan - 1, &[0.0], plan), length("the samples", plan - 1, plan));
    assert_eq!(run(&[0], plan, &[0.0], plan + 1), length("the prediction", plan + 1, plan));
    assert_eq!(engine.bind(&vec![0.0; seen + 1]), Err(length("the observations", seen + 1, seen)));
    engine.bind(&[]).unwrap();
    engine.run(&[], &[], &[], &mut []).unwrap();
}
