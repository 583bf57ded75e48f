//! `calibrate` and `auto` on the shipped policy, in a cache of their own.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use assert_cmd::Command;
use ndarray::Array2;
use ndarray_npy::NpzWriter;
use parapolicy_eval::Report;
use parapolicy_eval::Roofline;
use serde_json::Value;
use tempfile::TempDir;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// An empty cache.
struct Cache {
    folder: TempDir,
}

impl Cache {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::cargo_bin("parapolicy").unwrap();
        command
            .env_remove("ORT_DYLIB_PATH")
            .current_dir(root())
            .env("PARAPOLICY_CACHE", self.folder.path())
            .args(arguments)
            .output()
            .unwrap()
    }

    /// Standard output as JSON, and standard error.
    #[track_caller]
    fn json(&self, arguments: &[&str]) -> (Value, String) {
        let output = self.run(arguments);
        let messages = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{messages}");
        (serde_json::from_slice(&output.stdout).unwrap(), messages)
    }

    /// The one calibration that is kept.
    #[track_caller]
    fn file(&self) -> PathBuf {
        let mut files = fs::read_dir(self.folder.path().join("calibration")).unwrap();
        let file = files.next().unwrap().unwrap().path();
        assert!(files.next().is_none());
        file
    }

    fn kept(&self) -> Value {
        serde_json::from_slice(&fs::read(self.file()).unwrap()).unwrap()
    }
}

/// One thread, as the tests run beside each other.
const SAMPLING: [&str; 3] = ["--solver=ddim", "--steps=5", "--threads=1"];
const WORK: &str = "drawing plans with every candidate";

fn sample(cache: &Cache) -> (Value, String) {
    let [input, output] = ["in.npz", "out.npz"].map(|name| cache.folder.path().join(name));
    let mut npz = NpzWriter::new(fs::File::create(&input).unwrap());
    npz.add_array("observation", &Array2::from_elem((2, 20), 256.0)).unwrap();
    npz.finish().unwrap();
    let paths = ["--input", input.to_str().unwrap(), "--output", output.to_str().unwrap()];
    let (mut told, messages) = cache.json(&[&["sample", "--sampler=auto"], &SAMPLING[..], &paths].concat());
    let latency = told.as_object_mut().unwrap().remove("latency_ms");
    assert!(latency.unwrap().as_f64().unwrap() > 0.0);
    (told, messages)
}

#[test]
fn calibrate_measures_and_keeps() {
    let cache = Cache::new();
    let (printed, _) = cache.json(&["calibrate", "--json", "--threads=1", "--force"]);
    assert_eq!(printed, cache.kept());
    let batches = printed["batches"].as_array().unwrap();
    let rows: Vec<u64> = batches.iter().map(|batch| batch["rows"].as_u64().unwrap()).collect();
    assert_eq!((rows[0], rows[rows.len() - 1]), (1, 128));
    assert!(batches.iter().all(|batch| batch["median_ms"].as_f64().unwrap() > 0.0));
    assert_eq!(printed["key"]["threads"], 1);
    let held = held(&printed["roofline"]);

    let mut damaged = printed.clone();
    damaged["batches"][2]["median_ms"] = (-1).into();
    fs::write(cache.file(), damaged.to_string()).unwrap();
    let output = cache.run(&[&["bench", "--sampler=auto", "--observations=1"], &SAMPLING[..]].concat());
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), message.lines().count()), (Some(1), 1), "{message}");
    let file = cache.file().display().to_string();
    for words in [file.as_str(), "`batches`", "-1", "calibrate again"] {
        assert!(message.contains(words), "`{words}` is not in: {message}");
    }

    let table = String::from_utf8(cache.run(&["calibrate", "--threads=1", "--force"]).stdout).unwrap();
    assert!(table.ends_with(&format!("kept in {file}\n")), "{table}");
    assert_eq!(table.lines().count(), rows.len() + 7 + held, "a line a batch, headings and borders: {table}");
    let messages = sample(&cache).1;
    assert!(
        !messages.contains("not calibrated") && messages.contains(WORK),
        "what was damaged is made again: {messages}"
    );
}

/// Lines that are shown of the limits below their heading.
fn held(roofline: &Value) -> usize {
    let Some(known) = roofline.get("known") else { return 0 };
    let batches = known["batches"].as_array().unwrap();
    assert!(batches.iter().map(|batch| batch["rows"].as_u64().unwrap()).eq([1, 8, 16, 32]));
    for batch in batches {
        let number = |name: &str| batch[name].as_f64().unwrap();
        let [least, rate] = [number("least_ms"), known["limits"]["gflop_per_second"].as_f64().unwrap()];
        assert!(least >= 1e-6 * number("flop") / rate * (1.0 - 1e-9), "{batch}");
        assert!((least / number("median_ms") / number("fraction") - 1.0).abs() < 1e-9, "{batch}");
    }
    4 + batches.len()
}

#[test]
fn auto_measures_once_and_says_why() {
    let cache = Cache::new();
    let (first, messages) = sample(&cache);
    assert!(messages.contains("not calibrated") && messages.contains(WORK), "{messages}");
    assert!(messages.lines().last().unwrap().starts_with("auto: "), "{messages}");
    assert_eq!(cache.kept()["profiles"][0]["observations"], "drawn");
    let (second, messages) = sample(&cache);
    assert!(!messages.contains("not calibrated") && !messages.contains(WORK), "{messages}");
    assert_eq!(second, first);

    // A command that has an environment tries the candidates on what is met there.
    let bench = [&["bench", "--sampler=auto", "--observations=2", "--json"], &SAMPLING[..]].concat();
    let (bench, messages) = cache.json(&bench);
    assert_eq!(bench["roofline"], cache.kept()["roofline"]);
    let rows = &bench["rows"];
    assert!(messages.contains(WORK) && !messages.contains("not calibrated"), "{messages}");
    let (sampler, reason) = (rows[1]["sampler"].as_str().unwrap(), rows[1]["reason"].as_str().unwrap());
    assert!(reason.starts_with(sampler.strip_prefix("auto:").unwrap()), "{sampler}: {reason}");
    assert!(messages.contains(reason), "{messages}");
    assert_eq!(cache.kept()["profiles"][0]["observations"], "met");
    assert_eq!(cache.kept()["profiles"].as_array().unwrap().len(), 1, "the others were replaced");

    let out = cache.folder.path().join("report");
    let run = ["run", "--sampler=sequential,auto", "--episodes=1", "--json", "--out", out.to_str().unwrap()];
    let (report, messages) = cache.json(&[&run, &SAMPLING[..]].concat());
    assert!(!messages.contains(WORK), "{messages}");
    let report: Report = serde_json::from_value(report).unwrap();
    let told: Vec<_> =
        report.samplers.iter().map(|sampler| (sampler.name.as_str(), sampler.reason.as_deref())).collect();
    assert_eq!(told, [("sequential", None), (sampler, Some(reason))]);
    assert_eq!(serde_json::to_value(&report.roofline).unwrap(), cache.kept()["roofline"]);
    let page = fs::read_to_string(out.join("report.html")).unwrap();
    assert_eq!(page.contains("id=\"roofline\""), matches!(report.roofline, Roofline::Known(_)));
}

/// In a cache of its own only the engine needs no installation; a library that is none is left out.
#[test]
fn the_fastest_provider_is_one_that_is_installed() {
    let cache = Cache::new();
    let inspect = ["inspect", "models/pusht", "--provider=auto", "--threads=1"];
    let (shown, messages) = cache.json(&inspect);
    assert_eq!(shown["provider"], "native");
    assert!(messages.contains("auto: calibrating native\n"), "{messages}");
    assert!(messages.lines().last().unwrap().starts_with("auto: provider native; "), "{messages}");
    let (_, messages) = cache.json(&inspect);
    assert_eq!(messages.lines().count(), 1, "what is known is not measured again: {messages}");

    if cfg!(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu")) {
        let library = cache.folder.path().join("onnxruntime/openvino-1.24.1/libonnxruntime.so.1.24.1");
        fs::create_dir_all(library.parent().unwrap()).unwrap();
        fs::write(library.with_file_name("SHA256SUMS"), "").unwrap();
        fs::write(library, "no library").unwrap();
        let (shown, messages) = cache.json(&inspect);
        assert_eq!(shown["provider"], "native");
        assert!(messages.contains("auto: openvino is left out ("), "{messages}");
    }

    let output = cache.run(&[&inspect[..], &["--ort-lib=library.so"]].concat());
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().starts_with("error: ort-lib: the provider auto "));
}

/// Threads that nobody names are those of the fastest calibration, once each number of them has one.
#[test]
fn threads_are_chosen_by_calibration() {
    let cache = Cache::new();
    let (fastest, messages) = cache.json(&["calibrate", "--json", "--force"]);
    let files = fs::read_dir(cache.folder.path().join("calibration")).unwrap();
    let mut times: Vec<(PathBuf, Value, f64)> = files
        .map(|file| {
            let path = file.unwrap().path();
            let kept: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
            let time =
                kept["batches"].as_array().unwrap().iter().find(|batch| batch["rows"] == 12).unwrap()["median_ms"]
                    .as_f64();
            (path, kept, time.unwrap())
        })
        .collect();
    assert_eq!(messages.lines().filter(|line| line.starts_with("calibrate: ")).count(), times.len(), "{messages}");
    times.sort_by(|(.., one), (.., other)| one.total_cmp(other));
    assert_eq!(times[0].1, fastest);

    let threads = || {
        let out = cache.folder.path().join("report");
        let run = ["run", "--sampler=picard", "--episodes=1", "--json", "--solver=ddim", "--steps=5"];
        cache.json(&[&run[..], &["--out", out.to_str().unwrap()]].concat()).0["machine"]["threads"].clone()
    };
    assert_eq!(threads(), fastest["key"]["threads"]);
    if let [(path, slowest, _), ..] = &times[1..] {
        // As if another had been the fastest.
        let mut faster = slowest.clone();
        for batch in faster["batches"].as_array_mut().unwrap() {
            batch["median_ms"] = 1e-3.into();
        }
        fs::write(path, faster.to_string()).unwrap();
        assert_eq!(threads(), slowest["key"]["threads"]);
        // Not all are known any more.
        fs::remove_file(&times[0].0).unwrap();
        assert_eq!(threads(), std::thread::available_parallelism().unwrap().get());
    }
}

#[test]
fn auto_refuses_what_makes_no_sense_before_it_measures() {
    let cache = Cache::new();
    for (argument, words) in [("--steps=0", "steps is 0"), ("--tolerance=nan", "tolerance is NaN")] {
        let output = cache.run(&["bench", "--sampler=auto", "--observations=1", argument]);
        let message = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), message.lines().count()), (Some(2), 1), "{message}");
        assert!(message.contains(words), "{message}");
    }
}
