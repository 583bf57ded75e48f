//! A run divided among machines, and put together again.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use serde_json::{Value, json};

const SCENARIO: &str = r#"
name = "short"
max_control_steps = 24
reset = { distribution = "diffusion-policy", order = "legacy" }
"#;

fn program() -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let mut command = Command::cargo_bin("parapolicy").unwrap();
    command.current_dir(root);
    command
}

/// Seven episodes, of which a shard is played; the report.
fn run(folder: &Path, name: &str, arguments: &[&str], task: Option<(&str, &str)>) -> PathBuf {
    let (scenario, out) = (folder.join("short.toml"), folder.join(name));
    fs::write(&scenario, SCENARIO).unwrap();
    let mut command = program();
    command.args(["run", "--solver=ddim", "--steps=4", "--episodes=7", "--only=report.json", "--scenario"]);
    command.arg(scenario).arg("--out").arg(&out).args(arguments);
    if let Some((name, value)) = task {
        command.env(name, value);
    }
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(fs::read_dir(&out).unwrap().count(), 1, "one file was asked for");
    out.join("report.json")
}

fn merge(folder: &Path, reports: &[&Path]) -> Value {
    let out = folder.join("merged");
    let output = program().arg("merge").args(reports).arg("--out").arg(&out).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.contains(&format!("merged from {} reports", reports.len())), "{table}");
    assert!(fs::read_to_string(out.join("report.html")).unwrap().contains("merged from"));
    read(&out.join("report.json"))
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// A report's samplers without what the wall's clock says.
fn figures(report: &Value) -> Value {
    let mut samplers = report["samplers"].clone();
    for sampler in samplers.as_array_mut().unwrap() {
        for name in ["throughput", "sampling_latency_ms", "per_action_latency_ms", "speedup"] {
            assert!(sampler.as_object_mut().unwrap().remove(name).is_some(), "{name}");
        }
        for name in ["per_action", "time"] {
            assert!(sampler["tally"].as_object_mut().unwrap().remove(name).is_some(), "{name}");
        }
    }
    samplers
}

#[test]
fn shards_that_are_merged_are_the_whole_run() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for clock in [&["--clock=virtual", "--latency=150ms"][..], &["--rounds=2"]] {
        let whole = read(&run(folder, "whole", clock, None));
        let one = run(folder, "one", &[clock, &["--shard=1/3"]].concat(), None);
        let two = run(folder, "two", &[clock, &["--shard=/3"]].concat(), Some(("SLURM_ARRAY_TASK_ID", "2")));
        let three = run(folder, "three", &[clock, &["--shard=/3"]].concat(), Some(("JOB_COMPLETION_INDEX", "2")));
        let merged = merge(folder, &[&three, &one, &two]);
        assert_eq!(figures(&merged), figures(&whole));
        let shared = ["model", "environment", "scenario", "solver", "steps", "environments", "in_time", "roofline"];
        assert!(shared.iter().all(|field| merged[*field] == whole[*field]));
        assert_eq!(merged["parts"][1]["seeds"], json!({ "first": 100_002, "last": 100_003 }));

        let some = merge(folder, &[&one, &three]);
        assert_eq!(some["missing"], json!([{ "first": 100_002, "last": 100_003 }]));
    }
}

#[test]
fn what_is_no_part_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let (one, other) = (run(folder, "one", &["--shard=1/7"], None), run(folder, "b", &["--shard=1/7"], None));
    let refused = |arguments: &[&str], problem: &str| {
        let output = program().args(arguments).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains(problem), "{said}");
    };
    let [one, other] = [&one, &other].map(|path| path.to_str().unwrap());
    let out = folder.join("out");
    let out = out.to_str().unwrap();
    refused(&["merge", one, other, "--out", out], "has the episode of seed 100000 by sequential");
    refused(&["merge", "no.json", "--out", out], "no.json: cannot be read");
    refused(&["run", "--shard=8/7", "--out", out], "there is no shard 8 of 7");
    refused(&["run", "--shard=3", "--out", out], "is no K/N");
    refused(&["run", "--shard=1/11", "--episodes=10", "--out", out], "1/11 of 10 episodes has none");
    refused(&["run", "--shard=/4", "--out", out], "neither SLURM_ARRAY_TASK_ID (tasks 1-4)");
    refused(&["run", "--only=report.xml", "--out", out], "report.xml");
    assert!(!Path::new(out).exists());
}
