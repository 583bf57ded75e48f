//! The program in a directory where nothing of the repository is.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::fs;
use std::path::PathBuf;

use assert_cmd::Command;
use tempfile::TempDir;

struct Elsewhere(TempDir);

impl Elsewhere {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        fs::create_dir(folder.path().join("empty")).unwrap();
        Self(folder)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::cargo_bin("parapolicy").unwrap();
        command.current_dir(self.0.path().join("empty")).env("PARAPOLICY_CACHE", self.0.path().join("cache"));
        command.args(arguments);
        command
    }

    /// The files of the policies that were unpacked.
    fn unpacked(&self, name: &str) -> Vec<PathBuf> {
        let versions = fs::read_dir(self.0.path().join("cache/models").join(name)).unwrap();
        let folders: Vec<_> = versions.map(|version| version.unwrap().path()).collect();
        assert_eq!(folders.len(), 1);
        ["denoiser.onnx", "policy.json"].map(|file| folders[0].join(file)).into()
    }
}

const SHORT: [&str; 5] = ["run", "--solver=ddim", "--steps=4", "--episodes=1", "--sampler=sequential"];

#[test]
fn it_runs_in_an_empty_directory() {
    let elsewhere = Elsewhere::new();
    elsewhere.command(&SHORT).assert().success();
    assert!(elsewhere.0.path().join("empty/report/report.html").is_file());
    assert!(!elsewhere.0.path().join("empty/models").exists());

    // What became of the files meanwhile is mended.
    for file in elsewhere.unpacked("pusht") {
        let whole = fs::read(&file).unwrap();
        fs::write(&file, &whole[..whole.len() / 2]).unwrap();
        elsewhere.command(&["inspect", "models/pusht"]).assert().success();
        assert!(fs::read(&file).unwrap() == whole, "{}", file.display());
    }
}

#[test]
fn the_arm_and_scenarios_are_inside_too() {
    let elsewhere = Elsewhere::new();
    elsewhere.command(&[&SHORT[..], &["--environment=arm", "--out=arm"]].concat()).assert().success();
    elsewhere.unpacked("arm");
    elsewhere.command(&[&SHORT[..], &["--scenario=sims/shoved.toml", "--out=shoved"]].concat()).assert().success();
}

#[test]
fn what_is_not_there_is_told() {
    let elsewhere = Elsewhere::new();
    let told = |arguments: &[&str]| {
        let refused = elsewhere.command(arguments).assert().code(2);
        String::from_utf8(refused.get_output().stderr.clone()).unwrap()
    };
    let other = told(&["run", "--model=models/other"]);
    assert!(
        other.contains("models/other/policy.json: is not there; there is no such directory, seen from "),
        "{other}"
    );
    fs::write(elsewhere.0.path().join("file"), "").unwrap();
    let mut command = elsewhere.command(&["run"]);
    let refused = command.env("PARAPOLICY_CACHE", elsewhere.0.path().join("file")).assert().code(2);
    let told = String::from_utf8(refused.get_output().stderr.clone()).unwrap();
    let expected = "there is no such folder here, and the program's own cannot be unpacked to ";
    assert!(told.contains(expected), "{told}");
}
