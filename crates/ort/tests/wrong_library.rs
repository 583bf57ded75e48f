//! Libraries that are not ONNX Runtime. Nothing is ever loaded in this process, or there could be no second try.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

#[path = "../../policy/tests/common/policies.rs"]
mod policies;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use parapolicy_ort::{ExecutionProvider, Runtime, RuntimeError};
use policies::text;
use tempfile::TempDir;

fn refusal(library: &Path) -> RuntimeError {
    Runtime::find_or_install(ExecutionProvider::Cpu, Some(library), &()).unwrap_err()
}

/// Compiles a library with this source.
fn compile(dir: &TempDir, source: &Path) -> PathBuf {
    let library = dir.path().join("libonnxruntime.so");
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let status = Command::new(rustc)
        .args(["--edition", "2024", "--crate-type", "cdylib", "-o"])
        .arg(&library)
        .arg(source)
        .status()
        .unwrap();
    assert!(status.success());
    library
}

#[test]
fn a_missing_library_is_named() {
    let dir = TempDir::new().unwrap();
    let error = refusal(&dir.path().join("libonnxruntime.so"));
    insta::assert_snapshot!("missing", text(dir.path(), &error));
    assert!(matches!(refusal(dir.path()), RuntimeError::NoLibrary { .. }), "a directory is no library");
}

#[test]
fn a_file_that_is_no_library_is_named() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("libonnxruntime.so");
    fs::write(&path, "not a library").unwrap();
    let error = refusal(&path);
    assert!(matches!(error, RuntimeError::Load { .. }));
    // The loader's own words differ between systems.
    let text = text(dir.path(), &error);
    assert!(text.starts_with("DIR/libonnxruntime.so: cannot be used as ONNX Runtime"), "{text}");
}

#[test]
fn another_library_is_named() {
    let dir = TempDir::new().unwrap();
    let source = dir.path().join("empty.rs");
    fs::write(&source, "").unwrap();
    let library = compile(&dir, &source);
    insta::assert_snapshot!("another", text(dir.path(), &refusal(&library)));
}

#[test]
fn an_old_library_is_named() {
    let dir = TempDir::new().unwrap();
    let library = compile(&dir, Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/old_runtime.rs")));
    let text = text(dir.path(), &refusal(&library));
    assert!(text.contains("1.17") && text.contains("1.10.0"), "{text}");
}
