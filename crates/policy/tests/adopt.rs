//! Graphs of other origin: what is told of them, what is refused, and what is written.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

#[path = "common/policies.rs"]
mod policies;

use std::{fmt::Write as _, fs};

use parapolicy_policy::{AdoptError, Adoption, Manifest, RoleNames, adopt};
use policies::{fixture, text};

fn adopted(graph: &str, names: &RoleNames) -> Result<Adoption, AdoptError> {
    adopt(&fixture(graph), "foreign", names)
}

/// What each tensor is taken for, or why none is.
fn told(graph: &str, names: &RoleNames) -> String {
    match adopted(graph, names) {
        Ok(adoption) => adoption.roles.iter().map(|(role, tensor)| format!("{role} `{}` ", tensor.name)).collect(),
        Err(error) => text(fixture("affine.onnx").parent().unwrap(), &error),
    }
}

#[test]
fn tensors_are_told_apart_or_refused_by_name() {
    let graphs = [
        "affine",
        "float_timestep",
        "inpainted",
        "flat_observation",
        "foreign/called",
        "foreign/open",
        "foreign/ambiguous",
        "foreign/two_outputs",
        "foreign/turned",
        "foreign/channels_first",
        "foreign/images",
        "foreign/two_observations",
        "foreign/no_timestep",
        "foreign/one_timestep",
        "foreign/no_plan",
        "foreign/fixed",
        "fixed_output",
        "extra_input",
        "double_sample",
        "encoder",
    ];
    let told = graphs.map(|graph| format!("{graph}: {}", told(&format!("{graph}.onnx"), &RoleNames::default())));
    insta::assert_snapshot!("told", told.join("\n"));
}

#[test]
fn what_is_named_counts() {
    let names = |sample: &str, timestep: &str, observation: &str, prediction: &str| {
        let name = |name: &str| (!name.is_empty()).then(|| name.to_owned());
        RoleNames {
            sample: name(sample),
            timestep: name(timestep),
            observation: name(observation),
            prediction: name(prediction),
        }
    };
    let cases = [
        ("foreign/ambiguous", names("b", "", "", "")),
        ("foreign/ambiguous", names("", "", "b", "")),
        ("foreign/two_outputs", names("", "", "", "second")),
        ("foreign/called", names("global_cond", "", "", "")),
        ("foreign/ambiguous", names("t", "", "", "")),
        ("foreign/ambiguous", names("c", "", "", "")),
        ("foreign/ambiguous", names("a", "", "c", "")),
        ("foreign/two_observations", names("", "", "state", "")),
    ];
    let told = cases.map(|(graph, names)| told(&format!("{graph}.onnx"), &names));
    insta::assert_snapshot!("named", told.join("\n"));
}

#[test]
fn files_that_are_no_graphs_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("graph.onnx");
    let refused = || text(dir.path(), &adopt(&path, "foreign", &RoleNames::default()).unwrap_err());
    let mut found = vec![refused()];
    let whole = fs::read(fixture("affine.onnx")).unwrap();
    for bytes in [&whole[..0], &whole[..whole.len() / 2], &whole[..whole.len() - 1], b"no graph, but a text"] {
        fs::write(&path, bytes).unwrap();
        found.push(refused());
    }
    insta::assert_snapshot!("files", found.join("\n"));
}

#[test]
fn a_skeleton_has_what_the_graph_tells_and_is_refused_by_its_blanks() {
    let dir = tempfile::tempdir().unwrap();
    let mut found = String::new();
    for graph in ["affine", "inpainted", "foreign/open"] {
        let adoption = adopted(&format!("{graph}.onnx"), &RoleNames::default()).unwrap();
        let out = dir.path().join(graph).join("policy");
        adoption.write(&out).unwrap();
        let refusal = Manifest::load(&out).unwrap_err();
        let mut blanks: Vec<_> = adoption.blanks.iter().map(|blank| format!("`{}`", blank.field)).collect();
        blanks.sort();
        assert!(refusal.to_string().ends_with(&format!("still to be filled in: {}", blanks.join(", "))), "{refusal}");
        let engine = adoption.refusal.as_ref().map_or_else(|| "runs".into(), ToString::to_string);
        writeln!(found, "{}engine: {engine}", adoption.manifest()).unwrap();
    }
    insta::assert_snapshot!("skeletons", found);
}

#[test]
fn a_directory_is_whole_or_untouched() {
    let dir = tempfile::tempdir().unwrap();
    let adoption = adopted("affine.onnx", &RoleNames::default()).unwrap();
    let (file, out) = (dir.path().join("file"), dir.path().join("out"));
    fs::write(&file, "here before").unwrap();
    fs::create_dir(&out).unwrap();
    for place in [&file, &out, &file.join("policy")] {
        adoption.write(place).unwrap_err();
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), "here before");
    assert_eq!(fs::read_dir(&out).unwrap().count(), 0);
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "nothing is left behind");

    let out = dir.path().join("new/policy");
    adoption.write(&out).unwrap();
    assert_eq!(fs::read(out.join("denoiser.onnx")).unwrap(), fs::read(fixture("affine.onnx")).unwrap());
    assert_eq!(fs::read_dir(out.parent().unwrap()).unwrap().count(), 1);
    assert!(adoption.write(&out).unwrap_err().to_string().contains("is there already"));
}
