//! Plans are checked whole before any of their actions is sent.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::sync::Arc;
use std::time::Duration;

use ndarray::{Array2, ArrayView1, ArrayView2, array, aview1};
use parapolicy_control::check::{Failing, PlanBounds, PlanCheck, Predicate, Region, Rejection, Rule, Violation};
use parapolicy_control::controller::{
    CommandSource as _, Continuity, ControllerConfig, Deadline, Replan, SamplingTime, SimulatedController, WorkerEvent,
};
use parapolicy_control::entries::Entries;
use parapolicy_control::playback::{Between, Blend, Late, Limits, PlaybackConfig, Source};
use parapolicy_control::{BoxError, EpisodeObserver, Plan, Policy};
use proptest::prelude::*;

const PERIOD: Duration = Duration::from_millis(500);

fn bounds(bounds: PlanBounds) -> PlanCheck {
    PlanCheck { bounds, ..PlanCheck::default() }
}

fn find(check: &PlanCheck, plan: &Array2<f64>) -> Option<Violation> {
    check.find(plan.view(), PERIOD, aview1(&[1.0, 1.0]))
}

fn told(check: &PlanCheck, plan: &Array2<f64>) -> String {
    find(check, plan).unwrap().to_string()
}

#[test]
fn what_is_told_names_step_entry_value_and_limit() {
    let plan = array![[1.0, 1.0], [1.0, 2.0], [1.0, 4.0], [1.0, 8.0]];
    let of = |name: &str, limit: f64| {
        let values = vec![limit; 2];
        let mut found = PlanBounds::default();
        *match name {
            "min" => &mut found.min,
            "max" => &mut found.max,
            "step" => &mut found.step,
            "velocity" => &mut found.velocity,
            "acceleration" => &mut found.acceleration,
            _ => &mut found.jerk,
        } = values;
        bounds(found)
    };
    let cases = [
        ("min", 1.5, "action 0, number 0: value 1, but at least 1.5 is allowed"),
        ("max", 3.0, "action 2, number 1: value 4, but at most 3 is allowed"),
        ("velocity", 3.0, "action 2, number 1: velocity 4, but at most 3 is allowed"),
        ("acceleration", 7.0, "action 3, number 1: acceleration 8, but at most 7 is allowed"),
        ("jerk", 7.0, "action 3, number 1: jerk 8, but at most 7 is allowed"),
    ];
    for (name, limit, words) in cases {
        assert_eq!(told(&of(name, limit), &plan), words);
    }
    for (name, limit) in
        [("min", 1.0), ("max", 8.0), ("velocity", 8.0), ("acceleration", 8.0), ("jerk", 8.0), ("step", 0.1)]
    {
        assert_eq!(find(&of(name, limit), &plan), None, "{name}");
    }
    let far = array![[1.0, 0.5]];
    let step = PlanCheck { names: vec!["x".into(), "gripper".into()], ..of("step", 0.4) };
    assert_eq!(told(&step, &far), "action 0, gripper: step from the present state 0.5, but at most 0.4 is allowed");
}

#[test]
fn the_way_between_two_actions_may_not_cross_a_region() {
    let region = Region { first: 0, centre: vec![3.0, 1.0], radius: 0.5 };
    let check = PlanCheck { regions: vec![region], ..PlanCheck::default() };
    let across = array![[2.0, 1.0], [4.0, 1.0]];
    assert_eq!(told(&check, &across), "action 1, region 0: distance from the centre 0, but at least 0.5 is allowed");
    assert_eq!(find(&check, &array![[2.0, 1.0], [2.0, 2.0], [4.0, 2.0], [4.0, 1.0]]), None);
    assert_eq!(find(&check, &array![[5.0, 1.0]]).unwrap().step, 0, "the way from where the robot is, (1, 1)");
}

#[test]
fn the_user_s_words_are_told() {
    let look = |plan: ArrayView2<'_, f64>| match plan.rows().into_iter().position(|action| action[0] > action[1]) {
        Some(step) => Err(Rejection { step, why: "the arms would cross".into() }),
        None => Ok(()),
    };
    let check = PlanCheck { predicate: Some(Predicate::new(look)), ..PlanCheck::default() };
    assert_eq!(told(&check, &array![[1.0, 1.0], [2.0, 1.0]]), "action 1: the arms would cross");
    assert_eq!(find(&check, &array![[1.0, 1.0]]), None);
}

/// Plans what it is told to, of one number.
struct Told(Vec<f64>);

impl Policy for Told {
    fn reset(&mut self, _seed: u64) {}

    fn observe(&mut self, _observation: ArrayView1<'_, f64>) -> Result<(), BoxError> {
        Ok(())
    }

    fn plan(&mut self) -> Result<Plan, BoxError> {
        let actions = Array2::from_shape_vec((self.0.len(), 1), self.0.clone())?;
        Ok(Plan { actions, intended: 3, ..Plan::default() })
    }
}

fn config(check: PlanCheck) -> ControllerConfig {
    let playback = PlaybackConfig {
        period: PERIOD,
        blend: Blend::Switch,
        late: Late::Hold,
        limits: Limits::default(),
        max_age: PERIOD * 100,
        initial: vec![0.0],
        safe: None,
        between: Between::default(),
    };
    ControllerConfig {
        playback,
        replan: Replan::Every(10),
        continuity: Continuity::Independent,
        deadline: Deadline::Own,
        check,
        n_obs_steps: 1,
        observation_dim: 2,
        entries: Entries::default(),
        horizon: 8,
        watchdog: Duration::from_hours(1),
    }
}

/// Four commands after a plan of `actions` was asked for, and the events.
fn played(check: PlanCheck, actions: &[f64]) -> (Vec<(f64, Source)>, Vec<WorkerEvent>) {
    let mut policy = Told(actions.to_vec());
    let mut controller =
        SimulatedController::new(config(check), &mut policy, SamplingTime::Stated(Duration::ZERO)).unwrap();
    let nobody: Arc<dyn EpisodeObserver> = Arc::new(());
    controller.begin(0, aview1(&[0.0]), &nobody).unwrap();
    let mut sent = Vec::new();
    for period in 0..4 {
        controller.observe(aview1(&[9.0, 5.0]), PERIOD * period).unwrap();
        let command = controller.command(PERIOD * period);
        sent.push((command.action[0], command.source));
    }
    (sent, controller.events())
}

#[test]
fn a_plan_that_fails_is_refused_or_cut_as_configured() {
    let check = |failing| PlanCheck { failing, ..bounds(PlanBounds { max: vec![3.0], ..PlanBounds::default() }) };
    let plan = [1.0, 2.0, 4.0, 1.0];
    let (sent, events) = played(check(Failing::Refuse), &plan);
    assert!(sent.iter().all(|sent| *sent == (0.0, Source::Safe)), "{sent:?}");
    let words: Vec<String> = events.iter().map(ToString::to_string).collect();
    assert_eq!(words, ["a plan was refused: action 2, number 0: value 4, but at most 3 is allowed"]);
    assert!(events[0].costs_a_plan());

    let (sent, events) = played(check(Failing::Cut), &plan);
    assert_eq!(sent, [(1.0, Source::Plan), (2.0, Source::Plan), (2.0, Source::Late), (2.0, Source::Late)]);
    let words: Vec<String> = events.iter().map(ToString::to_string).collect();
    assert_eq!(words, ["a plan was cut: action 2, number 0: value 4, but at most 3 is allowed"]);

    let (sent, events) = played(check(Failing::Cut), &[4.0, 1.0]);
    assert!(sent.iter().all(|sent| *sent == (0.0, Source::Safe)), "nothing is left of it");
    assert!(matches!(&events[..], [WorkerEvent::Refused(_), ..]));
}

/// The robot's present state is the last command, 0, or what is observed of it, 5.
#[test]
fn a_plan_begins_where_the_robot_is() {
    let check = |state| PlanCheck { state, ..bounds(PlanBounds { step: vec![1.0], ..PlanBounds::default() }) };
    assert_eq!(played(check(None), &[0.5; 4]).1, []);
    assert_eq!(played(check(Some(1)), &[5.5; 4]).1, []);
    for (state, first, distance) in [(None, 5.5, 5.5), (Some(1), 0.5, 4.5), (Some(0), 5.5, 3.5)] {
        let (_, events) = played(check(state), &[first; 4]);
        let [WorkerEvent::Refused(violation), ..] = &events[..] else { panic!("{state:?}: {events:?}") };
        assert_eq!((violation.rule, violation.value, violation.limit), (Rule::Step, distance, 1.0));
    }
}

#[test]
fn numbers_that_make_no_sense_are_named() {
    let cases = [
        (bounds(PlanBounds { jerk: vec![0.0], ..PlanBounds::default() }), "jerk is 0, but must be more than 0"),
        (bounds(PlanBounds { step: vec![1.0; 2], ..PlanBounds::default() }), "step has 2 values, but an action has 1"),
        (bounds(PlanBounds { max: vec![f64::NAN], ..PlanBounds::default() }), "max is NaN, but must be finite"),
        (PlanCheck { state: Some(2), ..PlanCheck::default() }, "state is 2, but must be the index of a number of"),
        (PlanCheck { state: Some(usize::MAX), ..PlanCheck::default() }, "state is"),
    ];
    for (check, words) in cases {
        let found = config(check).validate().unwrap_err().to_string();
        assert!(found.starts_with(words), "{found}");
    }
    for (first, centre, radius, words) in [
        (1, vec![0.0], 1.0, "region's centre is 1 numbers from 1 on"),
        (0, vec![], 1.0, "region's centre is 0 numbers from 0 on"),
        (usize::MAX, vec![0.0], 1.0, "region's centre is 1 numbers"),
        (0, vec![f64::INFINITY], 1.0, "region's centre is inf"),
        (0, vec![0.0], 0.0, "region's radius is 0"),
    ] {
        let check = PlanCheck { regions: vec![Region { first, centre, radius }], ..PlanCheck::default() };
        let found = config(check).validate().unwrap_err().to_string();
        assert!(found.starts_with(words), "{found}");
    }
}

proptest! {
    /// Whatever is left of a plan keeps every bound, by finite differences that are computed here.
    #[test]
    fn what_is_left_of_a_plan_keeps_its_bounds(
        actions in prop::collection::vec(-2.0..2.0_f64, 1..8_usize), cut: bool,
        velocity in 0.5..8.0_f64, acceleration in 1.0..30.0_f64, jerk in 2.0..100.0_f64, step in 0.1..2.0_f64,
    ) {
        let bounds = PlanBounds {
            max: vec![1.8],
            step: vec![step],
            velocity: vec![velocity],
            acceleration: vec![acceleration],
            jerk: vec![jerk],
            ..PlanBounds::default()
        };
        let failing = if cut { Failing::Cut } else { Failing::Refuse };
        let (sent, events) = played(PlanCheck { failing, bounds, ..PlanCheck::default() }, &actions);
        let planned: Vec<f64> =
            sent.iter().take_while(|(_, source)| *source == Source::Plan).map(|(action, _)| *action).collect();
        prop_assert_eq!(&planned[..], &actions[..planned.len()]);
        prop_assert!(!planned.is_empty() || !events.is_empty());
        let close = |value: f64, limit: f64| value.abs() <= limit * (1.0 + 1e-9) + 1e-12;
        prop_assert!(planned.iter().all(|action| *action <= 1.8));
        prop_assert!(planned.first().is_none_or(|first| close(*first, step)));
        prop_assert!(planned.windows(2).all(|w| close((w[1] - w[0]) / 0.5, velocity)));
        prop_assert!(planned.windows(3).all(|w| close((w[2] - 2.0 * w[1] + w[0]) / 0.25, acceleration)));
        prop_assert!(planned.windows(4).all(|w| close((w[3] - 3.0 * w[2] + 3.0 * w[1] - w[0]) / 0.125, jerk)));
    }
}
