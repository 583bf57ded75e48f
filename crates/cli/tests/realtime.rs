//! `run` where the world does not wait, on the shipped policy.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a helper that fails is a test that fails")]

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use parapolicy_eval::{EpisodeReport, Report, SamplerReport};

/// Episodes are short: what they earn is not the question.
const SCENARIO: &str = r#"
name = "short"
max_control_steps = 40
reset = { distribution = "diffusion-policy", order = "legacy" }
"#;

fn run(out: &Path, arguments: &[&str]) -> Command {
    let scenario = out.with_extension("toml");
    fs::write(&scenario, SCENARIO).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let mut command = Command::cargo_bin("parapolicy").unwrap();
    command.current_dir(root).args(["run", "--solver=ddim", "--steps=8", "--episodes=1", "--sampler=picard"]);
    command.arg("--out").arg(out).arg("--scenario").arg(scenario).args(arguments);
    command
}

/// The report, its bytes, and what was printed.
fn report(out: &Path, arguments: &[&str]) -> (Report, Vec<u8>, String) {
    let output = run(out, arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let bytes = fs::read(out.join("report.json")).unwrap();
    (serde_json::from_slice(&bytes).unwrap(), bytes, String::from_utf8(output.stdout).unwrap())
}

fn only(report: &Report) -> &SamplerReport {
    let [sampler] = &report.samplers[..] else { panic!("one sampler was asked for") };
    sampler
}

fn episodes(report: &Report) -> &[EpisodeReport] {
    &only(report).episodes
}

#[track_caller]
fn refused(arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let output = run(&folder.path().join("report"), arguments).output().unwrap();
    assert!(!folder.path().join("report").exists());
    assert_eq!(output.status.code(), Some(2));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn the_virtual_clock_gives_the_same_bytes_again() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("report");
    let stated = ["--clock=virtual", "--latency=230ms", "--replan=4", "--late=hold", "--blend=ensemble:0.1"];
    let (first, bytes, table) = report(&out, &stated);
    assert_eq!(report(&out, &stated).1, bytes);
    let in_time = first.in_time.as_ref().unwrap();
    assert_eq!((in_time.clock.as_str(), in_time.rate_hz, in_time.latency.as_deref()), ("virtual", 10.0, Some("230ms")));
    assert_eq!([&in_time.replan, &in_time.blend, &in_time.late], ["4", "ensemble:0.1", "hold"]);
    let timing = only(&first).timing.unwrap();
    assert_eq!((timing.deadline_misses, timing.wake_up_jitter_ms, timing.failed_plans), (None, None, 0));
    assert!(timing.observation_age_ms.p50 >= 299.0, "there at 0.3 s: {timing:?}");
    assert!(
        out.join("episodes.mcap").exists() && out.join("episodes-2.mcap").exists(),
        "every run has a log of its own"
    );
    assert!(table.contains("clock virtual, 10 Hz, latency 230ms, replan 4, blend ensemble:0.1, late hold"), "{table}");

    // The latencies of that run, and then those of a run in which they were measured.
    let measured = folder.path().join("measured");
    assert!(only(&report(&measured, &["--clock=virtual"]).0).sampling_latency_ms.unwrap().p50 > 0.0);
    for earlier in [&out, &measured] {
        let drawn =
            ["--clock=virtual", "--latency", &earlier.join("report.json").display().to_string()].map(str::to_owned);
        let drawn: Vec<&str> = drawn.iter().map(String::as_str).collect();
        let again = folder.path().join("again");
        let (drawn_report, bytes, _) = report(&again, &drawn);
        assert_eq!(report(&again, &drawn).1, bytes);
        assert!(only(&drawn_report).sampling_latency_ms.unwrap().p50 > 0.0);
    }
}

#[test]
fn without_latency_the_virtual_clock_plays_lockstep() {
    let folder = tempfile::tempdir().unwrap();
    let (lockstep, ..) = report(&folder.path().join("lockstep"), &[]);
    let (virtual_, ..) = report(&folder.path().join("virtual"), &["--clock=virtual", "--latency=0s"]);
    assert_eq!(episodes(&virtual_), episodes(&lockstep));
    assert_eq!(lockstep.in_time, None);
    let timing = only(&virtual_).timing.unwrap();
    assert_eq!((timing.late_rate, timing.safe_rate), (0.0, 0.0));
}

/// How well it does is not asked here: the machine may be busy.
#[test]
fn the_wall_clock_reports_what_was_late() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("report");
    let (report, _, table) = report(&out, &["--clock=real", "--rate=100", "--realtime-priority=20"]);
    let timing = only(&report).timing.unwrap();
    assert_eq!(timing.control_steps, episodes(&report)[0].control_steps);
    assert!(timing.deadline_misses.is_some() && timing.wake_up_jitter_ms.unwrap().max > 0.0);
    assert!(timing.observation_age_ms.p50 > 0.0 && !episodes(&report).is_empty());
    let support = report.in_time.unwrap().realtime.unwrap();
    assert_eq!(support.refused.len(), usize::from(!support.fifo) + usize::from(!support.memory_locked));
    assert!(table.contains("SCHED_FIFO 20") && table.contains("misses"), "{table}");
    assert!(out.join("episode.gif").metadata().unwrap().len() > 1000);
    let html = fs::read_to_string(out.join("report.html")).unwrap();
    assert!(html.contains("real clock at 100 Hz") && html.contains("SCHED_FIFO 20"));
}

/// A policy whose agent was in the first pixel, as its statistics have it.
#[test]
fn observations_unlike_those_of_the_training_are_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let (model, shipped) =
        (folder.path().join("model"), Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models/pusht"));
    fs::create_dir(&model).unwrap();
    fs::copy(shipped.join("denoiser.onnx"), model.join("denoiser.onnx")).unwrap();
    let mut manifest: serde_json::Value =
        serde_json::from_slice(&fs::read(shipped.join("policy.json")).unwrap()).unwrap();
    manifest["observations"][1]["normalization"]["min"] = serde_json::json!([0.0, 0.0]);
    manifest["observations"][1]["normalization"]["max"] = serde_json::json!([1.0, 1.0]);
    fs::write(model.join("policy.json"), manifest.to_string()).unwrap();
    for clock in ["--clock=lockstep", "--clock=virtual"] {
        let model = format!("--model={}", model.display());
        let output = run(&folder.path().join("report"), &[&model, clock]).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{said}");
        let told: Vec<_> = said.lines().filter(|line| line.contains("far outside")).collect();
        let [line] = &told[..] else { panic!("{clock}: {said}") };
        assert!(line.contains("picard, seed 100000, 0.00 s: `agent`[0] is "), "{line}");
        assert!(line.ends_with(", far outside of what the policy was trained on: 0 to 1"), "{line}");
    }
}

#[test]
fn what_does_not_go_together_is_named() {
    let cases: [(&[&str], &str); 15] = [
        (&["--rate=20"], "--rate: only with --clock real or virtual"),
        (&["--late=hold"], "--late: only with --clock real or virtual"),
        (&["--clock=real", "--latency=1s"], "--latency: only with --clock virtual"),
        (&["--clock=virtual", "--realtime-priority=9"], "--realtime-priority: only with --clock real"),
        (&["--clock=virtual", "--environments=2"], "--environments: not with --clock virtual"),
        (&["--clock=real", "--warm-start"], "--warm-start: not with --clock real"),
        (&["--clock=virtual", "--latency=1s", "--deadline=9ms"], "--deadline with a stated --latency"),
        (&["--clock=virtual", "--latency=1s", "--deadline=loop"], "--deadline with a stated --latency"),
        (&["--deadline=loop"], "--deadline loop: only where the world does not wait"),
        (&["--clock=virtual", "--deadline=loop:2"], "`loop:2`: quantile is 2, but must be more than 0 and at most 1"),
        (&["--clock=virtual", "--latency=12"], "it is neither a time (`120ms`), nor a report"),
        (&["--clock=virtual", "--latency=2h"], "more than an hour is not simulated"),
        (&["--clock=virtual", "--latency=no/report.json"], "no/report.json: cannot be read: No such file"),
        (&["--clock=virtual", "--rate=0"], "it must be between 0.01 and 10000 Hz"),
        (&["--clock=virtual", "--replan=0"], "`0`: replan_every is 0, but must be at least 1"),
    ];
    for (arguments, expected) in cases {
        let line = refused(arguments);
        assert!(line.contains(expected), "{arguments:?}: {line}");
    }
}

#[test]
fn a_report_that_does_not_fit_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("report");
    report(&out, &["--clock=virtual", "--latency=10ms"]);
    let path: PathBuf = out.join("report.json");
    let latency = format!("--latency={}", path.display());
    let line = refused(&["--clock=virtual", &latency, "--sampler=paradigms"]);
    assert!(line.contains("report.json: it has no sampler `paradigms`"), "{line}");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("HISTFA", "HISTXX")).unwrap();
    let line = refused(&["--clock=virtual", &latency]);
    assert!(line.contains("not an HdrHistogram"), "{line}");
}
