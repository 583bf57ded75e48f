//! Constrained refinement with the shipped policy: in closed loop, and plan by plan.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::fs;
use std::path::{Path, PathBuf};

use ndarray::{Array1, Array2, ArrayViewMut2};
use parapolicy_control::refine::{AccelerationLimit, Cost, KeepOut, Motion, Refined, Refinement, SpeedLimit, Way};
use parapolicy_control::{DiffusionPolicy, Environment as _};
use parapolicy_eval::{Episode, run_episode};
use parapolicy_ort::CPU;
use parapolicy_policy::{Inference, Network, RoleNames, adopt};
use parapolicy_pusht::{PushT, Scenario};
use parapolicy_sampler::{Noise, RefinerConfig, Sampler, Solver, Strategy, Table, WindowConfig};
use serde_json::Value;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn policy() -> Network {
    load(&root().join("models/pusht"))
}

fn load(dir: &Path) -> Network {
    let cpu = Inference { provider: CPU, threads: 2, ..Inference::default() };
    Network::load(dir, &cpu.open(&()).unwrap()).unwrap()
}

fn sampler(policy: &Network) -> Sampler {
    let table = Table::new(&policy.manifest().scheduler, Solver::Ddim { eta: 0.0 }, 10).unwrap();
    Sampler::new(table, Strategy::sequential(), policy.manifest().sample_dim()).unwrap()
}

fn refinement(policy: &Network, config: RefinerConfig, costs: Vec<Box<dyn Cost>>) -> Refinement {
    Refinement::new(policy, config, PushT::tracking().unwrap(), costs).unwrap()
}

/// Three episodes that enter the disc unrefined.
#[test]
fn refined_plans_stay_out_of_the_disc() {
    let mut policy = policy();
    let scenario = Scenario::load(&root().join("sims/keep_out.toml")).unwrap();
    let mut environment = PushT::new(scenario, policy.manifest()).unwrap();
    let costs = environment.costs(4.0).unwrap();
    let (mut sampler, mut refinement) = (sampler(&policy), refinement(&policy, RefinerConfig::default(), costs));
    let (mut unrefined, mut refined) = (0, Vec::new());
    for seed in [100_002, 100_003, 100_004] {
        let driver = &mut DiffusionPolicy::new(&mut policy, &mut sampler);
        unrefined += run_episode(driver, &mut environment, seed, &()).unwrap().violations;
        let tracker = environment.tracker().unwrap().unwrap();
        let driver = &mut DiffusionPolicy::new(&mut policy, &mut sampler).refined(&mut refinement, tracker);
        refined.push(run_episode(driver, &mut environment, seed, &()).unwrap());
    }
    assert!(unrefined > 10, "{unrefined}");
    for Episode { violations, largest_violation, plans, .. } in refined {
        assert_eq!((violations, largest_violation), (0, 0.0));
        let costs: Vec<_> = plans.iter().map(|plan| plan.refinement.unwrap()).collect();
        assert!(costs.iter().all(|cost| cost.violation == 0.0), "what is foreseen is what happens");
        assert!(costs.iter().any(|cost| cost.rounds > 0) && costs.iter().any(|cost| cost.rounds == 0));
    }
}

/// Refines one sampled plan, for an agent at rest in the middle.
fn refine_one(policy: &mut Network, config: RefinerConfig, costs: Vec<Box<dyn Cost>>) -> (Array2<f64>, Refined) {
    let (mut sampler, mut refinement) = (sampler(policy), refinement(policy, config, costs));
    let observation = Array2::from_elem((2, 20), 256.0);
    let noise = Noise::draw(3, 10, sampler.dim());
    let sample: Array1<f32>;
    let origin = policy.origin(observation.view()).unwrap();
    let refined = {
        let mut denoiser = policy.bind(observation.view()).unwrap();
        sample = sampler.sample(&mut denoiser, &noise).unwrap().sample().to_owned();
        let motion = Motion::at_rest(vec![256.0, 256.0]);
        refinement.refine(&mut denoiser, sample.view(), &origin, &motion, &[256.0, 256.0], 7).unwrap()
    };
    let executed = policy.manifest().executed_steps();
    (policy.actions(sample.view(), &origin).slice_move(ndarray::s![executed, ..]), refined)
}

/// Where the plan goes when nothing is in its way.
fn way(actions: &Array2<f64>) -> Way {
    PushT::tracking().unwrap().way(&Motion::at_rest(vec![256.0, 256.0]), actions.view(), 5)
}

#[test]
fn a_plan_that_keeps_every_limit_is_left_alone() {
    let far = KeepOut::new(vec![0.0, 0.0], 1.0, 1.0).unwrap();
    let (sampled, refined) = refine_one(&mut policy(), RefinerConfig::default(), vec![Box::new(far)]);
    assert_eq!(refined.actions, sampled);
    assert_eq!((refined.cost.rounds, refined.cost.evaluations, refined.cost.held), (0, 0, false));
}

#[test]
fn several_limits_are_kept_at_once() {
    let mut policy = policy();
    let (sampled, _) = refine_one(&mut policy, RefinerConfig::default(), vec![]);
    let way = way(&sampled);
    let speed = SpeedLimit::new(1e-9, 0.0).unwrap().violation(&way);
    let acceleration = AccelerationLimit::new(1e-9, 0.0).unwrap().violation(&way);
    let costs = || -> Vec<Box<dyn Cost>> {
        vec![
            Box::new(SpeedLimit::new(0.8 * speed, 0.1 * speed).unwrap()),
            Box::new(AccelerationLimit::new(0.8 * acceleration, 0.1 * acceleration).unwrap()),
        ]
    };
    let (_, refined) = refine_one(&mut policy, RefinerConfig::default(), costs());
    assert!(refined.cost.sampled_violation > 0.1 * speed, "{refined:?}");
    assert_eq!((refined.cost.violation, refined.cost.held), (0.0, false), "{refined:?}");
}

/// ONNX Runtime rounds batches of different sizes differently, so not to the bit; on a denoiser that does not, the
/// sampler's own tests ask for that.
#[test]
fn a_window_leads_to_the_serial_plan() {
    let mut policy = policy();
    let (sampled, _) = refine_one(&mut policy, RefinerConfig::default(), vec![]);
    let middle = way(&sampled).at_control_rate().row(4).to_vec();
    let mut plan = |window: WindowConfig| {
        let disc = KeepOut::new(middle.clone(), 10.0, 4.0).unwrap();
        refine_one(&mut policy, RefinerConfig { steps: 50, window }, vec![Box::new(disc)]).1
    };
    let serial = plan(WindowConfig { window: 1, tolerance: 0.0 });
    let exact = plan(WindowConfig { window: 16, tolerance: 0.0 });
    let close = plan(RefinerConfig::default().window);
    let apart = |a: &Refined, b: &Refined| (&a.actions - &b.actions).iter().fold(0.0_f64, |most, x| most.max(x.abs()));
    assert_eq!((serial.cost.rounds, serial.cost.evaluations), (50, 50));
    assert!(serial.cost.sampled_violation > 5.0 && serial.cost.violation == 0.0, "{serial:?}");
    assert!(apart(&exact, &serial) < 0.1, "{} px", apart(&exact, &serial));
    assert!(apart(&close, &serial) < 5.0 && close.cost.rounds <= 12, "{} px, {close:?}", apart(&close, &serial));
}

/// Nothing but standing still is good enough, and no gradient says so.
struct StandStill;

impl Cost for StandStill {
    fn add_gradient(&self, way: &Way, _gradient: ArrayViewMut2<'_, f64>) -> f64 {
        self.violation(way)
    }

    fn violation(&self, way: &Way) -> f64 {
        way.positions.iter().map(|position| (position - 256.0).abs()).fold(0.0, f64::max)
    }
}

#[test]
fn where_refinement_fails_the_last_target_is_held() {
    let (_, refined) = refine_one(&mut policy(), RefinerConfig::default(), vec![Box::new(StandStill)]);
    assert!(refined.cost.held && refined.cost.violation == 0.0 && refined.cost.sampled_violation > 1.0, "{refined:?}");
    assert_eq!(refined.actions, Array2::from_elem((8, 2), 256.0));
}

#[test]
fn a_limit_that_cannot_be_kept_is_reported() {
    let everywhere = KeepOut::new(vec![256.0, 256.0], 500.0, 0.0).unwrap();
    let (_, refined) = refine_one(&mut policy(), RefinerConfig::default(), vec![Box::new(everywhere)]);
    assert!(refined.cost.violation > 100.0, "{refined:?}");
}

/// What was seen is in the plan, and is not for an optimiser to change.
#[test]
fn plans_that_observations_are_a_part_of_are_refused() {
    let (folder, fixtures) = (tempfile::tempdir().unwrap(), root().join("crates/policy/tests/fixtures"));
    let dir = folder.path().join("inpainted");
    let adoption = adopt(&fixtures.join("inpainted.onnx"), "inpainted", &RoleNames::default()).unwrap();
    adoption.write(&dir).unwrap();
    let mut manifest: Value = serde_json::from_str(adoption.manifest()).unwrap();
    let original: Value = serde_json::from_slice(&fs::read(fixtures.join("policy.json")).unwrap()).unwrap();
    for field in ["n_obs_steps", "n_action_steps", "observations", "actions", "scheduler"] {
        manifest[field] = original[field].clone();
    }
    fs::write(dir.join("policy.json"), manifest.to_string()).unwrap();
    let tracking = PushT::tracking().unwrap();
    let refused = Refinement::new(&load(&dir), RefinerConfig::default(), tracking, Vec::new()).err().unwrap();
    assert!(refused.to_string().contains("of plans that observations are a part of"), "{refused}");
}
