//! An environment written outside of the eval crate, in one file: a cart on a rail that is to stop at a mark.
//!
//! [`Cart`] is the world, [`RAIL`] its line on a list of environments, with which a program can choose it by name.
//!
//! `cargo run -p parapolicy-eval --example outside_environment` plays three episodes of it.

use std::path::Path;
use std::time::Duration;

use ndarray::{Array1, Array2, ArrayView1, ArrayViewMut1};
use parapolicy_control::{BoxError, Environment, Outcome, Plan, Policy};
use parapolicy_eval::{
    DuplicateEnvironment, EnvironmentError, EnvironmentKind, EnvironmentName, Environments, Scenario, run_episode,
};
use parapolicy_policy::Manifest;
use serde_json::json;

/// Greatest step of the cart in a control step, in m.
const STEP: f64 = 0.05;
/// The mark is reached within this distance, in m.
const NEAR: f64 = 0.005;
/// Control steps of an episode at most.
const STEPS: usize = 40;

/// A cart on a rail of 1 m. Observed are the places of cart and mark, in m; actions are displacements, in m.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Cart {
    place: f64,
    mark: f64,
    steps: usize,
}

impl Environment for Cart {
    fn observation_dim(&self) -> usize {
        2
    }

    fn action_dim(&self) -> usize {
        1
    }

    fn period(&self) -> Duration {
        Duration::from_millis(50)
    }

    /// Displacements of zero leave it where it is.
    fn resting_action(&self) -> Array1<f64> {
        Array1::zeros(1)
    }

    fn reset(&mut self, seed: u64) -> Result<(), BoxError> {
        *self = Self { mark: 0.1 + 0.09 * (seed % 11) as f64, ..Self::default() };
        Ok(())
    }

    fn observe(&mut self, mut observation: ArrayViewMut1<'_, f64>) -> Result<(), BoxError> {
        (observation[0], observation[1]) = (self.place, self.mark);
        Ok(())
    }

    fn step(&mut self, action: ArrayView1<'_, f64>) -> Result<Outcome, BoxError> {
        self.place = (self.place + action[0].clamp(-STEP, STEP)).clamp(0.0, 1.0);
        self.steps += 1;
        let distance = (self.place - self.mark).abs();
        let success = distance <= NEAR;
        let violation = (action[0].abs() - STEP).max(0.0);
        Ok(Outcome { reward: 1.0 - distance, success, over: success || self.steps == STEPS, violation })
    }

    /// Both places, for whoever draws or records them.
    fn scene(&self, numbers: &mut Vec<f64>) {
        numbers.extend([self.place, self.mark]);
    }
}

/// The cart on a list of environments.
pub const RAIL: EnvironmentName = EnvironmentName::of(&Kind);

#[derive(Debug)]
struct Kind;

impl EnvironmentKind for Kind {
    fn name(&self) -> &'static str {
        "rail"
    }

    fn summary(&self) -> &'static str {
        "a cart on a rail stops at a mark"
    }

    fn scenario(&self, file: Option<&Path>) -> Result<Box<dyn Scenario>, BoxError> {
        match file {
            None => Ok(Box::new(Plain)),
            Some(file) => {
                Err(EnvironmentError::NoScenarios { environment: self.name(), file: file.to_path_buf() }.into())
            }
        }
    }
}

/// The only scenario.
struct Plain;

impl Scenario for Plain {
    fn name(&self) -> &str {
        "plain"
    }

    fn make(&self, manifest: &Manifest) -> Result<Box<dyn Environment>, BoxError> {
        let [seen, done] = [manifest.observation_dim(), manifest.action_dim()];
        if [seen, done] != [2, 1] {
            return Err(format!("the policy sees {seen} numbers and gives {done}, but a rail has 2 and takes 1").into());
        }
        Ok(Box::new(Cart::default()))
    }
}

/// Plans four steps straight to the mark, from the places that it saw last.
#[derive(Default)]
pub struct Straight([f64; 2]);

impl Policy for Straight {
    fn reset(&mut self, _seed: u64) {
        *self = Self::default();
    }

    fn observe(&mut self, observation: ArrayView1<'_, f64>) -> Result<(), BoxError> {
        self.0 = [observation[0], observation[1]];
        Ok(())
    }

    fn plan(&mut self) -> Result<Plan, BoxError> {
        let [mut place, mark] = self.0;
        let actions = Array2::from_shape_simple_fn((4, 1), || {
            let step = (mark - place).clamp(-STEP, STEP);
            place += step;
            step
        });
        Ok(Plan { actions, intended: 4, rounds: 1, evaluations: 1, together: 1, ..Plan::default() })
    }
}

/// The list of environments with this one on it.
///
/// # Errors
/// Never: the list was empty.
pub fn environments() -> Result<Environments, DuplicateEnvironment> {
    Environments::default().with(&Kind)
}

/// What a policy for it says of itself; one that was trained has it in `policy.json`.
///
/// # Errors
/// Never: it is a manifest.
pub fn manifest() -> Result<Manifest, serde_json::Error> {
    let entry = |name| json!({ "name": name, "shape": [1], "normalization": { "mode": "identity" } });
    serde_json::from_value(json!({
        "schema_version": 2, "name": "straight", "n_obs_steps": 1, "horizon": 4, "n_action_steps": 4,
        "observations": [entry("place"), entry("mark")], "actions": [entry("displacement")],
        "scheduler": { "num_train_timesteps": 100, "beta_schedule": "squaredcos_cap_v2", "prediction_type": "epsilon" },
        "denoiser": { "file": "-", "sha256": "-", "sample": "-", "timestep": "-", "prediction": "-" },
    }))
}

fn main() -> Result<(), BoxError> {
    let scenario = environments()?.parse("rail")?.kind().scenario(None)?;
    let mut environment = scenario.make(&manifest()?)?;
    for seed in 0..3 {
        let episode = run_episode(&mut Straight::default(), &mut *environment, seed, &())?;
        let (end, steps) = (if episode.success { "stopped at the mark" } else { "missed" }, episode.control_steps);
        println!("seed {seed}: {end} after {steps} control steps and {} plans", episode.plans.len());
    }
    Ok(())
}
