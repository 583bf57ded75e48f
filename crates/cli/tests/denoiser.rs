//! Denoisers that are no policies: adopted, described, sampled, compared; and what does not make sense for them, refused.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::fs;
use std::path::{Path, PathBuf};

use assert_cmd::Command;
use ndarray::{Array1, Array2, Array3, Array4, ArrayD, Axis, array, s};
use ndarray_npy::{NpzReader, NpzWriter};
use serde_json::{Value, json};
use tempfile::TempDir;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// A folder with a denoiser of images `[2, 2, 3]` that takes labels, adopted by the program, and the program in it.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self { folder: tempfile::tempdir().unwrap() };
        let graph = root().join("crates/policy/tests/fixtures/image_label.onnx");
        let told = place.done(&["adopt", graph.to_str().unwrap(), "model"]);
        assert!(told.contains("condition.classes") && told.contains("use --provider cpu"), "{told}");
        let path = place.path("model/denoiser.json");
        let mut manifest: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        manifest["sample"]["range"] = json!([-1, 1]);
        manifest["condition"]["classes"] = json!(3);
        manifest["scheduler"] =
            json!({"num_train_timesteps": 100, "beta_schedule": "squaredcos_cap_v2", "prediction_type": "epsilon"});
        fs::write(path, manifest.to_string()).unwrap();
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
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

    #[track_caller]
    fn refused(&self, arguments: &[&str], named: &str) {
        let (code, out, err) = self.run(arguments);
        assert!(code == Some(2) && out.is_empty() && err.contains(named), "{arguments:?}: {code:?} {err}");
    }

    #[track_caller]
    fn sample(&self, arguments: &[&str]) -> (Array4<f32>, Array1<i64>, Value) {
        let all = ["sample", "--model=model", "--threads=1", "--steps=20", "--output=out.npz"];
        let told = self.done(&[&all[..], arguments].concat());
        let mut npz = NpzReader::new(fs::File::open(self.path("out.npz")).unwrap()).unwrap();
        (npz.by_name("sample").unwrap(), npz.by_name("label").unwrap(), serde_json::from_str(&told).unwrap())
    }
}

fn write(path: &Path, arrays: &[(&str, ArrayD<f64>)]) {
    let mut npz = NpzWriter::new(fs::File::create(path).unwrap());
    arrays.iter().for_each(|(name, array)| npz.add_array(*name, array).unwrap());
    npz.finish().unwrap();
}

fn close(a: &ArrayD<f32>, b: &ArrayD<f32>) -> bool {
    a.shape() == b.shape() && a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-4)
}

#[test]
fn samples_are_drawn_for_labels_and_from_seeds() {
    let place = Place::new();
    let (all, labels, told) = place.sample(&["--sampler=sequential", "--count=70", "--seed=5"]);
    assert_eq!(all.dim(), (70, 2, 2, 3));
    assert!(labels.iter().enumerate().all(|(sample, &label)| label == sample as i64 % 3));
    assert_eq!((&told["count"], &told["rounds_mean"], &told["cut_short"]), (&json!(70), &json!(20.0), &json!(0)));
    // Sample 65 is in the second batch: alone, from its own seed, it is the same.
    let (alone, ..) = place.sample(&["--sampler=sequential", "--seed=70", "--label=2"]);
    let again = all.slice(s![65..66, .., .., ..]).to_owned();
    assert!(close(&alone.into_dyn(), &again.into_dyn()));

    let (some, labels, _) = place.sample(&["--sampler=picard", "--tolerance=0", "--count=4", "--label=2,0"]);
    assert_eq!((labels, some.len_of(Axis(0))), (array![2, 0, 2, 0], 4));
}

#[test]
fn labels_and_noise_come_from_a_file() {
    let place = Place::new();
    let initial = Array4::from_shape_fn((2, 2, 2, 3), |(sample, ..)| sample as f64).into_dyn();
    let steps = ArrayD::zeros(vec![2, 20, 2, 2, 3]);
    let input = place.path("in.npz");
    write(&input, &[("label", array![1.0, 1.0].into_dyn()), ("initial_noise", initial), ("step_noise", steps)]);
    let (drawn, labels, _) = place.sample(&["--sampler=sequential", "--input=in.npz"]);
    assert_eq!(labels, array![1, 1]);
    // Every number of a sample begins alike and is moved alike.
    for sample in drawn.outer_iter() {
        assert!(sample.iter().all(|value| (value - sample[[0, 0, 0]]).abs() < 1e-6));
    }
    let sample = ["sample", "--model=model", "--steps=20", "--output=out.npz", "--input=in.npz"];
    place.refused(&[&sample[..], &["--count=3"]].concat(), "`label` is of 2 samples, but --count of 3");
    place.refused(&[&sample[..], &["--label=1"]].concat(), "`label` and --label are given: leave one out");
    place.refused(
        &["sample", "--model=model", "--steps=10", "--output=out.npz", "--input=in.npz"],
        "in.npz: `step_noise` has shape [20, 2, 2, 3] for a sample, but the denoiser and --steps ask for [10, 2, 2, 3]",
    );
    write(&input, &[("label", array![1.0, 3.0].into_dyn())]);
    place.refused(&sample, "the label of sample 1 is 3, but must be a class of the denoiser, 0 to 2");
    write(&input, &[("others", array![1.0].into_dyn())]);
    place.refused(&sample, "in.npz: there is none of the arrays `label`");
}

#[test]
fn images_are_written_as_a_grid_where_they_are_images() {
    let place = Place::new();
    let sample = ["sample", "--model=model", "--steps=5", "--count=3"];
    place.refused(&[&sample[..], &["--output=out.png"]].concat(), "samples of shape [2, 2, 3] are no images");
    place.refused(&[&sample[..], &["--output=out.txt"]].concat(), "--output out.txt: the name must end in .npz");
}

#[test]
fn samplers_are_compared_on_what_a_file_gives() {
    let place = Place::new();
    write(&place.path("labels.npz"), &[("label", array![2.0, 0.0, 1.0].into_dyn())]);
    let told = place.done(&[
        "bench",
        "--model=model",
        "--threads=1",
        "--steps=20,10",
        "--sampler=picard",
        "--input=labels.npz",
        "--json",
    ]);
    let told: Value = serde_json::from_str(&told).unwrap();
    let rows = told["rows"].as_array().unwrap();
    let plans: Vec<_> = rows.iter().map(|row| (&row["sampler"], &row["steps"], &row["plans"])).collect();
    let expected = [("sequential", 20), ("picard", 20), ("sequential", 10), ("picard", 10)];
    let expected: Vec<_> = expected.map(|(sampler, steps)| (json!(sampler), json!(steps), json!(3))).into();
    assert!(plans.iter().zip(&expected).all(|(found, (a, b, c))| *found == (a, b, c)), "{plans:?}");
    place.refused(&["bench", "--model=model", "--drawn"], "are for policies");
    place.refused(&["bench", "--model=model", "--sampler=auto"], "measures policies alone");
}

#[test]
fn a_policy_is_compared_on_what_a_file_gives() {
    let place = Place::new();
    let observations = Array3::from_shape_fn((4, 2, 20), |(plan, step, at)| (200 + 20 * plan + step + at) as f64);
    write(&place.path("observations.npz"), &[("observation", observations.into_dyn())]);
    let model = format!("--model={}", root().join("models/pusht").display());
    let bench = ["bench", model.as_str(), "--solver=ddim", "--steps=5", "--sampler=picard", "--input=observations.npz"];
    let told: Value = serde_json::from_str(&place.done(&[&bench[..], &["--json"]].concat())).unwrap();
    assert_eq!((&told["rows"][0]["plans"], &told["rows"][1]["plans"]), (&json!(4), &json!(4)));
    write(&place.path("observations.npz"), &[("observation", Array2::zeros((3, 20)).into_dyn())]);
    place.refused(&bench, "shape is [3, 20], but the policy sees [2, 20]");
    place.refused(
        &["sample", model.as_str(), "--output=out.npz"],
        "--input is needed: a policy plans for an observation",
    );
}

#[test]
fn a_denoiser_is_described_and_what_acts_refuses_it() {
    let place = Place::new();
    let told: Value = serde_json::from_str(&place.done(&["inspect", "model"])).unwrap();
    assert_eq!((&told["provider"], &told["manifest"]["sample"]["shape"]), (&json!("cpu"), &json!([2, 2, 3])));
    let no_policy = "denoiser.json: describes a denoiser that is no policy";
    for command in
        [&["run", "--model=model"][..], &["calibrate", "--model=model"], &["study", "latency", "--model=model"]]
    {
        place.refused(command, no_policy);
    }
    place.refused(
        &["sample", "--model=model", "--provider=native", "--steps=5", "--output=out.npz"],
        "use the provider cpu",
    );
}
