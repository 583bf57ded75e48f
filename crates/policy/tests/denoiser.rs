//! Denoisers that are no policies: their manifests, and what is adopted as one.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

#[path = "common/policies.rs"]
mod policies;

use std::fs;

use parapolicy_policy::{DENOISER_MANIFEST_FILE, DenoiserManifest, Inference, Manifest, Network, RoleNames, adopt};
use policies::{fixture, text};
use serde_json::{Value, json};

fn manifest() -> Value {
    json!({
        "schema_version": 1,
        "name": "images",
        "sample": {"shape": [2, 2, 3], "range": [-1, 1]},
        "condition": {"input": "label", "classes": 10},
        "scheduler": {
            "num_train_timesteps": 1000, "beta_schedule": "linear", "beta_start": 0.0001, "beta_end": 0.02,
            "prediction_type": "epsilon"
        },
        "denoiser": {
            "file": "denoiser.onnx", "sha256": "0".repeat(64), "sample": "sample", "timestep": "timestep",
            "prediction": "prediction"
        }
    })
}

/// What is said of a manifest in which a field has another value.
fn said(pointer: &str, value: Value) -> String {
    let folder = tempfile::tempdir().unwrap();
    let mut manifest = manifest();
    *manifest.pointer_mut(pointer).unwrap() = value;
    fs::write(folder.path().join(DENOISER_MANIFEST_FILE), manifest.to_string()).unwrap();
    match DenoiserManifest::load(folder.path()) {
        Ok(_) => "taken".into(),
        Err(error) => text(folder.path(), &error),
    }
}

#[test]
fn fields_that_make_no_sense_are_named() {
    assert_eq!(said("/name", json!("others")), "taken");
    for (pointer, value, named) in [
        ("/schema_version", json!(2), "`schema_version` is 2, this program reads version 1"),
        ("/sample/shape", json!([]), "`sample.shape` is empty"),
        ("/sample/shape", json!([3, 0]), "`sample.shape` is [3, 0], every size must be at least 1"),
        ("/sample/shape", json!([4096, 4096]), "`sample.shape` asks for 16777216 numbers, more than 1048576"),
        ("/sample/range", json!([1, 1]), "`sample.range` is [1, 1], but must be two finite numbers"),
        ("/condition", json!({"input": "label"}), "`condition` must have one of `classes`"),
        ("/condition", json!({"input": "x", "classes": 2, "shape": [1]}), "`condition` must have one of `classes`"),
        ("/condition", json!({"input": "x", "shape": []}), "`condition.shape` is empty"),
        ("/condition/classes", json!(0), "`condition.classes` is 0, must be 1 to"),
        ("/condition/input", json!("sample"), "`condition.input` names an input that `denoiser` names, too"),
        ("/condition/input", json!(""), "`condition.input` is empty"),
        ("/scheduler/num_train_timesteps", json!(0), "`scheduler.num_train_timesteps` is 0"),
        ("/denoiser/file", json!("../denoiser.onnx"), "`denoiser.file` is \"../denoiser.onnx\", but must be the name"),
        ("/sample", json!({"shape": [1], "range": [0, 1], "channels": 3}), "unknown field `channels`"),
        ("/name", json!("FILL IN: a name"), "still to be filled in: `name`"),
    ] {
        let said = said(pointer, value);
        assert!(said.starts_with("DIR/denoiser.json: ") && said.contains(named), "{pointer}: {said}");
    }
    let mut observed = manifest()["denoiser"].clone();
    observed["observation"] = json!("label");
    let said = said("/denoiser", observed);
    assert!(
        said.contains("`denoiser.observation` is a policy's; name what this graph sees in `condition.input`"),
        "{said}"
    );
}

#[test]
fn a_denoiser_is_no_policy() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(DENOISER_MANIFEST_FILE), manifest().to_string()).unwrap();
    assert!(DenoiserManifest::is_in(folder.path()));
    let provider = Inference::default().open(&()).unwrap();
    let said = text(folder.path(), &Network::load(folder.path(), &provider).unwrap_err());
    assert!(said.starts_with("DIR/denoiser.json: describes a denoiser that is no policy"), "{said}");
    fs::copy(fixture("policy.json"), folder.path().join("policy.json")).unwrap();
    assert!(!DenoiserManifest::is_in(folder.path()) && Manifest::load(folder.path()).is_ok());
}

#[test]
fn graphs_of_images_are_adopted() {
    for (graph, condition) in [
        ("image", None),
        ("image_label", Some(json!({"input": "label", "classes": 7}))),
        ("image_context", Some(json!({"input": "context", "shape": [5, 2]}))),
    ] {
        let adoption = adopt(&fixture(&format!("{graph}.onnx")), graph, &RoleNames::default()).unwrap();
        assert_eq!(adoption.manifest_file(), DENOISER_MANIFEST_FILE);
        assert!(adoption.refusal.as_ref().unwrap().to_string().contains("is no policy"));
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        adoption.write(&out).unwrap();
        let said = text(&out, &DenoiserManifest::load(&out).unwrap_err());
        assert!(
            said.starts_with("DIR/denoiser.json: still to be filled in: ") && said.contains("`sample.range`"),
            "{said}"
        );

        let mut filled: Value = serde_json::from_str(adoption.manifest()).unwrap();
        assert_eq!(filled["sample"]["shape"], json!([2, 2, 3]));
        filled["sample"]["range"] = json!([0, 1]);
        filled["scheduler"] = manifest()["scheduler"].clone();
        if filled["condition"].get("classes").is_some() {
            filled["condition"]["classes"] = json!(7);
        }
        fs::write(out.join(DENOISER_MANIFEST_FILE), filled.to_string()).unwrap();
        let manifest = DenoiserManifest::load(&out).unwrap();
        assert_eq!(serde_json::to_value(&manifest.condition).unwrap(), condition.unwrap_or_default());
        assert_eq!(manifest.signature().sample_dim(), 12);
    }
}
