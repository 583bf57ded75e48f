//! A backend written outside of the crate is chosen by name, runs a policy, and is refused what it does not say it can.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

#[allow(dead_code, reason = "the example has a main function")]
#[path = "../examples/outside_backend.rs"]
mod outside_backend;
#[path = "common/sessions.rs"]
mod sessions;

use std::path::{Path, PathBuf};

use ndarray::{Array1, Array2};
use outside_backend::{DEVIATION, STANDSTILL, Standstill, backends, plan};
use parapolicy_policy::{Backend, Backends, Inference, NATIVE, Network, Precision};

fn models() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models")
}

fn inference() -> Inference {
    Inference { provider: STANDSTILL, threads: 1, ..Inference::default() }
}

#[test]
fn it_draws_the_plans_that_it_says() {
    let network = Network::load(&models().join("pusht"), &inference().open(&()).unwrap()).unwrap();
    let seen = &network.manifest().observations[1].normalization;
    let origin = network.origin(Array2::zeros((2, 20)).view()).unwrap();
    let raw =
        |values: [f32; 2]| network.actions(Array1::from_iter(values.into_iter().cycle().take(32)).view(), &origin);
    for agent in [[180.0, 320.0], [256.0, 100.0]] {
        let actions = plan(&models(), backends().unwrap().parse("standstill").unwrap(), agent).unwrap();
        // Its mean is where the agent is seen; the target's own units are a little different.
        let mean = [0, 1].map(|axis| seen.normalize(axis, agent[axis]));
        let deviation = (raw(mean.map(|value| value + DEVIATION)) - raw(mean)).mapv(f64::abs);
        let apart = (&actions - &raw(mean)) / &deviation;
        let spread = apart.mapv(|apart| apart * apart).mean().unwrap().sqrt();
        assert!(apart.iter().all(|apart| apart.abs() < 4.0), "{apart}");
        assert!(apart.mean().unwrap().abs() < 0.5 && (0.7..1.3).contains(&spread), "{apart}");
    }
}

#[test]
fn rows_that_sessions_share_are_predicted_as_by_one() {
    sessions::assert_predictions_are_those_of_one(&inference());
}

#[test]
fn reports_name_it() {
    let provider = inference().open(&()).unwrap();
    assert_eq!((provider.to_string(), provider.version(), provider.library()), ("standstill 1.0".into(), "1.0", None));
    assert_eq!(Inference { threads: 0, ..inference() }.candidates().len(), 1, "it has nothing to choose from");
    let network = Network::load(&models().join("pusht"), &provider).unwrap();
    assert_eq!(network.work(4).unwrap_err(), "the work of this backend is not counted");
}

#[test]
fn what_it_does_not_say_it_can_is_refused() {
    let refused = |inference: Inference| inference.open(&()).unwrap_err().to_string();
    let library = Some("libonnxruntime.so".into());
    let errors = [
        refused(Inference { precision: Precision::Bf16, ..inference() }),
        refused(Inference { pinned: true, ..inference() }),
        refused(Inference { devices: vec![0, 1], ..inference() }),
        refused(Inference { library, ..inference() }),
    ];
    insta::assert_snapshot!("refused", errors.join("\n"));
}

/// The engine encodes where a backend does not.
#[test]
fn it_needs_to_run_no_encoders() {
    Network::load(&models().join("pusht-image"), &inference().open(&()).unwrap()).unwrap();
}

#[test]
fn names_are_those_of_the_list() {
    let names = |backends: &Backends| backends.iter().map(|name| name.to_string()).collect::<Vec<_>>();
    assert_eq!(names(&Backends::default()), ["native"]);
    assert_eq!(names(&backends().unwrap()), ["native", "standstill"]);
    assert_eq!(backends().unwrap().parse("standstill").unwrap(), STANDSTILL);

    let unknown = backends().unwrap().parse("Native").unwrap_err().to_string();
    assert_eq!(unknown, "provider: `Native` is not known; use native, standstill");
    let unknown = Backends::default().parse("standstill").unwrap_err().to_string();
    assert_eq!(unknown, "provider: `standstill` is not known; use native");
}

#[test]
fn a_name_that_is_taken_is_refused() {
    let twice = backends().unwrap().with(&Standstill).unwrap_err().to_string();
    assert_eq!(twice, "there is a backend named `standstill` already: give yours another name");
    let taken = Backends::default().with(NATIVE.backend()).unwrap_err().to_string();
    assert_eq!(taken, "there is a backend named `native` already: give yours another name");
}

/// Where no backend is named, the engine is meant; a library asks for the first that takes one, and there is none.
#[test]
fn the_engine_is_meant_where_none_is_named() {
    let backends = backends().unwrap();
    assert_eq!(backends.implied(None), NATIVE);
    assert_eq!(backends.implied(Some("libonnxruntime.so".as_ref())), NATIVE);
    assert_eq!(backends.inference(), Inference::default(), "none of them runs encoders");
    assert!(!Standstill.runs_encoders());
}
