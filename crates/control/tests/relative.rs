//! Policies whose actions are relative to the newest observation, in a loop: the plans of the same network without it, moved by
//! that observation, however they are drawn.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

#[path = "../../policy/tests/common/relatives.rs"]
mod relatives;

use std::time::Duration;

use ndarray::{Array1, Array2, aview1, s};
use parapolicy_control::check::{Asked, PlanBounds, PlanCheck};
use parapolicy_control::refine::{Refinement, Tracker, Tracking};
use parapolicy_control::{BatchedDiffusionPolicy, BatchedPolicy as _, DiffusionPolicy, Plan, Policy};
use parapolicy_policy::Network;
use parapolicy_sampler::{BatchedSampler, RefinerConfig, Sampler, Solver, Strategy, Table, WindowConfig};
use relatives::{MASKS, network};

const STEPS: usize = 10;

fn table(network: &Network) -> Table {
    Table::new(&network.manifest().scheduler, Solver::Ddim { eta: 0.0 }, STEPS).unwrap()
}

fn sampler(network: &Network, strategy: Strategy) -> Sampler {
    Sampler::new(table(network), strategy, network.manifest().sample_dim()).unwrap()
}

/// Nine keypoints, and the agent, in pixels.
fn observation(agent: [f64; 2]) -> Array1<f64> {
    let mut observation = Array1::from_shape_fn(20, |index| 220.0 + 7.0 * (index % 5) as f64);
    observation.slice_mut(s![18..]).assign(&aview1(&agent));
    observation
}

/// Where the agent is seen, from control step to control step.
const AGENT: [[f64; 2]; 4] = [[120.0, 380.0], [135.0, 350.0], [230.0, 310.0], [250.0, 240.0]];

fn offsets(mask: [Option<usize>; 2], agent: [f64; 2]) -> Array1<f64> {
    mask.iter().map(|index| index.map_or(0.0, |index| agent[index])).collect()
}

fn largest(difference: &Array2<f64>) -> f64 {
    difference.iter().fold(0.0, |most, value| most.max(value.abs()))
}

/// A plan at every control step.
fn plans(policy: &mut dyn Policy) -> Vec<Plan> {
    policy.reset(5);
    let plan = |agent| {
        policy.observe(observation(agent).view()).unwrap();
        policy.plan().unwrap()
    };
    AGENT.map(plan).into()
}

#[test]
fn plans_and_their_iterates_are_moved_by_the_newest_observation() {
    let (_folder, mut absolute) = network([None, None]);
    let mut drawer = sampler(&absolute, Strategy::picard(WindowConfig::default()));
    let expected = plans(&mut DiffusionPolicy::new(&mut absolute, &mut drawer).observed());
    for mask in MASKS {
        let (_folder, mut network) = network(mask);
        let found = plans(&mut DiffusionPolicy::new(&mut network, &mut drawer).observed());
        for ((found, expected), agent) in found.iter().zip(&expected).zip(AGENT) {
            let moved = offsets(mask, agent);
            assert!(largest(&(&found.actions - &expected.actions - &moved)) < 1e-9, "{mask:?}");
            assert!(found.iterates.len() > 1 && found.iterates.len() == expected.iterates.len());
            for (found, expected) in found.iterates.iter().zip(&expected.iterates) {
                assert!(largest(&(found - expected - &moved)) < 1e-9, "{mask:?}");
            }
        }
    }
}

#[test]
fn plans_of_a_batch_are_each_moved_by_its_own_observation() {
    let mask = [Some(1), Some(0)];
    let all: Vec<usize> = (0..AGENT.len()).collect();
    let drawn = |mask| {
        let (_folder, mut network) = network(mask);
        let dim = network.manifest().sample_dim();
        let mut sampler = BatchedSampler::new(table(&network), Strategy::sequential(), dim, all.len()).unwrap();
        let mut policy = BatchedDiffusionPolicy::new(&mut network, &mut sampler);
        for (environment, agent) in AGENT.into_iter().enumerate() {
            policy.reset(environment, environment as u64);
            policy.observe(environment, observation(agent).view()).unwrap();
        }
        policy.plan(&all).unwrap()
    };
    for ((found, expected), agent) in drawn(mask).iter().zip(drawn([None, None])).zip(AGENT) {
        assert!(largest(&(&found.actions - &expected.actions - &offsets(mask, agent))) < 1e-9);
    }
}

/// Whether they are committed before the observation is made or after it, a plan goes through them where they are.
#[test]
fn committed_actions_come_back_as_they_are() {
    for mask in MASKS {
        let (_folder, mut network) = network(mask);
        let mut sampler = sampler(&network, Strategy::sequential());
        let mut policy = DiffusionPolicy::new(&mut network, &mut sampler);
        for before in [true, false] {
            policy.reset(7);
            policy.observe(observation(AGENT[0]).view()).unwrap();
            let held = policy.plan().unwrap().actions.slice(s![2..5, ..]).to_owned();
            let weights = aview1(&[1.0; 3]);
            if before {
                policy.commit(held.view(), weights).unwrap();
            }
            policy.observe(observation(AGENT[1]).view()).unwrap();
            policy.observe(observation(AGENT[2]).view()).unwrap();
            if !before {
                policy.commit(held.view(), weights).unwrap();
            }
            let plan = policy.plan().unwrap();
            assert!(largest(&(&plan.actions.slice(s![..3, ..]) - &held)) < 1e-4, "{mask:?}");
            let free = policy.plan().unwrap();
            assert!(largest(&(&free.actions.slice(s![..3, ..]) - &held)) > 1.0, "they are held once");
        }
        let refused = policy.commit(Array2::zeros((1, 3)).view(), aview1(&[1.0])).unwrap_err();
        assert_eq!(refused.to_string(), "a committed action has 3 numbers, but the policy's actions have 2");
    }
}

/// The last steps of the schedule move a plan little, and the robot's way between two plans is no part of that.
#[test]
fn a_plan_that_is_reused_stays_where_it_was() {
    let moves: Vec<f64> = [[None, None], [Some(0), Some(1)]]
        .into_iter()
        .map(|mask| {
            let (_folder, mut network) = network(mask);
            let mut sampler = sampler(&network, Strategy::sequential());
            let rest = table(&network).skip(STEPS - 1).unwrap();
            let mut rest = Sampler::new(rest, Strategy::sequential(), network.manifest().sample_dim()).unwrap();
            let mut policy = DiffusionPolicy::new(&mut network, &mut sampler).reusing(&mut rest);
            policy.reset(3);
            policy.observe(observation(AGENT[0]).view()).unwrap();
            let first = policy.plan().unwrap().actions;
            AGENT[1..3].iter().for_each(|agent| policy.observe(observation(*agent).view()).unwrap());
            let second = policy.plan().unwrap().actions;
            // Two actions later; the end was not planned yet.
            largest(&(&second.slice(s![..-2, ..]) - &first.slice(s![2.., ..])))
        })
        .collect();
    let way = AGENT[2][0] - AGENT[0][0];
    println!("moved by {moves:?} px, the agent by {way}");
    assert!(moves.iter().all(|moved| *moved < way / 4.0), "{moves:?}");
}

/// What a warm start begins with is relative to an older observation, and changes no plan.
#[test]
fn a_warm_start_changes_no_plan() {
    let exact = WindowConfig { window: STEPS, tolerance: 0.0 };
    let [expected, found] = [Strategy::sequential(), Strategy::picard(exact)].map(|strategy| {
        let (_folder, mut network) = network([Some(0), Some(1)]);
        let mut sampler = sampler(&network, strategy);
        plans(&mut DiffusionPolicy::new(&mut network, &mut sampler).warm())
    });
    for (found, expected) in found.iter().zip(&expected) {
        assert!(largest(&(&found.actions - &expected.actions)) < 1e-2);
    }
}

/// The limits are on absolute actions, whatever they are relative to.
#[test]
fn a_plan_is_refined_where_it_is() {
    for mask in MASKS {
        let (_folder, mut network) = network(mask);
        let mut sampler = sampler(&network, Strategy::sequential());
        let mut policy = DiffusionPolicy::new(&mut network, &mut sampler);
        policy.reset(5);
        policy.observe(observation(AGENT[0]).view()).unwrap();
        let plan = policy.plan().unwrap();
        // Of the plan, whatever has been seen since.
        policy.observe(observation(AGENT[3]).view()).unwrap();
        let right = plan.actions.column(0).iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let bounds = PlanBounds { max: vec![right - 10.0, 1e4], ..PlanBounds::default() };
        let check = PlanCheck { bounds, ..PlanCheck::default() };
        let present = plan.actions.row(0);
        let asked = Asked { check: &check, period: Duration::from_millis(100), present, until: None };
        assert!(asked.find(plan.actions.view()).is_some());
        let refined = policy.refine(&plan, &asked).unwrap().unwrap();
        assert_eq!(asked.find(refined.actions.view()), None, "{mask:?}");
        assert!(largest(&(&refined.actions - &plan.actions)) < 64.0, "{mask:?}");
    }
}

/// A refinement that has nothing to do leaves a plan where it is.
#[test]
fn a_plan_that_keeps_its_limits_is_left_where_it_is() {
    for mask in MASKS {
        let (_folder, mut network) = network(mask);
        let mut sampler = sampler(&network, Strategy::sequential());
        let free = plans(&mut DiffusionPolicy::new(&mut network, &mut sampler));
        let tracking = Tracking::new(100.0, 20.0, 0.01, 10).unwrap();
        let mut refinement = Refinement::new(&network, RefinerConfig::default(), tracking, Vec::new()).unwrap();
        let policy = DiffusionPolicy::new(&mut network, &mut sampler);
        let kept = plans(&mut policy.refined(&mut refinement, Tracker::new(tracking, 18..20)));
        for (kept, free) in kept.iter().zip(&free) {
            let free = free.actions.slice(s![..kept.actions.nrows(), ..]);
            assert!(largest(&(&kept.actions - &free)) < 1e-9, "{mask:?}");
        }
    }
}

#[test]
fn a_plan_without_an_observation_is_refused() {
    let (_folder, mut network) = network([Some(0), None]);
    let mut sampler = sampler(&network, Strategy::sequential());
    let mut policy = DiffusionPolicy::new(&mut network, &mut sampler);
    policy.reset(0);
    assert!(policy.plan().unwrap_err().to_string().starts_with("observation: shape is [0, 20]"));
}
