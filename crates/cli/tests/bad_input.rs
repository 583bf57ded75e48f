//! Whatever a user gets wrong: one line that names the file and the field, exit code 2 for input and 1 for the rest, no
//! panic, nothing left behind.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use ndarray::{Array1, Array2, Array3};
use ndarray_npy::NpzWriter;
use tempfile::TempDir;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

fn program() -> Command {
    let mut command = Command::cargo_bin("parapolicy").unwrap();
    command.current_dir(root());
    command
}

/// Runs, expects the exit code, and returns the one line on standard error.
#[track_caller]
fn refused(command: &mut Command, code: i32) -> String {
    let output = command.output().unwrap();
    let line = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{line}");
    assert!(output.stdout.is_empty(), "nothing on standard output");
    assert_eq!(line.trim_end().lines().count(), 1, "one line: {line}");
    line
}

/// A folder to work in, with a copy of the model and a valid input for it.
struct Bench {
    folder: TempDir,
}

impl Bench {
    fn new() -> Self {
        let bench = Self { folder: tempfile::tempdir().unwrap() };
        fs::create_dir(bench.path("model")).unwrap();
        for file in ["policy.json", "denoiser.onnx"] {
            fs::copy(root().join("models/pusht").join(file), bench.path("model").join(file)).unwrap();
        }
        bench.input(|npz| npz.add_array("observation", &Array2::from_elem((2, 20), 256.0)).unwrap());
        bench
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn input(&self, fill: impl FnOnce(&mut NpzWriter<File>)) {
        let mut npz = NpzWriter::new(File::create(self.path("in.npz")).unwrap());
        fill(&mut npz);
        npz.finish().unwrap();
    }

    fn edit_manifest(&self, edit: impl FnOnce(&mut serde_json::Value)) {
        let path = self.path("model/policy.json");
        let mut manifest = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        edit(&mut manifest);
        fs::write(path, manifest.to_string()).unwrap();
    }

    fn sample(&self) -> Command {
        self.sample_in("2")
    }

    fn sample_in(&self, steps: &str) -> Command {
        self.sample_by("ddim", steps)
    }

    fn sample_by(&self, solver: &str, steps: &str) -> Command {
        let mut command = program();
        command.arg("sample").arg("--model").arg(self.path("model"));
        command.arg("--input").arg(self.path("in.npz")).arg("--output").arg(self.path("out.npz"));
        command.args(["--solver", solver, "--steps", steps]);
        command
    }

    /// Expects `sample` to refuse, naming all of `words`, and to leave nothing behind.
    #[track_caller]
    fn refuses(&self, words: &[&str]) {
        self.refuses_with(&[], words);
    }

    #[track_caller]
    fn refuses_with(&self, arguments: &[&str], words: &[&str]) {
        let line = refused(self.sample().args(arguments), 2);
        for word in words {
            assert!(line.contains(word), "`{word}` is not in: {line}");
        }
        let mut left: Vec<_> =
            fs::read_dir(self.folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(left, ["in.npz", "model"]);
    }
}

#[test]
fn a_good_input_is_accepted() {
    let bench = Bench::new();
    bench.sample().assert().success();
    assert!(bench.path("out.npz").exists());
}

#[test]
fn manifests() {
    let bench = Bench::new();
    bench.edit_manifest(|manifest| manifest["horizon"] = 0.into());
    bench.refuses(&["policy.json", "horizon"]);

    let bench = Bench::new();
    bench.edit_manifest(|manifest| manifest["surprise"] = 1.into());
    bench.refuses(&["policy.json", "surprise"]);

    let bench = Bench::new();
    fs::write(bench.path("model/policy.json"), "{ \"schema_version\": 1,").unwrap();
    bench.refuses(&["policy.json"]);

    let bench = Bench::new();
    fs::remove_file(bench.path("model/policy.json")).unwrap();
    bench.refuses(&["policy.json"]);
}

#[test]
fn graphs() {
    let bench = Bench::new();
    let graph = bench.path("model/denoiser.onnx");
    let bytes = fs::read(&graph).unwrap();
    fs::write(&graph, &bytes[..bytes.len() / 2]).unwrap();
    bench.refuses(&["denoiser.onnx", "SHA-256"]);

    fs::write(&graph, "no graph").unwrap();
    bench.refuses(&["denoiser.onnx"]);

    fs::remove_file(&graph).unwrap();
    bench.refuses(&["denoiser.onnx"]);
}

#[test]
fn observations() {
    let bench = Bench::new();
    bench.input(|npz| npz.add_array("observation", &Array2::from_elem((3, 20), 256.0)).unwrap());
    bench.refuses(&["in.npz", "observation", "[3, 20]", "[2, 20]"]);

    bench.input(|npz| npz.add_array("observation", &Array2::from_elem((2, 20), f64::NAN)).unwrap());
    bench.refuses(&["in.npz", "observation", "NaN"]);

    bench.input(|npz| npz.add_array("observation", &Array1::from_elem(40, 256.0)).unwrap());
    bench.refuses(&["in.npz", "observation"]);

    bench.input(|npz| npz.add_array("pictures", &Array1::from_elem(40, 256.0)).unwrap());
    bench.refuses(&["in.npz", "observation"]);

    let whole = fs::read(bench.path("in.npz")).unwrap();
    fs::write(bench.path("in.npz"), &whole[..whole.len() / 2]).unwrap();
    bench.refuses(&["in.npz"]);
}

#[test]
fn noise() {
    let bench = Bench::new();
    let with_noise = |steps: usize, value: f64| {
        bench.input(|npz| {
            npz.add_array("observation", &Array2::from_elem((2, 20), 256.0)).unwrap();
            npz.add_array("step_noise", &Array3::from_elem((steps, 16, 2), value)).unwrap();
        });
    };
    with_noise(2, 0.0);
    bench.refuses_with(&["--count=2"], &["in.npz", "step_noise", "--count"]);
    with_noise(3, 0.0);
    let line = refused(&mut bench.sample_by("ddpm", "2"), 2);
    assert!(["in.npz", "step_noise", "[3, 16, 2]", "[2, 16, 2]"].iter().all(|word| line.contains(word)), "{line}");
    with_noise(2, f64::INFINITY);
    bench.refuses(&["in.npz", "step_noise"]);
}

#[test]
fn sampling_arguments() {
    let bench = Bench::new();
    bench.refuses_with(&["--window", "0"], &["window", "at least 1"]);
    for tolerance in ["nan", "-0.1", "inf"] {
        bench.refuses_with(&[&format!("--tolerance={tolerance}")], &["tolerance"]);
    }
    for steps in ["0", "101"] {
        assert!(refused(&mut bench.sample_in(steps), 2).contains(steps));
    }
}

/// A flow's timesteps are seldom whole numbers, which the model's graph takes alone. The length of 7 steps is 1000/7.
#[test]
fn timesteps_that_the_graph_does_not_take() {
    let bench = Bench::new();
    bench.edit_manifest(|manifest| {
        let flow = serde_json::json!({"time": "train_timesteps", "noise_at": 1, "velocity": "noise_minus_data"});
        manifest["scheduler"] =
            serde_json::json!({"num_train_timesteps": 1000, "timestep_spacing": "linspace", "prediction_type": "flow_prediction", "flow": flow});
    });
    let model = bench.path("model");
    let out = bench.path("report");
    let mut run = program();
    run.args(["run", "--solver=euler", "--steps=7", "--episodes=1", "--model"]).arg(&model).arg("--out").arg(&out);
    let mut measure = program();
    measure.args(["bench", "--solver=euler", "--steps=7", "--observations=1", "--model"]).arg(&model);
    let mut sample = program();
    sample.args(["sample", "--solver=euler", "--steps=7", "--model"]).arg(&model);
    sample.arg("--input").arg(bench.path("in.npz")).arg("--output").arg(bench.path("out.npz"));
    for command in [&mut sample, &mut run, &mut measure] {
        let line = refused(command, 2);
        for word in ["`timestep` takes whole numbers (int64)", "a timestep is ", "choose other steps"] {
            assert!(line.contains(word), "{line}");
        }
    }
    assert!(!out.exists() && !bench.path("out.npz").exists());
}

#[test]
fn budgets() {
    let bench = Bench::new();
    bench.refuses_with(&["--rounds=0"], &["rounds", "at least 1"]);
    bench.refuses_with(&["--deadline=0ms"], &["deadline", "more than 0"]);
    for command in ["run", "bench", "sample"] {
        let output = program().args([command, "--deadline=soon"]).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8(output.stderr).unwrap().contains("--deadline"));
    }
    for command in ["run", "bench"] {
        assert!(refused(program().args([command, "--rounds=0"]), 2).contains("rounds"));
    }
}

#[test]
fn unknown_names_are_refused_by_the_command_line() {
    for arguments in [["run", "--sampler=magic"], ["run", "--solver=magic"]] {
        let output = program().args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8(output.stderr).unwrap().contains("magic"));
    }
    for (arguments, most) in [(["run", "--environments=0"], 1024), (["sample", "--count=0"], 1_000_000)] {
        let output = program().args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8(output.stderr).unwrap().contains(&format!("0 is not in 1..={most}")));
    }
    assert!(refused(program().args(["run", "--sampler=picard,picard"]), 2).contains("picard is named twice"));
}

#[test]
fn scenarios() {
    let folder = tempfile::tempdir().unwrap();
    let scenario = folder.path().join("scenario.toml");
    let run = || {
        let mut command = program();
        command.arg("run").arg("--scenario").arg(&scenario).arg("--out").arg(folder.path().join("report"));
        refused(&mut command, 2)
    };
    assert!(run().contains("scenario.toml"));
    fs::write(&scenario, "name = ").unwrap();
    assert!(run().contains("scenario.toml"));
    let nominal = fs::read_to_string(root().join("sims/nominal.toml")).unwrap();
    fs::write(&scenario, format!("surprise = 1\n{nominal}")).unwrap();
    let line = run();
    assert!(line.contains("scenario.toml") && line.contains("surprise"), "{line}");
    assert!(!folder.path().join("report").exists());
}

#[test]
fn refinement() {
    let folder = tempfile::tempdir().unwrap();
    let run = |scenario: &str, steps: &str| {
        let mut command = program();
        command.current_dir(root()).args(["run", "--scenario", scenario, "--refine", steps]);
        refused(command.arg("--out").arg(folder.path().join("report")), 2)
    };
    let line = run("sims/nominal.toml", "50");
    assert!(line.contains("--refine") && line.contains("\"nominal\" has no [[keep_out]]"), "{line}");
    let line = run("sims/keep_out.toml", "0");
    assert!(line.contains("--refine: steps is 0"), "{line}");
    let mut together = program();
    together.args(["run", "--refine", "50", "--environments", "2"]).assert().failure().code(2);
    fs::write(folder.path().join("flat.toml"), keep_out_of_radius("0.0")).unwrap();
    let line = run(folder.path().join("flat.toml").to_str().unwrap(), "50");
    assert!(line.contains("flat.toml") && line.contains("`keep_out[0].radius` must be above 0"), "{line}");
}

fn keep_out_of_radius(radius: &str) -> String {
    fs::read_to_string(root().join("sims/keep_out.toml"))
        .unwrap()
        .replace("radius = 25.0", &format!("radius = {radius}"))
}

#[test]
fn traces() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace.npz");
    let replay = || refused(program().arg("replay").arg("--trace").arg(&trace), 2);
    assert!(replay().contains("trace.npz"));
    fs::write(&trace, "no archive").unwrap();
    assert!(replay().contains("trace.npz"));

    let write = |state: Array2<f64>, action: Array2<f64>, ends: Vec<i64>| {
        let mut npz = NpzWriter::new(File::create(&trace).unwrap());
        npz.add_array("state", &state).unwrap();
        npz.add_array("action", &action).unwrap();
        npz.add_array("episode_ends", &Array1::from(ends)).unwrap();
        npz.finish().unwrap();
    };
    let (state, action) = (Array2::from_elem((4, 5), 200.0), Array2::from_elem((4, 2), 200.0));
    write(state.clone(), Array2::zeros((3, 2)), vec![4]);
    assert!(replay().contains("action"));
    write(state.clone(), action.clone() * f64::NAN, vec![4]);
    assert!(replay().contains("action"));
    write(state, action, vec![5]);
    assert!(replay().contains("episode_ends"));
}

#[test]
fn a_runtime_that_is_none() {
    let library = tempfile::NamedTempFile::new().unwrap();
    let mut command = program();
    let line = refused(command.arg("inspect").arg("models/pusht").arg("--ort-lib").arg(library.path()), 2);
    assert!(line.contains(&library.path().display().to_string()), "{line}");
}

#[test]
fn a_runtime_that_nothing_would_use() {
    let mut command = program();
    let line = refused(command.args(["inspect", "models/pusht", "--provider=native", "--ort-lib=library.so"]), 2);
    assert!(line.contains("ort-lib"), "{line}");
}

#[test]
fn devices_and_precisions_that_a_provider_lacks() {
    for (arguments, expected) in [
        (["--provider=native", "--devices=0,1"], "devices: the provider native has no device 1"),
        (["--provider=openvino", "--devices=3"], "devices: the provider openvino has no device 3"),
        (["--provider=native", "--precision=f16"], "does not compute in f16; use f32, bf16"),
        (["--provider=cuda", "--precision=bf16"], "does not compute in bf16; use f32"),
    ] {
        let mut command = program();
        let line = refused(command.args(["inspect", "models/pusht"]).args(arguments), 2);
        assert!(line.contains(expected), "{line}");
    }
}

#[test]
fn servers_that_are_not_asked_or_not_there() {
    let url = "--endpoint=http://127.0.0.1:9/v2/models/pusht";
    for (arguments, expected, code) in [
        (&["--provider=remote"][..], "endpoint: the provider remote asks a server; name it", 2),
        (&["--provider=native", url], "endpoint: the provider native runs the network itself", 2),
        (&["--provider=auto", url], "endpoint: the provider auto compares what runs on this machine", 2),
        (&[url, "--timeout=0s"], "timeout is 0", 2),
        (&["--timeout=1s"], "--endpoint", 2),
        (&["--endpoint=127.0.0.1:9"], "endpoint: `127.0.0.1:9` begins with neither http:// nor https://", 1),
        (&[url], "http://127.0.0.1:9/v2/models/pusht: no answer", 1),
    ] {
        let mut command = program();
        let output = command.args(["inspect", "models/pusht"]).args(arguments).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains(expected) && output.status.code() == Some(code), "{arguments:?}: {said}");
    }
}

/// The shell's limit on file sizes stands in for a full disk: every write beyond it fails.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk() {
    let bench = Bench::new();
    // ONNX Runtime is installed beforehand: that writes as well.
    program().args(["inspect", "models/pusht"]).assert().success();
    let sample = bench.sample();
    let mut limited = Command::new("bash");
    limited.current_dir(root()).args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$@\"", "limited"]);
    limited.arg(sample.get_program()).args(sample.get_args());
    let line = refused(&mut limited, 1);
    assert!(line.contains("out.npz"), "{line}");
    assert!(!bench.path("out.npz").exists());
    assert_eq!(fs::read_dir(bench.folder.path()).unwrap().count(), 2, "nothing is left behind");
}

#[test]
fn reports_that_cannot_be_compared_are_named_by_file_and_field() {
    let bench = Bench::new();
    let (bad, page) = (bench.path("bad.json"), bench.path("compare.html"));
    let compare = || {
        let mut command = program();
        command.arg("compare").args([&bad, &bad]).arg("--out").arg(&page);
        let line = refused(&mut command, 2);
        assert!(line.contains("bad.json") && !page.exists(), "{line}");
        line
    };
    assert!(compare().contains("cannot be read"));
    for (text, expected) in [
        ("nothing", "is not a report"),
        ("{\"schema_version\": 2}", "`schema_version` is 2"),
        ("{\"schema_version\": 3, \"command\": 3}", "`command` cannot be read"),
    ] {
        fs::write(&bad, text).unwrap();
        let line = compare();
        assert!(line.contains(expected), "{line}");
    }
}

/// Replaces a file by a pipe that nobody writes to.
#[cfg(unix)]
fn make_pipe(path: &Path) {
    let _none = fs::remove_file(path);
    assert!(std::process::Command::new("mkfifo").arg(path).status().unwrap().success());
}

#[cfg(unix)]
#[test]
fn inputs_that_never_end() {
    for file in ["model/policy.json", "model/denoiser.onnx", "in.npz"] {
        let bench = Bench::new();
        make_pipe(&bench.path(file));
        bench.refuses(&[file, "it is a pipe or a device: a regular file is needed"]);
    }
    let bench = Bench::new();
    let pipe = bench.path("pipe");
    make_pipe(&pipe);
    let refusal = |arguments: &[&str]| refused(program().args(arguments).arg(&pipe).timeout(LONG), 2);
    for arguments in [&["run", "--scenario"][..], &["replay", "--trace"], &["adopt"], &["compare", "/dev/zero"]] {
        let line = refusal(arguments);
        assert!(line.contains("it is a pipe or a device"), "{line}");
    }
    // It says of every file what is wrong with it.
    let checked = program().args(["demos", "check"]).arg(&pipe).timeout(LONG).assert().failure();
    let said = String::from_utf8_lossy(&checked.get_output().stdout);
    assert!(said.contains("it is a pipe or a device"), "{said}");
}

/// Longer than any refusal takes.
const LONG: std::time::Duration = std::time::Duration::from_secs(120);

#[test]
fn sizes_that_are_only_claimed() {
    let bench = Bench::new();
    bench.edit_manifest(|manifest| {
        manifest["horizon"] = (1 << 25).into();
        manifest["actions"][0]["shape"] = [1 << 24].into();
        manifest["actions"][0]["normalization"] = serde_json::json!({ "mode": "identity" });
    });
    bench.refuses(&["policy.json", "`horizon`", "1048576"]);

    let bench = Bench::new();
    // Two arrays in sound archives, with headers that NumPy never wrote.
    let nested = format!("{{'descr': {}", "[".repeat(5000));
    let long = [&b"\x93NUMPY\x02\x00"[..], &(nested.len() as u32).to_le_bytes(), nested.as_bytes()].concat();
    for (npy, problem) in [
        (&b"\x93NUMPY\x02\x00\xff\xff\xff\xff{"[..], "claims a header of 4294967295 bytes"),
        (&long, "has a header that is none of NumPy's"),
    ] {
        fs::write(bench.path("in.npz"), archive("observation.npy", npy)).unwrap();
        bench.refuses(&["in.npz", "observation", problem]);
    }
}

/// An archive with one member that is not compressed (APPNOTE 6.3, sections 4.3.7, 4.3.12 and 4.3.16).
fn archive(name: &str, content: &[u8]) -> Vec<u8> {
    let crc = content.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xedb8_8320 * (crc & 1)))
    });
    let size = (content.len() as u32).to_le_bytes();
    let length = (name.len() as u16).to_le_bytes();
    // Version 2.0, no flags, no compression, no time.
    let common = [&[20, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &(!crc).to_le_bytes(), &size, &size, &length, &[0; 2]].concat();
    let mut file = [&b"PK\x03\x04"[..], &common, name.as_bytes(), content].concat();
    let start = (file.len() as u32).to_le_bytes();
    let entry = [&b"PK\x01\x02\x14\x00"[..], &common, &[0; 14], name.as_bytes()].concat();
    let entries = (entry.len() as u32).to_le_bytes();
    file.extend([&entry[..], b"PK\x05\x06\x00\x00\x00\x00\x01\x00\x01\x00", &entries, &start, &[0; 2]].concat());
    file
}

#[test]
fn names_of_strangers_do_nothing_to_a_terminal() {
    let bench = Bench::new();
    bench.edit_manifest(|manifest| manifest["\u{1b}]0;mine\u{7}\u{9b}2J"] = 1.into());
    bench.refuses(&["policy.json", "\\u{1b}]0;mine\\u{7}\\u{9b}2J"]);
}

#[test]
fn the_mark_before_utf8_is_understood() {
    let bench = Bench::new();
    let path = bench.path("model/policy.json");
    let manifest = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("\u{feff}{manifest}")).unwrap();
    bench.sample().assert().success();
}

#[cfg(unix)]
#[test]
fn outputs_that_are_no_new_files() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let bench = Bench::new();
    let out = bench.path("out.npz");
    // A file that is marked read-only, which root could replace.
    fs::write(&out, "kept").unwrap();
    fs::set_permissions(&out, fs::Permissions::from_mode(0o444)).unwrap();
    let line = refused(&mut bench.sample(), 1);
    assert!(line.contains("out.npz") && line.contains("it is marked read-only"), "{line}");
    assert_eq!(fs::read_to_string(&out).unwrap(), "kept");
    // A file that others may not read stays so.
    fs::set_permissions(&out, fs::Permissions::from_mode(0o600)).unwrap();
    bench.sample().assert().success();
    assert_eq!(fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o600);
    let whole = fs::read(&out).unwrap();
    // A link stays, and leads to a new file.
    fs::remove_file(&out).unwrap();
    symlink("target.npz", &out).unwrap();
    bench.sample().assert().success();
    assert!(out.symlink_metadata().unwrap().is_symlink());
    assert_eq!(fs::read(bench.path("target.npz")).unwrap(), whole);
    // A pipe is written into.
    make_pipe(&out);
    let reader = std::thread::spawn({
        let out = out.clone();
        move || fs::read(out).unwrap()
    });
    bench.sample().assert().success();
    assert_eq!(reader.join().unwrap(), whole);
    assert!(!fs::metadata(&out).unwrap().is_file(), "the pipe is still there");
}

/// A plan that no robot can execute is not written.
#[test]
fn plans_that_are_not_finite() {
    let bench = Bench::new();
    bench.edit_manifest(|manifest| {
        let normalization = &mut manifest["actions"][0]["normalization"];
        normalization["min"] = serde_json::json!([-1.5e308, 25.0]);
        normalization["max"] = serde_json::json!([1.5e308, 511.0]);
    });
    let line = refused(&mut bench.sample(), 2);
    assert!(line.contains("finite") || line.contains("normalization"), "{line}");
    assert!(!bench.path("out.npz").exists());
}

/// Seeds of `RandomState` have 32 bits; the next one would be the first one again.
#[test]
fn seeds_that_the_environment_does_not_have() {
    let out = tempfile::tempdir().unwrap();
    let run = |seed: &str, episodes: &str| {
        let mut command = program();
        command.args(["run", "--seed", seed, "--episodes", episodes, "--out"]).arg(out.path().join("report"));
        refused(&mut command, 2)
    };
    let line = run("4294967296", "1");
    assert!(line.contains("--seed") && line.contains("4294967295, the largest seed"), "{line}");
    assert!(run("4294967290", "10").contains("--seed"));
    assert!(run("18446744073709551615", "2").contains("--seed"));
    assert_eq!(fs::read_dir(out.path()).unwrap().count(), 0);
}

/// Three numbers where two belong are not the first two of them.
#[test]
fn scenarios_with_points_of_three_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scenario.toml");
    let nominal = fs::read_to_string(root().join("sims/nominal.toml")).unwrap();
    for (field, table) in [
        ("displacement", "[[kicks]]\ncontrol_step = 3\ndisplacement = [1.0, 2.0, 3.0]\n"),
        ("centre", "[[keep_out]]\ncentre = [100.0, 100.0, 100.0]\nradius = 10.0\n"),
    ] {
        fs::write(&path, format!("{nominal}\n{table}")).unwrap();
        let line = refused(program().args(["run", "--environment=pusht", "--scenario"]).arg(&path), 2);
        assert!(line.contains("scenario.toml") && line.contains(field), "{line}");
    }
}
