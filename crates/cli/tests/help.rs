//! What the program says of itself, held still.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use assert_cmd::Command;

fn help(arguments: &[&str]) -> String {
    let output = Command::cargo_bin("parapolicy").unwrap().args(arguments).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn help_texts() {
    insta::assert_snapshot!("help", help(&["--help"]));
    insta::assert_snapshot!("help-study-latency", help(&["study", "latency", "--help"]));
    for command in ["list", "check", "merge", "export"] {
        insta::assert_snapshot!(format!("help-demos-{command}"), help(&["demos", command, "--help"]));
    }
    for command in ["list", "install", "which"] {
        insta::assert_snapshot!(format!("help-runtime-{command}"), help(&["runtime", command, "--help"]));
    }
    for command in [
        "run",
        "bench",
        "calibrate",
        "tune",
        "compare",
        "merge",
        "sample",
        "modes",
        "serve",
        "replay",
        "view",
        "adopt",
        "inspect",
        "runtime",
    ] {
        insta::assert_snapshot!(format!("help-{command}"), help(&[command, "--help"]));
    }
}
