//! Graphs of any origin made policies: adopted, filled in by what is printed, and run.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use ndarray::{Array2, Ix2};
use ndarray_npy::{NpzReader, NpzWriter};
use serde_json::{Value, json};
use tempfile::TempDir;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// A folder to adopt into, and the program in it.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn run(&self, arguments: &[&str]) -> (Option<i32>, String, String) {
        let mut program = Command::cargo_bin("parapolicy").unwrap();
        let output = program.current_dir(&self.folder).args(arguments).output().unwrap();
        let [out, err] = [output.stdout, output.stderr].map(|text| String::from_utf8(text).unwrap());
        (output.status.code(), out, err)
    }

    #[track_caller]
    fn done(&self, arguments: &[&str]) -> String {
        let (code, out, err) = self.run(arguments);
        assert_eq!(code, Some(0), "{err}");
        out
    }

    fn adopt(&self, graph: &Path) -> String {
        self.done(&["adopt", graph.to_str().unwrap(), "adopted"])
    }

    /// Fills in the fields that were listed, and no other, as `original` has them; those that it has not are removed.
    fn fill_in(&self, listed: &str, original: &Value) {
        let path = self.folder.path().join("adopted/policy.json");
        let mut manifest: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let list = listed.lines().skip_while(|line| !line.starts_with("to fill in")).skip(1);
        for line in list.take_while(|line| line.starts_with("  ")) {
            let field = line.split_whitespace().next().unwrap();
            match field.split_once(['.', '[']) {
                Some(("scheduler", field)) => match original["scheduler"].get(field) {
                    Some(value) => manifest["scheduler"][field] = value.clone(),
                    None => drop(manifest["scheduler"].as_object_mut().unwrap().remove(field)),
                },
                // Of one entry come as many as the observation has parts.
                Some((list, _)) => manifest[list] = original[list].clone(),
                None => manifest[field] = original[field].clone(),
            }
        }
        fs::write(path, manifest.to_string()).unwrap();
    }

    /// The plan of a policy for this observation.
    fn plan(&self, model: &str, observation: &Array2<f64>, options: &[&str]) -> Array2<f64> {
        let (input, output) = (self.path("input.npz"), self.path("output.npz"));
        let mut npz = NpzWriter::new(fs::File::create(&input).unwrap());
        npz.add_array("observation", observation).unwrap();
        npz.finish().unwrap();
        let sample = ["sample", "--model", model, "--input", &input, "--output", &output, "--threads=1"];
        self.done(&[&sample[..], options].concat());
        let mut npz = NpzReader::new(fs::File::open(output).unwrap()).unwrap();
        npz.by_name::<ndarray::OwnedRepr<f64>, Ix2>("actions.npy").unwrap()
    }
}

fn manifest(path: PathBuf) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// From the graph alone to the same plans and the same episode.
#[test]
fn the_shipped_graph_becomes_the_shipped_policy() {
    let (place, shipped) = (Place::new(), root().join("models/pusht"));
    let listed = place.adopt(&shipped.join("denoiser.onnx"));
    insta::assert_snapshot!("adopted", listed);
    let nominal = root().join("sims/nominal.toml").display().to_string();
    for command in [&["inspect", "adopted"][..], &["run", "--model", "adopted", "--scenario", &nominal]] {
        let (code, _, err) = place.run(command);
        assert_eq!(code, Some(2));
        assert!(err.contains("adopted/policy.json: still to be filled in: `actions[0].name`"), "{err}");
    }

    place.fill_in(&listed, &manifest(shipped.join("policy.json")));
    let shipped = shipped.display().to_string();
    let inspected = |model: &str| -> Value { serde_json::from_str(&place.done(&["inspect", model])).unwrap() };
    let (ours, theirs) = (inspected("adopted"), inspected(&shipped));
    assert_eq!((&ours["graph"]["mismatch"], &ours["graph"]["sha256_matches"]), (&Value::Null, &json!(true)));
    for field in ["n_obs_steps", "horizon", "n_action_steps", "observations", "actions", "scheduler", "denoiser"] {
        assert_eq!(ours["manifest"][field], theirs["manifest"][field], "{field}");
    }

    let observation = Array2::from_shape_fn((2, 20), |(step, column)| 150.0 + 3.0 * (7 * step + column) as f64);
    let plan = |model: &str| place.plan(model, &observation, &["--solver=ddim", "--steps=8"]);
    assert_eq!(plan("adopted"), plan(&shipped), "to the bit");

    let scenario = place.path("short.toml");
    let reset = "reset = { distribution = 'diffusion-policy', order = 'legacy' }";
    fs::write(&scenario, format!("name = 'short'\nmax_control_steps = 24\n{reset}\n")).unwrap();
    let episode = |model: &str, out: &str| {
        let run = ["run", "--model", model, "--scenario", &scenario, "--solver=ddim", "--steps=8", "--episodes=1"];
        place.done(&[&run[..], &["--threads=1", "--out", out]].concat());
        fs::read_to_string(place.path(out) + "/episodes.csv").unwrap()
    };
    assert_eq!(episode("adopted", "a"), episode(&shipped, "b"));
}

/// A state's, one whose steps lie one after the other, one with the observation in the plan: as their manifests would be by hand.
#[test]
fn other_graphs_and_other_schedulers_plan_once_they_are_filled_in() {
    let fixtures = root().join("crates/policy/tests/fixtures");
    let original = manifest(fixtures.join("policy.json"));
    let observation = Array2::from_shape_fn((2, 3), |(step, column)| (step + column) as f64);
    let flow = json!({
        "num_train_timesteps": 100, "prediction_type": "flow_prediction", "clip_sample": false,
        "timestep_spacing": "trailing",
        "flow": { "time": "train_timesteps", "noise_at": 1, "velocity": "noise_minus_data" }
    });
    let cases = [
        ("affine", original["scheduler"].clone(), "ddpm"),
        ("flat_observation", original["scheduler"].clone(), "ddpm"),
        ("inpainted", original["scheduler"].clone(), "ddim"),
        ("affine", flow.clone(), "euler"),
        ("float_timestep", flow, "midpoint"),
    ];
    let plans = cases.map(|(graph, scheduler, solver)| {
        let place = Place::new();
        let listed = place.adopt(&fixtures.join(format!("{graph}.onnx")));
        assert!(listed.contains("the engine does not run it"), "{listed}");
        let original = Value::Object({
            let mut fields = original.as_object().unwrap().clone();
            fields.insert("scheduler".into(), scheduler);
            fields
        });
        place.fill_in(&listed, &original);
        let solver = format!("--solver={solver}");
        place.plan("adopted", &observation, &["--provider=cpu", "--sampler=sequential", "--steps=10", &solver])
    });
    let [one, flat, inpainted, euler, midpoint] = &plans;
    assert!((one - flat).iter().all(|difference| difference.abs() < 1e-3), "{one} {flat}");
    assert_eq!(inpainted.dim(), (4, 2));
    assert!(euler.iter().chain(midpoint).all(|action| action.is_finite()) && euler != midpoint && euler != one);
}

#[test]
fn what_is_refused_leaves_nothing() {
    let (place, shipped) = (Place::new(), root().join("models/pusht/denoiser.onnx"));
    let (graph, half) = (shipped.to_str().unwrap(), place.path("half.onnx"));
    let whole = fs::read(&shipped).unwrap();
    fs::write(&half, &whole[..whole.len() / 2]).unwrap();
    fs::create_dir(place.path("taken")).unwrap();
    let cases = [
        (&["adopt", "nothing.onnx"][..], "nothing.onnx: cannot be read"),
        (&["adopt", "half.onnx"], "half.onnx: is not a readable ONNX model"),
        (&["adopt", "half.onnx", "taken/.."], "OUT must name a folder"),
        (&["adopt", graph, "taken"], "taken: is there already"),
        (&["adopt", graph, "out", "--sample", "noise"], "has no input `noise`, which --sample names"),
        (&["adopt", graph, "out", "--sample", "timestep"], "cannot be the sample"),
    ];
    for (arguments, expected) in cases {
        let (code, out, err) = place.run(arguments);
        assert_eq!((code, out.as_str(), err.lines().count()), (Some(2), "", 1), "{err}");
        assert!(err.contains(expected), "{err}");
    }
    assert_eq!(fs::read_dir(&place.folder).unwrap().count(), 2, "half.onnx and taken");
}

/// The shell's limit on file sizes stands in for a full disk.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk() {
    let place = Place::new();
    let mut limited = Command::new("bash");
    limited.current_dir(&place.folder).args(["-c", "trap '' XFSZ; ulimit -f 0; exec \"$@\"", "limited"]);
    limited.arg(assert_cmd::cargo::cargo_bin("parapolicy")).arg("adopt");
    let output = limited.arg(root().join("models/pusht/denoiser.onnx")).arg("out").output().unwrap();
    let err = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{err}");
    assert!(err.contains("out: could not be written"), "{err}");
    assert_eq!(fs::read_dir(&place.folder).unwrap().count(), 0, "nothing is left behind");
}
