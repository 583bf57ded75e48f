//! Every way in which `policy.json` can be wrong, and what the user reads then.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

#[path = "common/policies.rs"]
mod policies;

use std::{fmt::Write as _, fs, path::Path};

use parapolicy_policy::{Kind, Manifest};
use policies::{describe_encoder, json, text, write_manifest};
use serde_json::{Value, json};
use tempfile::TempDir;

/// The error of a manifest in which the value at `pointer` was replaced.
fn error_with(pointer: &str, value: Value) -> String {
    let mut manifest = json("policy.json");
    *manifest.pointer_mut(pointer).unwrap() = value;
    error_of(&manifest.to_string())
}

fn error_of(manifest: &str) -> String {
    let dir = TempDir::new().unwrap();
    fs::write(dir.path().join("policy.json"), manifest).unwrap();
    text(dir.path(), &Manifest::load(dir.path()).unwrap_err())
}

#[test]
fn a_good_manifest_says_what_it_says() {
    let dir = TempDir::new().unwrap();
    let mut original = json("policy.json");
    original["observations"][0]["shape"] = json!([2, 1]);
    write_manifest(dir.path(), &original);
    let manifest = Manifest::load(dir.path()).unwrap();
    assert_eq!(manifest.observation_dim(), 3);
    assert_eq!(manifest.action_dim(), 2);
    assert_eq!(manifest.sample_dim(), 8);
    // The plan's first action belongs to the older of two observations.
    assert_eq!(manifest.executed_steps(), 1..4);

    let again: Manifest = serde_json::from_value(serde_json::to_value(&manifest).unwrap()).unwrap();
    assert_eq!(again, manifest);
}

#[test]
fn versions_from_the_first_on_are_read() {
    let dir = TempDir::new().unwrap();
    let mut original = json("policy.json");
    for version in [1, 2, 3, 4, 5, 6] {
        original["schema_version"] = json!(version);
        write_manifest(dir.path(), &original);
        assert_eq!(Manifest::load(dir.path()).unwrap().schema_version, version);
    }
}

#[test]
fn a_unit_is_a_word() {
    let dir = TempDir::new().unwrap();
    let mut manifest = json("policy.json");
    for (unit, is_one) in [("px", true), ("°/s", true), ("", false), ("3px", false), (".5", false)] {
        manifest["actions"][0]["unit"] = json!(unit);
        write_manifest(dir.path(), &manifest);
        let told = Manifest::load(dir.path()).err().map(|error| error.to_string()).unwrap_or_default();
        assert_eq!(told.is_empty(), is_one, "{unit}");
        assert!(is_one || told.contains("`actions[0].unit` is empty or begins like a number"), "{told}");
    }
}

#[test]
fn kinds_are_of_actions_and_rotations_have_their_numbers() {
    let dir = TempDir::new().unwrap();
    let original = json("policy.json");
    let loaded = |list: &str, kind: Value, shape: Value| {
        let mut manifest = original.clone();
        (manifest[list][0]["kind"], manifest[list][0]["shape"]) = (kind, shape);
        let count = manifest[list][0]["shape"].as_array().unwrap().iter().filter_map(Value::as_u64).product::<u64>();
        manifest[list][0]["normalization"] = json!({"mode": "identity"});
        assert!(count > 0);
        write_manifest(dir.path(), &manifest);
        Manifest::load(dir.path()).map_err(|error| error.to_string())
    };
    for (kind, shape, read) in [
        ("position", json!([3]), Kind::Position),
        ("gripper", json!([2]), Kind::Gripper),
        ("quaternion", json!([4]), Kind::Quaternion),
        ("rotation_6d", json!([2, 3]), Kind::Rotation6d),
    ] {
        let manifest = loaded("actions", json!(kind), shape).unwrap();
        assert_eq!((manifest.actions[0].kind, read.to_string()), (read, kind.to_owned()));
        let again: Manifest = serde_json::from_value(serde_json::to_value(&manifest).unwrap()).unwrap();
        assert_eq!(again, manifest);
    }
    let refused = [
        ("actions", json!("quaternion"), json!([3]), "`actions[0].shape` is [3], but a quaternion has 4 numbers"),
        ("actions", json!("rotation_6d"), json!([9]), "`actions[0].shape` is [9], but a rotation_6d has 6 numbers"),
        (
            "observations",
            json!("gripper"),
            json!([2]),
            "`observations[0].kind` is gripper, but only entries of actions",
        ),
        ("actions", json!("relative"), json!([2]), "unknown variant `relative`, expected one of `position`, `gripper`"),
    ];
    for (list, kind, shape, words) in refused {
        let told = loaded(list, kind, shape).unwrap_err();
        assert!(told.contains(words), "{told}");
    }
}

#[test]
fn actions_are_relative_to_an_observation_number_by_number() {
    let dir = TempDir::new().unwrap();
    let original = json("policy.json");
    let loaded = |change: &dyn Fn(&mut Value)| {
        let mut manifest = original.clone();
        change(&mut manifest);
        write_manifest(dir.path(), &manifest);
        Manifest::load(dir.path()).map_err(|error| error.to_string())
    };
    let to = |observation: &str, components: Value| json!({ "observation": observation, "components": components });
    let of_action = |relative: Value| loaded(&|manifest| manifest["actions"][0]["relative_to"] = relative.clone());
    for (relative, numbers) in [
        (to("position", json!([0, 1])), [Some(0), Some(1)]),
        (to("position", json!([1, null])), [Some(1), None]),
        (to("angle", json!([null, 0])), [None, Some(2)]),
    ] {
        let manifest = of_action(relative).unwrap();
        assert_eq!(manifest.relative_components().collect::<Vec<_>>(), numbers);
        let again: Manifest = serde_json::from_value(serde_json::to_value(&manifest).unwrap()).unwrap();
        assert_eq!(again, manifest);
    }
    let absolute = loaded(&|_| ()).unwrap();
    assert_eq!(absolute.relative_components().collect::<Vec<_>>(), [None, None]);
    assert!(!serde_json::to_string(&absolute).unwrap().contains("relative_to"));
    for (relative, words) in [
        (
            to("state", json!([0, 1])),
            "`actions[0].relative_to.observation` is \"state\", but the observations are position, angle",
        ),
        (
            to("position", json!([0])),
            "`actions[0].relative_to.components` has 1 components, but the entry has 2 numbers",
        ),
        (to("angle", json!([0, 1])), "`actions[0].relative_to.components[1]` is 1, but \"angle\" has 1 numbers"),
        (to("angle", json!([null, null])), "`actions[0].relative_to.components` is null throughout"),
        (to("angle", json!([-1, 0])), "`actions[0].relative_to.components[0]` cannot be read"),
        (json!("angle"), "`actions[0].relative_to` cannot be read"),
        (json!({ "observation": "angle" }), "missing field `components`"),
    ] {
        let told = of_action(relative).unwrap_err();
        assert!(told.contains(words), "{told}");
    }
    let seen = loaded(&|manifest| manifest["observations"][1]["relative_to"] = to("position", json!([0]))).unwrap_err();
    assert!(
        seen.contains("`observations[1].relative_to` is given, but only entries of actions are relative"),
        "{seen}"
    );
}

#[test]
fn rotations_are_relative_to_nothing() {
    let dir = TempDir::new().unwrap();
    for (kind, size, is_one) in
        [("position", 4, false), ("gripper", 2, false), ("quaternion", 4, true), ("rotation_6d", 6, true)]
    {
        let mut manifest = json("policy.json");
        let components: Vec<usize> = (0..size).map(|index| index % 2).collect();
        manifest["actions"] = json!([{
            "name": "turn", "shape": [size], "kind": kind, "normalization": { "mode": "identity" },
            "relative_to": { "observation": "position", "components": components },
        }]);
        write_manifest(dir.path(), &manifest);
        let told = Manifest::load(dir.path()).err().map(|error| error.to_string()).unwrap_or_default();
        assert_eq!(
            told.contains(&format!("`actions[0].relative_to` is given, but a {kind} is no sum")),
            is_one,
            "{told}"
        );
        assert_eq!(told.is_empty(), !is_one);
    }
}

#[test]
fn every_wrong_field_is_named() {
    let cases = [
        ("/schema_version", json!(0)),
        ("/schema_version", json!(7)),
        ("/schema_version", json!("1")),
        ("/n_obs_steps", json!(0)),
        ("/n_obs_steps", json!(-2)),
        ("/n_obs_steps", json!(3)),
        ("/horizon", json!(0)),
        ("/horizon", json!(3)),
        ("/horizon", json!(1_i64 << 40)),
        ("/n_action_steps", json!(0)),
        ("/observations", json!([])),
        ("/actions", json!([])),
        ("/observations/0/name", json!("")),
        ("/observations/1/name", json!("position")),
        ("/observations/0/shape", json!([0])),
        ("/observations/0/shape", json!([1_i64 << 40, 1_i64 << 40])),
        ("/observations/0/shape", json!([3])),
        ("/observations/0/normalization/mode", json!("mean_std")),
        ("/observations/0/normalization/min", json!([0.0])),
        ("/observations/0/normalization/max", json!([512.0, 512.0, 512.0])),
        ("/observations/0/normalization/min", json!([0.0, 512.0])),
        ("/actions/0/normalization", json!({ "mode": "min_max", "min": [-1.7e308, 0.0], "max": [1.7e308, 1.0] })),
        ("/observations/0/normalization/max", json!([1.7e308, null])),
        ("/observations/0/normalization", json!({ "mode": "min_max", "min": [0, 0], "max": [1, 1], "std": [1, 1] })),
        ("/observations/0/normalization", json!({ "mode": "identity", "min": [0, 0] })),
        ("/actions/0/normalization/max", json!([10.0, 1.0])),
        ("/actions/0/normalization", json!({ "mode": "mean_std", "mean": [0.0], "std": [1.0, 1.0] })),
        ("/actions/0/normalization", json!({ "mode": "mean_std", "mean": [0.0, 0.0], "std": [1.0, 0.0] })),
        ("/actions/0/normalization", json!({ "mode": "quantiles" })),
        ("/scheduler/num_train_timesteps", json!(0)),
        ("/scheduler/beta_schedule", json!("triangular")),
        ("/scheduler", json!({ "thresholding": true })),
        ("/denoiser/file", json!("../denoiser.onnx")),
        ("/denoiser/file", json!("")),
        ("/denoiser/file", json!("..")),
        ("/denoiser/sha256", json!("0123")),
        ("/denoiser/sha256", json!("g".repeat(64))),
        ("/denoiser/timestep", json!("sample")),
        ("/denoiser/observation", json!("")),
        ("/denoiser/prediction", json!("")),
    ];
    let mut errors = String::new();
    for (pointer, value) in cases {
        writeln!(errors, "{pointer} = {value}\n  {}", error_with(pointer, value.clone())).unwrap();
    }
    insta::assert_snapshot!("wrong_fields", errors);
}

#[test]
fn every_wrong_field_of_an_encoder_is_named() {
    let mut errors = String::new();
    for (field, value) in [
        ("file", json!("../encoder.onnx")),
        ("sha256", json!("0123")),
        ("observation", json!("")),
        ("features", json!("")),
        ("size", json!(0)),
        ("camera", json!("front")),
    ] {
        let mut manifest = json("policy.json");
        describe_encoder(&mut manifest, &"0".repeat(64));
        manifest["encoder"][field] = value.clone();
        writeln!(errors, "{field} = {value}\n  {}", error_of(&manifest.to_string())).unwrap();
    }
    insta::assert_snapshot!("wrong_encoder", errors);
}

#[test]
fn every_wrong_task_is_named() {
    let task = |name: &str, embedding: Value| json!({ "name": name, "instruction": "", "embedding": embedding });
    let wrong = [
        (json!([task("", json!([0.5]))]), "`tasks[0].name` is empty"),
        (json!([task("push", json!([]))]), "`tasks[0].embedding` is empty"),
        (json!([task("push", json!([0.5])), task("push", json!([1.0]))]), "`tasks[1].name` repeats \"push\""),
        (
            json!([task("push", json!([0.5])), task("pull", json!([1.0, 2.0]))]),
            "`tasks[1].embedding` has 2 numbers, that of the first task 1",
        ),
        (json!([task("push", json!([1e300]))]), "`tasks[0].embedding[0]` cannot be read: number out of range"),
        (json!([{ "name": "push", "embedding": [1.0] }]), "missing field `instruction`"),
    ];
    for (tasks, expected) in wrong {
        let mut manifest = json("policy.json");
        manifest["tasks"] = tasks;
        let error = error_of(&manifest.to_string());
        assert!(error.contains(expected), "{error}");
    }
    let mut manifest = json("policy.json");
    manifest["tasks"] = json!([task("push", json!([0.5]))]);
    manifest["denoiser"].as_object_mut().unwrap().remove("observation").unwrap();
    assert!(error_of(&manifest.to_string()).contains("`tasks` are there, but observations are a part of the plan"));
}

#[test]
fn every_missing_field_is_named() {
    let manifest = json("policy.json");
    let needed = ["schema_version", "name", "n_obs_steps", "horizon", "n_action_steps", "observations", "actions"];
    for field in needed.into_iter().chain(["scheduler", "denoiser"]) {
        let mut manifest = manifest.clone();
        manifest.as_object_mut().unwrap().remove(field).unwrap();
        let error = error_of(&manifest.to_string());
        assert!(error.contains(&format!("missing field `{field}`")), "{error}");
    }
}

#[test]
fn what_is_not_a_manifest_is_refused() {
    let whole = json("policy.json").to_string();
    let mut errors = String::new();
    for (what, manifest) in [
        ("empty", String::new()),
        ("truncated", whole[..whole.len() / 2].into()),
        ("followed by more", whole.clone() + "{}"),
        ("a list", "[1, 2]".into()),
        ("an unknown field", whole.replacen('{', r#"{"n_history": 2,"#, 1)),
        ("a number too large", whole.replacen("512.0", "1e999", 1)),
        ("a NaN", whole.replacen("512.0", "NaN", 1)),
        ("a field twice", whole.replacen('{', r#"{"horizon": 4,"#, 1)),
    ] {
        writeln!(errors, "{what}\n  {}", error_of(&manifest)).unwrap();
    }
    insta::assert_snapshot!("not_a_manifest", errors);
}

#[test]
fn what_cannot_be_read_is_named() {
    let dir = TempDir::new().unwrap();
    insta::assert_snapshot!("missing_manifest", text(dir.path(), &Manifest::load(dir.path()).unwrap_err()));

    fs::write(dir.path().join("policy.json"), [0xff, 0xfe, 0x00]).unwrap();
    insta::assert_snapshot!("binary_manifest", text(dir.path(), &Manifest::load(dir.path()).unwrap_err()));
}

#[test]
fn sizes_that_ask_for_too_much_together_are_refused() {
    let large = 1_i64 << 24;
    let identity = json!({ "mode": "identity" });
    let entry = |size: i64| json!([{ "name": "a", "shape": [size], "normalization": identity }]);
    let mut errors = Vec::new();
    for changes in [
        vec![("horizon", json!(1 << 25)), ("actions", entry(large))],
        vec![("horizon", json!(1 << 20)), ("actions", entry(2))],
        vec![("horizon", json!(1 << 20)), ("n_obs_steps", json!(1 << 10)), ("observations", entry(1 << 20))],
        vec![("actions", json!([{ "name": "a", "shape": [1_i64 << 33, 1_i64 << 33, 0], "normalization": identity }]))],
        vec![("n_obs_steps", json!(u64::MAX)), ("n_action_steps", json!(u64::MAX))],
    ] {
        let mut manifest = json("policy.json");
        for (field, value) in changes {
            manifest[field] = value;
        }
        errors.push(error_of(&manifest.to_string()));
    }
    let mut manifest = json("policy.json");
    describe_encoder(&mut manifest, &"0".repeat(64));
    manifest["encoder"]["size"] = json!(1 << 25);
    errors.push(error_of(&manifest.to_string()));
    insta::assert_snapshot!("too_much", errors.join("\n"));
}

#[test]
fn what_lies_where_a_policy_was_looked_for_is_told() {
    let dir = TempDir::new().unwrap();
    let told = |folder: &Path| text(dir.path(), &Manifest::load(folder).unwrap_err());
    let mut tellings = vec![told(&dir.path().join("nowhere"))];
    for (case, files) in [
        ("empty", &[][..]),
        ("lerobot", &["config.json", "model.safetensors"]),
        ("workspace", &["latest.ckpt"]),
        ("graph", &["net.onnx"]),
        ("all", &["a/policy.json", "b/policy.json", "c/x"]),
    ] {
        for file in files {
            let path = dir.path().join(case).join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        fs::create_dir_all(dir.path().join(case)).unwrap();
        tellings.push(told(&dir.path().join(case)));
    }
    tellings.push(told(&dir.path().join("workspace/latest.ckpt")));
    insta::assert_snapshot!("nothing_there", tellings.join("\n"));
}

/// Editors on Windows write it.
#[test]
fn the_mark_before_utf8_is_understood_and_utf16_is_named() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("policy.json");
    let manifest = json("policy.json").to_string();
    fs::write(&path, format!("\u{feff}{manifest}")).unwrap();
    Manifest::load(dir.path()).unwrap();
    let utf16: Vec<u8> = format!("\u{feff}{manifest}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    fs::write(&path, utf16).unwrap();
    let error = text(dir.path(), &Manifest::load(dir.path()).unwrap_err());
    assert!(error.starts_with("DIR/policy.json: cannot be read (it is text in UTF-16: save it as UTF-8); "), "{error}");
}

/// What would never end.
#[cfg(unix)]
#[test]
fn pipes_and_devices_are_refused() {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("policy.json");
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    let refusal = || text(dir.path(), &Manifest::load(dir.path()).unwrap_err());
    assert!(refusal().contains("it is a pipe or a device: a regular file is needed"), "{}", refusal());
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
    assert!(refusal().contains("it is a pipe or a device: a regular file is needed"), "{}", refusal());
    fs::remove_file(&path).unwrap();
    // As sparse as a file may be, and too long.
    fs::File::create(&path).unwrap().set_len(1 << 40).unwrap();
    assert!(refusal().contains("it has more than 67108864 bytes"), "{}", refusal());
}
