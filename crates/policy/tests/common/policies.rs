//! Policies made of the small graphs in `fixtures`, for the tests of this crate and of those that run its policies.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]
#![allow(dead_code, reason = "every test binary uses some of it")]

use std::{
    error::Error,
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

pub fn fixture(name: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../policy/tests/fixtures")).join(name)
}

pub fn json(name: &str) -> Value {
    serde_json::from_str(&fs::read_to_string(fixture(name)).unwrap()).unwrap()
}

/// A policy with these bytes as its graph and a manifest whose checksum is right.
pub fn policy(graph: &[u8]) -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("denoiser.onnx"), graph).unwrap();
    let mut manifest = json("policy.json");
    manifest["denoiser"]["sha256"] = sum(graph).into();
    write_manifest(dir.path(), &manifest);
    dir
}

/// A policy whose denoiser sees what an encoder makes of observations.
pub fn encoded_policy(encoder: &str) -> TempDir {
    let dir = policy_from("encoded.onnx");
    let graph = fs::read(fixture(encoder)).unwrap();
    fs::write(dir.path().join("encoder.onnx"), &graph).unwrap();
    let mut manifest = serde_json::from_slice(&fs::read(dir.path().join("policy.json")).unwrap()).unwrap();
    describe_encoder(&mut manifest, &sum(&graph));
    write_manifest(dir.path(), &manifest);
    dir
}

/// A policy that is told tasks of these names: what is the third component of an observation elsewhere, 0 for the first, 1
/// for the second and so on.
pub fn told_policy(names: &[&str]) -> TempDir {
    let dir = policy_from("affine.onnx");
    let path = dir.path().join("policy.json");
    let mut manifest: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let identity = json!({ "mode": "identity" });
    manifest["observations"] = json!([{ "name": "agent", "shape": [2], "normalization": identity }]);
    let told = |(task, name)| json!({ "name": name, "instruction": format!("do {name}"), "embedding": [task] });
    manifest["tasks"] = names.iter().enumerate().map(told).collect();
    write_manifest(dir.path(), &manifest);
    dir
}

/// A policy whose plans hold observations.
pub fn inpainted_policy() -> TempDir {
    let dir = policy_from("inpainted.onnx");
    let path = dir.path().join("policy.json");
    let mut manifest: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    manifest["denoiser"].as_object_mut().unwrap().remove("observation").unwrap();
    write_manifest(dir.path(), &manifest);
    dir
}

pub fn describe_encoder(manifest: &mut Value, sha256: &str) {
    manifest["encoder"] = json!({
        "file": "encoder.onnx", "sha256": sha256, "observation": "observation", "features": "features", "size": 1
    });
}

pub fn sum(graph: &[u8]) -> String {
    Sha256::digest(graph).iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn policy_from(graph: &str) -> TempDir {
    policy(&fs::read(fixture(graph)).unwrap())
}

pub fn write_manifest(dir: &Path, manifest: &Value) {
    fs::write(dir.join("policy.json"), manifest.to_string()).unwrap();
}

/// The text of an error and of its causes, without the directory, which differs from run to run.
pub fn text(dir: &Path, error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text += &format!("\n  because {error}");
        cause = error.source();
    }
    text.replace(&dir.display().to_string(), "DIR")
}
