//! Plans that fail their check are refined, and checked again.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, array, aview1, s};
use parapolicy_control::check::{Asked, Failing, PlanBounds, PlanCheck, Predicate, Region, Rejection};
use parapolicy_control::controller::{
    CommandSource as _, Continuity, Controller, ControllerConfig, Deadline, Replan, SamplingTime, SimulatedController,
    WorkerEvent,
};
use parapolicy_control::entries::Entries;
use parapolicy_control::playback::{Between, Blend, Late, Limits, PlaybackConfig, Source};
use parapolicy_control::{BoxError, DiffusionPolicy, EpisodeObserver, Plan, Policy, Recipe};
use parapolicy_policy::Network;
use parapolicy_sampler::{Sampler, Solver, Strategy};

const PERIOD: Duration = Duration::from_millis(100);
/// Only a hang takes longer, on whatever machine.
const PATIENCE: Duration = Duration::from_mins(10);

fn playback(initial: Vec<f64>) -> PlaybackConfig {
    PlaybackConfig {
        period: PERIOD,
        blend: Blend::Switch,
        late: Late::Hold,
        limits: Limits::default(),
        max_age: PERIOD * 100,
        initial,
        safe: None,
        between: Between::default(),
    }
}

fn config(check: PlanCheck) -> ControllerConfig {
    ControllerConfig {
        playback: playback(vec![0.0]),
        replan: Replan::Every(10),
        continuity: Continuity::Independent,
        deadline: Deadline::Own,
        check,
        n_obs_steps: 1,
        observation_dim: 1,
        entries: Entries::default(),
        horizon: 8,
        watchdog: Duration::from_hours(1),
    }
}

/// What comes of its plan, 1, 2, 4, when it is to be refined.
#[derive(Clone)]
enum Refined {
    To(Vec<f64>),
    Nothing,
    Failure,
}

struct Stubborn(Refined);

impl Policy for Stubborn {
    fn reset(&mut self, _seed: u64) {}

    fn observe(&mut self, _observation: ArrayView1<'_, f64>) -> Result<(), BoxError> {
        Ok(())
    }

    fn plan(&mut self) -> Result<Plan, BoxError> {
        Ok(Plan { actions: array![[1.0], [2.0], [4.0]], intended: 3, ..Plan::default() })
    }

    fn refine(&mut self, plan: &Plan, asked: &Asked<'_>) -> Result<Option<Plan>, BoxError> {
        assert!(asked.find(plan.actions.view()).is_some() && asked.until.is_some());
        match &self.0 {
            Refined::To(numbers) => {
                let actions = Array2::from_shape_vec((numbers.len(), 1), numbers.clone())?;
                Ok(Some(Plan { actions, ..plan.clone() }))
            }
            Refined::Nothing => Ok(None),
            Refined::Failure => Err("the network is gone".into()),
        }
    }
}

/// Three commands, and what was told in words.
fn played(check: PlanCheck, refined: Refined) -> (Vec<f64>, Vec<String>) {
    let mut policy = Stubborn(refined);
    let sampling = SamplingTime::Stated(Duration::ZERO);
    let mut controller = SimulatedController::new(config(check), &mut policy, sampling).unwrap();
    let nobody: Arc<dyn EpisodeObserver> = Arc::new(());
    controller.begin(0, aview1(&[0.0]), &nobody).unwrap();
    let mut sent = Vec::new();
    for period in 0..3 {
        controller.observe(aview1(&[0.0]), PERIOD * period).unwrap();
        sent.push(controller.command(PERIOD * period).action[0]);
    }
    (sent, controller.events().iter().map(ToString::to_string).collect())
}

fn at_most(max: f64) -> PlanCheck {
    let bounds = PlanBounds { max: vec![max], ..PlanBounds::default() };
    PlanCheck { bounds, refine: Some(PATIENCE), ..PlanCheck::default() }
}

const WHY: &str = "action 2, number 0: value 4, but at most 3 is allowed";

#[test]
fn a_refined_plan_is_taken_if_it_keeps_the_check() {
    let (sent, told) = played(at_most(3.0), Refined::To(vec![1.0, 2.0, 3.0]));
    assert_eq!(sent, [1.0, 2.0, 3.0]);
    assert_eq!(told, [format!("a plan was refined: {WHY}")]);
    let (sent, told) = played(PlanCheck { refine: None, ..at_most(3.0) }, Refined::To(vec![1.0, 2.0, 3.0]));
    assert_eq!((sent, told), (vec![0.0; 3], vec![format!("a plan was refused: {WHY}")]), "nobody asked for it");
}

#[test]
fn one_that_does_not_is_refused_or_cut_and_why_is_told() {
    let cases = [
        (
            Refined::To(vec![1.0, 2.0, 3.5]),
            "what came of it fails, too: action 2, number 0: value 3.5, but at most 3 is allowed",
        ),
        (Refined::To(vec![1.0, 2.0]), "what came of it is no such plan"),
        (Refined::To(vec![1.0, f64::NAN, 2.0]), "what came of it is no such plan"),
        (Refined::Nothing, "the policy refines no plans"),
        (Refined::Failure, "the network is gone"),
    ];
    for (refined, why) in cases {
        let (sent, told) = played(at_most(3.0), refined.clone());
        let why = format!("a plan could not be refined: {why}");
        assert_eq!((sent, &told[..2]), (vec![0.0; 3], &[why.clone(), format!("a plan was refused: {WHY}")][..]));
        // As it was drawn, not as it was refined.
        let (sent, told) = played(PlanCheck { failing: Failing::Cut, ..at_most(3.0) }, refined);
        assert_eq!((sent, told), (vec![1.0, 2.0, 2.0], vec![why, format!("a plan was cut: {WHY}")]));
    }
}

#[test]
fn what_the_user_s_code_finds_is_not_refined_but_what_came_of_a_refinement_is_shown_to_it() {
    let look = |plan: ArrayView2<'_, f64>| match plan.iter().position(|value| *value == 2.5) {
        Some(step) => Err(Rejection { step, why: "not that".into() }),
        None => Ok(()),
    };
    let check = PlanCheck { predicate: Some(Predicate::new(look)), ..at_most(3.0) };
    let (_, told) = played(check.clone(), Refined::To(vec![1.0, 2.5, 3.0]));
    assert_eq!(told[0], "a plan could not be refined: what came of it fails, too: action 1: not that");
    let never = Predicate::new(|_: ArrayView2<'_, f64>| Err(Rejection { step: 0, why: "never".into() }));
    let (_, told) = played(PlanCheck { predicate: Some(never), ..check }, Refined::Failure);
    assert!(told.iter().all(|told| told == "a plan was refused: action 0: never"), "{told:?}");
}

#[test]
fn no_time_is_refused() {
    let check = PlanCheck { refine: Some(Duration::ZERO), ..at_most(3.0) };
    assert_eq!(config(check).validate().unwrap_err().to_string(), "refine is 0, but must be more than 0");
}

fn model() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../models/pusht"))
}

fn loaded() -> (Network, Sampler) {
    let recipe =
        Recipe { solver: Solver::Ddim { eta: 0.0 }, steps: 10, strategy: Strategy::sequential(), ..Recipe::default() };
    recipe.load(model()).unwrap()
}

/// Nine keypoints and the agent, in pixels.
fn observation() -> Array1<f64> {
    let mut observation = Array1::from_shape_fn(20, |index| 220.0 + 7.0 * (index % 5) as f64);
    observation.slice_mut(s![18..]).assign(&aview1(&[120.0, 380.0]));
    observation
}

fn drawn(policy: &mut dyn Policy) -> Plan {
    policy.reset(5);
    policy.observe(observation().view()).unwrap();
    policy.plan().unwrap()
}

fn asked<'a>(check: &'a PlanCheck, present: ArrayView1<'a, f64>) -> Asked<'a> {
    Asked { check, period: PERIOD, present, until: None }
}

fn largest(plan: &Array2<f64>, order: usize) -> f64 {
    let mut differences = plan.clone();
    for _ in 0..order {
        differences = &differences.slice(s![1.., ..]) / 0.1 - &differences.slice(s![..-1, ..]) / 0.1;
    }
    differences.iter().fold(0.0, |most, value| most.max(value.abs()))
}

/// Bounds below what the shipped policy's plan has, and a region on its way, are kept by the refined plan, which is near the
/// plan that it came of.
#[test]
fn the_shipped_policy_s_plan_is_refined_until_it_keeps_bounds_and_regions() {
    let (mut network, mut sampler) = loaded();
    let mut policy = DiffusionPolicy::new(&mut network, &mut sampler);
    let plan = drawn(&mut policy);
    let present = plan.actions.row(0).to_owned();
    let [velocity, acceleration, jerk] = [1, 2, 3].map(|order| largest(&plan.actions, order));
    let right = plan.actions.column(0).iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let middle = (&plan.actions.row(7) + &plan.actions.row(8)) / 2.0;
    let beside = vec![middle[0] + 4.0, middle[1] - 3.0];
    let of = |bounds| PlanCheck { bounds, ..PlanCheck::default() };
    let region = Region { first: 0, centre: beside, radius: 12.0 };
    let checks = [
        ("velocity", of(PlanBounds { velocity: vec![0.7 * velocity; 2], ..PlanBounds::default() })),
        ("acceleration", of(PlanBounds { acceleration: vec![0.7 * acceleration; 2], ..PlanBounds::default() })),
        ("jerk", of(PlanBounds { jerk: vec![0.7 * jerk; 2], ..PlanBounds::default() })),
        ("value", of(PlanBounds { max: vec![right - 10.0, 1e3], ..PlanBounds::default() })),
        ("region", PlanCheck { regions: vec![region], ..PlanCheck::default() }),
    ];
    for (name, check) in checks {
        let asked = asked(&check, present.view());
        let plan = drawn(&mut policy);
        assert!(asked.find(plan.actions.view()).is_some(), "{name}: there is nothing to refine");
        let refined = policy.refine(&plan, &asked).unwrap().unwrap();
        assert_eq!(asked.find(refined.actions.view()), None, "{name}");
        let moved = (&refined.actions - &plan.actions).iter().fold(0.0_f64, |most, value| most.max(value.abs()));
        println!("{name}: moved by {moved:.1} px in {} rounds", refined.refinement.unwrap().rounds);
        assert!(moved < 64.0, "{name}: a quarter of the range is the furthest that a value goes, but {moved}");
        let cost = refined.refinement.unwrap();
        assert!(cost.sampled_violation > 0.0 && cost.violation == 0.0 && cost.rounds <= 50, "{name}: {cost:?}");
        assert_eq!((refined.rounds, refined.intended), (plan.rounds + cost.rounds, plan.intended));
    }
}

/// The first actions, which will have been sent, stay where they are.
#[test]
fn actions_that_a_plan_is_held_to_are_not_refined() {
    let (mut network, mut sampler) = loaded();
    let mut policy = DiffusionPolicy::new(&mut network, &mut sampler);
    let free = drawn(&mut policy);
    policy.reset(5);
    policy.observe(observation().view()).unwrap();
    let held = free.actions.slice(s![..3, ..]).to_owned();
    policy.commit(held.view(), aview1(&[1.0; 3])).unwrap();
    let plan = policy.plan().unwrap();
    let velocity = largest(&plan.actions.slice(s![2.., ..]).to_owned(), 1);
    let bounds = PlanBounds { velocity: vec![0.8 * velocity; 2], ..PlanBounds::default() };
    let check = PlanCheck { bounds, ..PlanCheck::default() };
    let present = plan.actions.row(0).to_owned();
    let refined = policy.refine(&plan, &asked(&check, present.view())).unwrap().unwrap();
    let first = |plan: &Plan| plan.actions.slice(s![..3, ..]).to_owned();
    let apart = (first(&refined) - first(&plan)).iter().fold(0.0_f64, |most, value| most.max(value.abs()));
    assert!(apart < 1e-3, "{apart}");
    assert!((&refined.actions - &plan.actions).iter().any(|value| value.abs() > 0.1), "the others are");
}

#[test]
fn a_refinement_that_takes_too_long_is_given_up() {
    let (mut network, mut sampler) = loaded();
    let mut policy = DiffusionPolicy::new(&mut network, &mut sampler);
    let plan = drawn(&mut policy);
    let bounds = PlanBounds { velocity: vec![1.0; 2], ..PlanBounds::default() };
    let check = PlanCheck { bounds, ..PlanCheck::default() };
    let present = plan.actions.row(0).to_owned();
    let now = Some(Instant::now());
    let refused = policy.refine(&plan, &Asked { until: now, ..asked(&check, present.view()) }).unwrap_err();
    assert_eq!(refused.to_string(), "it took longer than it may");
    // The policy plans on.
    assert_eq!(drawn(&mut policy).actions, plan.actions);
}

/// In a worker's thread, where the world does not wait.
#[test]
fn a_worker_refines_its_plans() {
    let recipe =
        Recipe { solver: Solver::Ddim { eta: 0.0 }, steps: 10, strategy: Strategy::sequential(), ..Recipe::default() };
    let loaded = recipe.load(model()).unwrap();
    let manifest = loaded.0.manifest().clone();
    let plan = {
        let (mut network, mut sampler) = self::loaded();
        let mut policy = DiffusionPolicy::new(&mut network, &mut sampler);
        policy.reset(0);
        policy.observe(observation().view()).unwrap();
        policy.plan().unwrap()
    };
    let bounds = PlanBounds { velocity: vec![0.8 * largest(&plan.actions, 1); 2], ..PlanBounds::default() };
    let config = ControllerConfig::of(&manifest, playback(plan.actions.row(0).to_vec()), Replan::Every(100));
    let check = PlanCheck { bounds: bounds.clone(), refine: Some(PATIENCE), ..config.check.clone() };
    let config = ControllerConfig { check, ..config };
    let mut controller = Controller::start(config, recipe.maker(model().into(), loaded, false)).unwrap();
    controller.observe(observation().view(), Duration::ZERO).unwrap();
    let started = Instant::now();
    while controller.monitor().health().planning {
        assert!(started.elapsed() < PATIENCE, "the worker is stuck");
        std::thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(controller.command(Duration::ZERO).source, Source::Plan);
    let events: Vec<WorkerEvent> = controller.events().collect();
    let [event @ WorkerEvent::Refined(violation)] = &events[..] else { panic!("{events:?}") };
    assert_eq!(event.to_string(), format!("a plan was refined: {violation}"));
    assert!(violation.entry.starts_with("agent") || !violation.entry.starts_with("number"), "{violation}");
    let in_force = controller.plan().unwrap();
    assert!(in_force.cost.refinement.is_some());
    assert!(largest(&in_force.actions.to_owned(), 1) <= bounds.velocity[0] * (1.0 + 1e-9));
}
