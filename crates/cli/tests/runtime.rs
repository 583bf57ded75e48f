//! `runtime`, in a cache of its own and with a pip of its own: nothing is downloaded.

#![cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use tempfile::TempDir;

/// An empty cache, and a search path on which the only program is a `python3` that does what the script says.
struct Scene(TempDir);

impl Scene {
    fn new(python: &str) -> Self {
        let scene = Self(tempfile::tempdir().unwrap());
        fs::write(scene.path("python3"), format!("#!/bin/sh\n{python}\n")).unwrap();
        fs::set_permissions(scene.path("python3"), Permissions::from_mode(0o755)).unwrap();
        scene
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Exit code, and all that was said, without the folder, which differs from run to run.
    fn run(&self, arguments: &[&str]) -> String {
        self.run_with(arguments, "")
    }

    fn run_with(&self, arguments: &[&str], library: &str) -> String {
        let mut command = Command::cargo_bin("parapolicy").unwrap();
        command.env("PARAPOLICY_CACHE", self.path("cache")).env("PATH", self.0.path()).env("ORT_DYLIB_PATH", library);
        command.env("LD_LIBRARY_PATH", self.0.path());
        let output = command.arg("runtime").args(arguments).output().unwrap();
        let said = [output.stdout, output.stderr].map(|said| String::from_utf8(said).unwrap()).concat();
        let said = said.replace(&self.0.path().display().to_string(), "DIR");
        format!("{}: {} ({})", arguments.join(" "), said.trim_end(), output.status.code().unwrap())
    }

    /// Makes believe that a library is there.
    fn install(&self, library: &str) {
        let library = self.path("cache/onnxruntime").join(library);
        fs::create_dir_all(library.parent().unwrap()).unwrap();
        fs::write(&library, "a library").unwrap();
        // What `sha256sum` says of it: an installation has the sums of its libraries beside them.
        let sum = "4d7f1b0d6d1d0a1b";
        let name = library.file_name().unwrap().to_str().unwrap();
        fs::write(library.with_file_name("SHA256SUMS"), format!("{sum}  {name}\n")).unwrap();
    }
}

/// The rows of a table, without borders and padding: the folder's name has another length elsewhere.
fn rows(table: &str) -> Vec<String> {
    let rows = table.lines().filter(|line| line.starts_with('│'));
    rows.map(|row| row.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

/// Compiles an empty library of this name.
fn compile(scene: &Scene, name: &str) {
    fs::write(scene.path("empty.rs"), "").unwrap();
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let mut command = std::process::Command::new(rustc);
    let status = command.args(["--edition", "2024", "--crate-type", "cdylib", "-o"]);
    assert!(status.arg(scene.path(name)).arg(scene.path("empty.rs")).status().unwrap().success());
}

const OPENVINO: &str = "openvino-1.24.1/libonnxruntime.so.1.24.1";

#[test]
fn what_can_be_installed_is_listed() {
    let scene = Scene::new("exit 1");
    let mut listed = rows(&scene.run(&["list"]));
    scene.install(OPENVINO);
    listed.extend(rows(&scene.run(&["list"])));
    insta::assert_snapshot!("runtime-list", listed.join("\n"));
}

#[test]
fn what_is_installed_is_not_installed_again() {
    let scene = Scene::new("exit 1");
    scene.install(OPENVINO);
    assert_eq!(scene.run(&["install", "openvino"]), format!("install openvino: DIR/cache/onnxruntime/{OPENVINO} (0)"));
}

#[test]
fn what_keeps_from_installing_is_said() {
    let scene = Scene::new("echo 'ERROR: No matching distribution found' >&2; exit 1");
    let mut said: Vec<_> = ["openvino", "native", "metal"].iter().map(|name| scene.run(&["install", name])).collect();
    fs::remove_file(scene.path("python3")).unwrap();
    said.push(scene.run(&["install", "cpu"]));
    insta::assert_snapshot!("runtime-install", said.join("\n"));
    assert_eq!(fs::read_dir(scene.path("cache/onnxruntime/openvino-1.24.1")).unwrap().count(), 1, "the lock");
}

/// No GPU is needed to be told what is missing: an empty library stands in for the driver.
#[test]
fn what_a_gpu_lacks_is_said() {
    let scene = Scene::new("echo 'ERROR: No matching distribution found' >&2; exit 1");
    let mut said = Vec::new();
    // A machine that has the driver has nothing to say here.
    if !Path::new("/proc/driver/nvidia/version").exists() {
        said.extend(["cuda", "tensorrt"].map(|provider| scene.run(&["which", provider])));
        insta::assert_snapshot!("runtime-driver", said.join("\n"));
    }
    compile(&scene, "libcuda.so.1");
    let mut said = vec![scene.run(&["which", "cuda"]), scene.run(&["install", "tensorrt"])];
    scene.install("cuda-1.31.1/libonnxruntime.so.1.31.1");
    said.push(scene.run(&["which", "cuda"]));
    insta::assert_snapshot!("runtime-gpu", said.join("\n"));
}

#[test]
fn what_would_be_used_is_shown() {
    let scene = Scene::new("exit 1");
    let mut said = vec![scene.run(&["which", "openvino"]), scene.run(&["which", "native"])];
    said.push(scene.run_with(&["which", "openvino"], "/nowhere/libonnxruntime.so"));
    said.push(scene.run(&["which", "--ort-lib=/nowhere/libonnxruntime.so"]));
    insta::assert_snapshot!("runtime-which", said.join("\n"));
}
