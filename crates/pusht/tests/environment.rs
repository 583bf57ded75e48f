//! What PushT lets policies observe, by the names that their manifests have for it.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::path::Path;

use ndarray::Array1;
use parapolicy_control::Environment as _;
use parapolicy_policy::Manifest;
use parapolicy_pusht::{PushT, Renderer, Scenario};
use serde_json::{Value, json};

fn scenario() -> Scenario {
    Scenario::load(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sims/nominal.toml")).unwrap()
}

fn manifest(observations: &[(&str, &[usize])]) -> Manifest {
    let entry = |(name, shape): &(&str, &[usize])| json!({ "name": name, "shape": shape, "normalization": { "mode": "identity" } });
    let observations: Vec<Value> = observations.iter().map(entry).collect();
    serde_json::from_value(json!({
        "schema_version": 2, "name": "any", "n_obs_steps": 1, "horizon": 2, "n_action_steps": 1,
        "observations": observations,
        "actions": [{ "name": "action", "shape": [2], "normalization": { "mode": "identity" } }],
        "scheduler": { "num_train_timesteps": 100, "beta_schedule": "squaredcos_cap_v2", "prediction_type": "epsilon" },
        "denoiser": { "file": "a", "sha256": "", "sample": "s", "timestep": "t", "prediction": "p" },
    }))
    .unwrap()
}

#[test]
fn entries_are_observed_by_their_names() {
    let observations: [(&str, &[usize]); 4] = [
        ("observation.state", &[2]),
        ("observation.image", &[48, 64, 3]),
        ("agent_pos", &[2]),
        ("observation.environment_state", &[16]),
    ];
    let mut environment = PushT::new(scenario(), &manifest(&observations)).unwrap();
    environment.reset(100_000).unwrap();
    let mut seen = Array1::zeros(environment.observation_dim());
    environment.observe(seen.view_mut()).unwrap();

    let state = environment.task().world().state();
    let frame = Renderer::new(64, 48).unwrap().draw(&state, &[]);
    let agent = [state.agent.x, state.agent.y];
    let expected: Vec<f64> = agent
        .into_iter()
        .chain(frame.rgb().iter().map(|&channel| f64::from(channel)))
        .chain(agent)
        .chain(state.vertices()[..16].iter().copied())
        .collect();
    assert_eq!(seen.to_vec(), expected);
    assert!(environment.tracker().unwrap().is_some());
}

#[test]
fn what_is_not_there_is_named() {
    let refused = |name: &str, shape: &[usize]| {
        let error = PushT::new(scenario(), &manifest(&[(name, shape)])).err().unwrap().to_string();
        assert!(error.contains(&format!("wants `{name}`")) && error.contains("`observation.image`"), "{error}");
    };
    refused("image", &[96, 96]);
    refused("image", &[100_000, 1, 3]);
    refused("observation.images.top", &[96, 96, 3]);
    refused("agent", &[3]);
}
