//! What latency costs, in short: two episodes of three seconds.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::fs;
use std::path::Path;

use assert_cmd::Command;
use serde_json::Value;

const SCENARIO: &str = r#"
name = "short"
max_control_steps = 30
reset = { distribution = "diffusion-policy", order = "legacy" }
random_kicks = { probability = 0.1, displacement_std = 10.0, turn_std = 0.1 }
"#;

fn study(folder: &Path, arguments: &[&str]) -> Command {
    let scenario = folder.join("short.toml");
    fs::write(&scenario, SCENARIO).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let mut command = Command::cargo_bin("parapolicy").unwrap();
    command.current_dir(root).args(["study", "latency", "--solver=ddim", "--steps=4"]);
    if !arguments.iter().any(|argument| argument.starts_with("--episodes")) {
        command.arg("--episodes=2");
    }
    command.arg("--scenario").arg(scenario).arg("--out").arg(folder.join("study")).args(arguments);
    command
}

#[test]
fn a_study_compares_on_the_same_seeds() {
    let folder = tempfile::tempdir().unwrap();
    let run = || {
        let rules = "--rules=independent,exponential,queue:0.7";
        let arguments = ["--latencies=0ms,250ms,1s", "--intervals=8,3", "--late=hold", rules];
        let output = study(folder.path(), &arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let study = fs::read(folder.path().join("study/study.json")).unwrap();
        (serde_json::from_slice::<Value>(&study).unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    let ((first, table), (again, _)) = (run(), run());
    let groups = first["groups"].as_array().unwrap();
    let varied: Vec<_> = groups.iter().map(|group| group["varied"].as_str().unwrap()).collect();
    assert_eq!(varied, ["latency", "latency", "latency", "replan", "sampler"]);
    let rules: Vec<_> = groups.iter().map(|group| group["rule"].as_str().unwrap()).collect();
    assert_eq!(rules, ["independent", "exponential", "queue:0.7", "independent", "independent"]);
    let shown = |group: usize, field: &str| -> Vec<Value> {
        groups[group]["rows"].as_array().unwrap().iter().map(|row| row[field].clone()).collect()
    };
    assert_eq!(shown(0, "latency_ms"), [0.0, 250.0, 1000.0]);
    assert_eq!(shown(3, "replan"), ["8", "3"]);
    assert_eq!(shown(4, "latency_ms"), [Value::Null, Value::Null]);
    for group in 0..4 {
        assert_eq!(first["groups"][group], again["groups"][group], "stated latencies: the same figures again");
    }
    let jump = |group: usize| groups[group]["rows"][1]["result"]["timing"]["smoothness"]["jump_rms"].as_f64().unwrap();
    assert!(jump(0) != jump(1) && jump(1) > 0.0, "a rule makes a difference: {} and {}", jump(0), jump(1));

    let rows = groups[0]["rows"].as_array().unwrap();
    assert_eq!(rows[0]["result"]["reward_difference"], Value::Null);
    assert!(rows[2]["result"]["reward_difference"]["mean"].is_f64());
    let ages: Vec<f64> =
        rows.iter().map(|row| row["result"]["timing"]["observation_age_ms"]["p50"].as_f64().unwrap()).collect();
    assert!(ages.is_sorted() && ages[0] < ages[2], "{ages:?}");
    assert!(
        table.contains("reward of picard against sequential: too few episodes") && table.contains("short"),
        "{table}"
    );
    let html = fs::read_to_string(folder.path().join("study/study.html")).unwrap();
    assert!(
        html.contains("reward of picard against sequential: too few episodes")
            && html.contains("Reward against latency")
    );
    let svg = fs::read_to_string(folder.path().join("study/study.svg")).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains("sequential") && svg.contains("reward against interval"));
}

#[test]
fn what_cannot_be_studied_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        ("--latencies=2h", "more than an hour of latency is not simulated"),
        ("--latencies=12", "time unit"),
        ("--intervals=0", "0 is not in 1.."),
        ("--scenario=no.toml", "no.toml"),
        ("--rules=mix", "`mix` is not one of `independent`"),
    ];
    for (argument, expected) in cases {
        let output = study(folder.path(), &[argument]).output().unwrap();
        let line = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{line}");
        assert!(line.contains(expected), "{argument}: {line}");
    }
    assert!(!folder.path().join("study").exists());
}

/// As `run` does: minutes of measuring are not lost with the files.
#[test]
fn what_was_measured_is_told_where_there_is_no_room_for_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let study = study(folder.path(), &["--episodes=1", "--latencies=0ms", "--intervals=8"]);
    let mut limited = Command::new("bash");
    // Files of 8 KiB at most.
    limited.current_dir(study.get_current_dir().unwrap());
    limited.args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$@\"", "limited"]);
    let output = limited.arg(study.get_program()).args(study.get_args()).output().unwrap();
    let (told, error) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(output.status.code(), Some(1), "{error}");
    assert!(error.contains("study.html: could not be written"), "{error}");
    assert!(told.contains("short") && told.contains("picard") && !told.contains("written to"), "{told}");
    assert!(!folder.path().join("study/study.html").exists());
}

#[test]
fn parts_that_are_merged_are_the_whole_study() {
    let folder = tempfile::tempdir().unwrap();
    // Latencies that are stated: those of samplers are what the clock says.
    let conditions = ["--latencies=0ms,250ms", "--intervals=8", "--episodes=3"];
    let played = |name: &str, shard: &[&str]| {
        let folder = folder.path().join(name);
        fs::create_dir(&folder).unwrap();
        study(&folder, &[&conditions, shard].concat()).assert().success();
        folder.join("study/study.json")
    };
    let whole = read(&played("whole", &[]));
    let parts = ["1/3", "2/3", "3/3"].map(|shard| played(&shard.replace('/', "-"), &["--shard", shard]));
    let merge = |parts: &[&Path]| {
        let out = folder.path().join("merged");
        let mut command = Command::cargo_bin("parapolicy").unwrap();
        command.args(["study", "merge", "--out"]).arg(&out).args(parts).assert().success();
        assert!(fs::read_to_string(out.join("study.html")).unwrap().contains("merged from"));
        read(&out.join("study.json"))
    };
    let [one, two, three] = &parts;
    let merged = merge(&[three, one, two]);
    for group in 0..2 {
        assert_eq!(merged["groups"][group], whole["groups"][group], "stated latencies: the same figures");
    }
    assert_eq!(merged["parts"].as_array().unwrap().len(), 3);
    assert_eq!(merge(&[one, three])["missing"], serde_json::json!([{ "first": 100_001, "last": 100_001 }]));

    let refused = |arguments: &[&Path]| {
        let mut command = Command::cargo_bin("parapolicy").unwrap();
        let output = command.args(["study", "merge"]).args(arguments).assert().code(2).get_output().clone();
        String::from_utf8(output.stderr).unwrap()
    };
    let twice = refused(&[one, one]);
    assert!(twice.contains("has the episode of seed 100000 by"), "{twice}");
    let report = folder.path().join("report.json");
    fs::write(&report, "{\"schema_version\": 1, \"groups\": []}").unwrap();
    let no_study = refused(&[&report]);
    assert!(no_study.contains("report.json: is not a report: missing field `command`"), "{no_study}");
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}
