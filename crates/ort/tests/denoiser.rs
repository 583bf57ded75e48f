//! Denoisers that are no policies, on ONNX Runtime, against the closed form of their graphs (`policy/tests/fixtures/make.py`).

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

#[path = "../../policy/tests/common/policies.rs"]
mod policies;

use std::fs;

use ndarray::{Array2, array};
use parapolicy_ort::{CPU, backends};
use parapolicy_policy::{DenoiserNetwork, Inference, NATIVE, PolicyError, inspect_denoiser, sha256_of};
use parapolicy_sampler::{BatchedDenoiser as _, Denoiser as _, Noise, Sampler, Solver, Strategy, Table};
use policies::{fixture, text};
use serde_json::{Value, json};
use tempfile::TempDir;

/// 0.5 · sample + 0.01 · timestep + 0.25 · condition
fn closed_form(sample: f32, timestep: f32, condition: f32) -> f32 {
    0.5 * sample + 0.01 * timestep + 0.25 * condition
}

fn folder(graph: &str, condition: Option<Value>) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let copied = folder.path().join("denoiser.onnx");
    fs::copy(fixture(&format!("{graph}.onnx")), &copied).unwrap();
    let mut manifest = json!({
        "schema_version": 1,
        "name": graph,
        "sample": {"shape": [2, 2, 3], "range": [-1, 1]},
        "scheduler": {
            "num_train_timesteps": 100, "beta_schedule": "squaredcos_cap_v2", "prediction_type": "epsilon"
        },
        "denoiser": {
            "file": "denoiser.onnx", "sha256": sha256_of(&copied).unwrap(), "sample": "sample",
            "timestep": "timestep", "prediction": "prediction"
        }
    });
    if let Some(condition) = condition {
        manifest["condition"] = condition;
    }
    fs::write(folder.path().join("denoiser.json"), manifest.to_string()).unwrap();
    folder
}

fn labelled() -> TempDir {
    folder("image_label", Some(json!({"input": "label", "classes": 10})))
}

fn load(folder: &TempDir) -> Result<DenoiserNetwork, PolicyError> {
    let provider = Inference { provider: CPU, threads: 1, ..backends().inference() }.open(&()).unwrap();
    DenoiserNetwork::load(folder.path(), &provider)
}

#[test]
fn every_row_is_denoised_for_its_own_condition() {
    let context = Array2::from_shape_fn((3, 10), |(row, at)| (row * 10 + at) as f64 / 10.0);
    let labels = array![[3.0], [0.0], [9.0]];
    for (folder, conditions) in [
        (folder("image", None), Array2::zeros((3, 0))),
        (labelled(), labels),
        (folder("image_context", Some(json!({"input": "context", "shape": [5, 2]}))), context),
    ] {
        let mut network = load(&folder).unwrap();
        let samples = Array2::from_shape_fn((4, 12), |(row, at)| (row * 12 + at) as f32 / 48.0);
        let (plans, timesteps) = ([0, 1, 1, 2], [5.0, 50.0, 7.0, 99.0]);
        let mut prediction = Array2::zeros((4, 12));
        let mut bound = network.bind_batched(conditions.view()).unwrap();
        bound.predict_batched(&plans, samples.view(), &timesteps, prediction.view_mut()).unwrap();
        for ((row, at), &found) in prediction.indexed_iter() {
            let condition = conditions.row(plans[row]).sum() as f32;
            let expected = closed_form(samples[[row, at]], timesteps[row], condition);
            assert!((found - expected).abs() < 1e-5, "row {row}: {found}, not {expected}");
        }

        // One at a time, after another condition.
        let mut alone = Array2::zeros((2, 12));
        let rows = samples.slice(ndarray::s![1..3, ..]);
        let mut bound = network.bind(conditions.row(1)).unwrap();
        bound.predict(rows, &timesteps[1..3], alone.view_mut()).unwrap();
        assert!(alone.iter().zip(prediction.slice(ndarray::s![1..3, ..])).all(|(a, b)| (a - b).abs() < 1e-6));
    }
}

#[test]
fn samples_depend_on_their_labels() {
    let folder = labelled();
    let mut network = load(&folder).unwrap();
    let table = Table::new(&network.signature().scheduler, Solver::Ddpm, 20).unwrap();
    let mut sampler = Sampler::new(table, Strategy::sequential(), 12).unwrap();
    let noise = Noise::draw(1, 20, 12);
    let mut draw = |label: f64| {
        let mut bound = network.bind(array![label].view()).unwrap();
        sampler.sample(&mut bound, &noise).unwrap().sample().to_owned()
    };
    let (first, again, other) = (draw(2.0), draw(2.0), draw(3.0));
    assert_eq!(first, again);
    assert!(first.iter().zip(&other).any(|(a, b)| (a - b).abs() > 1e-2));
}

#[test]
fn conditions_that_do_not_fit_are_named() {
    let folder = labelled();
    let mut network = load(&folder).unwrap();
    for (conditions, named) in [
        (array![[1.0], [10.0]], "the label of sample 1 is 10, but must be a class of the denoiser, 0 to 9"),
        (array![[-1.0]], "the label of sample 0 is -1"),
        (array![[0.5]], "the label of sample 0 is 0.5"),
        (array![[f64::NAN]], "the label of sample 0 is NaN"),
        (array![[1.0, 2.0]], "the condition has 2 numbers, but the graph sees 1"),
        (Array2::zeros((0, 1)), "there are none"),
    ] {
        let said = network.bind_batched(conditions.view()).unwrap_err().to_string();
        assert!(said.contains(named), "{said}");
    }
    let folder = self::folder("image_context", Some(json!({"input": "context", "shape": [5, 2]})));
    let mut context = Array2::zeros((2, 10));
    context[[1, 4]] = f64::INFINITY;
    let said = load(&folder).unwrap().bind_batched(context.view()).unwrap_err().to_string();
    assert!(said.starts_with("the condition of sample 1: number 4 is inf"), "{said}");
}

#[test]
fn graphs_that_are_not_what_the_manifest_says_are_refused() {
    for (folder, named) in [
        (folder("image_label", None), "has 3 inputs, the last `label`, but must have two"),
        (
            folder("image", Some(json!({"input": "label", "classes": 3}))),
            "has no input `label`, which denoiser.json names as `condition.input`",
        ),
        (
            folder("image_label", Some(json!({"input": "label", "shape": [1]}))),
            "has elements of type i64, but must have f32",
        ),
        (
            folder("image_context", Some(json!({"input": "context", "classes": 4}))),
            "has elements of type f32, but must have i64",
        ),
        (
            folder("image_context", Some(json!({"input": "context", "shape": [2, 5]}))),
            "has shape [?, 5, 2] in the graph, but denoiser.json asks for [batch, 2, 5]",
        ),
        (folder("affine", Some(json!({"input": "observation", "shape": [2, 3]}))), "has shape [?, 4, 2] in the graph"),
    ] {
        let said = text(folder.path(), &load(&folder).unwrap_err());
        assert!(said.starts_with("DIR/denoiser.onnx: ") && said.contains(named), "{said}");
    }
}

#[test]
fn the_engine_refuses_what_is_no_policy_and_names_who_runs_it() {
    let folder = labelled();
    let provider = Inference { provider: NATIVE, threads: 1, ..Inference::default() }.open(&()).unwrap();
    let said = text(folder.path(), &DenoiserNetwork::load(folder.path(), &provider).unwrap_err());
    assert!(said.contains("use the provider cpu"), "{said}");
}

#[test]
fn a_denoiser_is_described() {
    let folder = labelled();
    let provider = Inference { provider: CPU, threads: 1, ..backends().inference() }.open(&()).unwrap();
    let described = inspect_denoiser(folder.path(), &provider).unwrap();
    assert_eq!((described.graph.inputs.len(), &described.graph.mismatch), (3, &None));
    assert!(described.graph.sha256_matches);
}
