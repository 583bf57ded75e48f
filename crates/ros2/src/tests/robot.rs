//! The robot, with a policy that is made up, and no network.

use std::time::{Duration, Instant};

use ndarray::{Array2, ArrayView1};
use parapolicy_control::controller::Controller;
use parapolicy_control::{BoxError, Plan, Policy};

use super::{PUSHT, config, manifest};
use crate::diagnostics::diagnostics;
use crate::error::Ros2Error;
use crate::message::{DiagnosticArray, Float64MultiArray, Header, JointState, Time};
use crate::observed::Observed;
use crate::robot::{Robot, State};

/// Plans to stay ten to the right of where it is.
struct Right([f64; 2]);

impl Policy for Right {
    fn reset(&mut self, _seed: u64) {}

    fn observe(&mut self, observation: ArrayView1<'_, f64>) -> Result<(), BoxError> {
        self.0 = [observation[18] + 10.0, observation[19]];
        Ok(())
    }

    fn plan(&mut self) -> Result<Plan, BoxError> {
        Ok(Plan { actions: Array2::from_shape_fn((15, 2), |(_, axis)| self.0[axis]), intended: 8, ..Plan::default() })
    }
}

fn robot(text: &str) -> Robot {
    let start = |config| Ok(Controller::start(config, || Ok(Box::new(Right([0.0; 2])) as Box<dyn Policy>))?);
    let mut robot = Robot::new::<Ros2Error>(&config(text), &manifest(), 0, start).unwrap();
    // Keypoints have no stamps: without the time of another topic they have none.
    robot.take(0, &keypoints(256.0), Duration::ZERO, Instant::now());
    assert_eq!(robot.map.topics[0].taken, 0);
    robot.take(1, &agent(100.0, 500), Duration::ZERO, Instant::now());
    robot
}

fn keypoints(value: f64) -> Observed {
    Observed::Numbers(Float64MultiArray { data: vec![value; 18], ..Float64MultiArray::default() })
}

fn agent(x: f64, ms: u64) -> Observed {
    let stamp = Time::from(Duration::from_millis(ms));
    Observed::Joints(JointState {
        header: Header { stamp, frame_id: String::new() },
        name: vec!["y".to_owned(), "x".to_owned()],
        position: vec![7.0, x],
        ..JointState::default()
    })
}

/// Hands in both topics, and returns what is sent then: the stamp in ms, and the action.
fn turn(robot: &mut Robot, x: f64, ms: u64, now: Instant) -> Option<(u128, Vec<f64>)> {
    robot.take(0, &keypoints(256.0), Duration::ZERO, now);
    robot.take(1, &agent(x, ms), Duration::ZERO, now);
    robot.step(now).map(|step| (step.time.as_millis(), step.action.to_vec()))
}

/// Waits for the worker, for which the control loop does not wait.
fn until_planned(robot: &Robot, plans: u64) {
    let begun = Instant::now();
    while robot.controller.monitor().health().plans < plans {
        assert!(begun.elapsed() < Duration::from_secs(60), "no plan");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn level(found: &DiagnosticArray, name: &str) -> (u8, String) {
    let status = found.status.iter().find(|status| status.name.ends_with(name)).unwrap();
    (status.level, status.message.clone())
}

#[test]
fn commands_follow_the_stamps_of_messages() {
    let (mut robot, now) = (robot(PUSHT), Instant::now());
    robot.take(1, &agent(100.0, 5000), Duration::ZERO, now);
    assert_eq!(robot.step(now), None, "the keypoints were not observed yet");
    assert_eq!(robot.state, State::Waiting);
    assert_eq!(turn(&mut robot, 100.0, 5100, now), Some((5100, vec![100.0, 7.0])), "it rests where it is");
    until_planned(&robot, 1);
    assert_eq!(turn(&mut robot, 101.0, 5200, now), Some((5200, vec![110.0, 7.0])), "the plan of the first observation");
    assert_eq!(turn(&mut robot, 102.0, 5250, now), None, "half a step");
    assert_eq!(level(&diagnostics("n", &robot, now), "controller"), (0, "running".to_owned()));
}

#[test]
fn bad_messages_do_no_harm() {
    let (mut robot, now) = (robot(PUSHT), Instant::now());
    turn(&mut robot, 100.0, 1000, now);
    until_planned(&robot, 1);
    let mut unnamed = JointState { position: vec![1.0, 2.0], ..JointState::default() };
    unnamed.header.stamp = Time { sec: 1, nanosec: 100_000_000 };
    for bad in [agent(f64::NAN, 1100), Observed::Joints(unnamed), Observed::Joints(JointState::default())] {
        robot.take(1, &bad, Duration::ZERO, now);
        assert_eq!(robot.step(now), None, "it is not the step's message");
    }
    robot.take(0, &keypoints(f64::INFINITY), Duration::ZERO, now);
    let found = diagnostics("/node", &robot, now);
    let values = |topic: &str| {
        let status = found.status.iter().find(|status| status.name == format!("/node: {topic}")).unwrap();
        status.values.iter().map(|pair| pair.value.clone()).collect::<Vec<_>>()
    };
    assert_eq!(values("/joint_states"), ["2", "3", "it has no joint `x`; it has "]);
    assert_eq!(values("/keypoints"), ["1", "1", "data has inf, but must be finite"]);
    assert_eq!(turn(&mut robot, 100.0, 1100, now), Some((1100, vec![110.0, 7.0])));
}

#[test]
fn silence_lets_plans_grow_old() {
    let text = PUSHT.replace("initial = \"agent\"", "initial = \"agent\"\nmax_age = 1.0\nsafe = [5.0, 5.0]");
    let (mut robot, begun) = (robot(&text), Instant::now());
    turn(&mut robot, 100.0, 1000, begun);
    until_planned(&robot, 1);
    let at = |robot: &mut Robot, ms: u64| {
        let step = robot.step(begun + Duration::from_millis(ms));
        step.map(|step| (step.time.as_millis(), step.action.to_vec()))
    };
    assert_eq!(at(&mut robot, 400), None, "half a second of silence is nothing");
    assert_eq!(at(&mut robot, 600), Some((1600, vec![110.0, 7.0])));
    assert_eq!(at(&mut robot, 1200), Some((2200, vec![5.0, 5.0])), "the plan is too old");
    let found = diagnostics("/node", &robot, begun + Duration::from_millis(1200));
    assert_eq!(level(&found, "controller"), (2, "the safe action is sent: the plan is too old".to_owned()));
    assert_eq!(level(&found, "/joint_states"), (3, "the last message is 1.200 s old".to_owned()));
}

#[test]
fn it_stops_and_begins_again() {
    let text = PUSHT.replace("initial = \"agent\"", "safe = [5.0, 6.0]");
    let (mut robot, now) = (robot(&text), Instant::now());
    assert_eq!(turn(&mut robot, 100.0, 1000, now), Some((1000, vec![5.0, 6.0])), "no plan yet");
    robot.stop();
    let last = robot.step(now).map(|step| step.action.to_vec());
    assert_eq!(last, Some(vec![5.0, 6.0]));
    assert_eq!(turn(&mut robot, 100.0, 1100, now), None);
    robot.stop();
    assert_eq!(robot.step(now), None, "once is enough");
    assert_eq!(robot.state, State::Stopped);
    robot.reset();
    assert_eq!(robot.state, State::Waiting);
    assert_eq!(turn(&mut robot, 200.0, 1200, now).map(|(time, _)| time), Some(1200));
}

#[test]
fn nothing_is_sent_where_nobody_said_what() {
    let (mut robot, now) = (robot(&PUSHT.replace("initial = \"agent\"", "")), Instant::now());
    assert_eq!(turn(&mut robot, 100.0, 1000, now), None);
    until_planned(&robot, 1);
    assert_eq!(turn(&mut robot, 100.0, 1100, now), Some((1100, vec![110.0, 7.0])));
}

#[test]
fn a_robot_beyond_its_limits_is_not_moved() {
    let text = PUSHT.replace("initial = \"agent\"", "initial = \"agent\"\nmax = [50.0, 50.0]");
    let (mut robot, now) = (robot(&text), Instant::now());
    assert_eq!(turn(&mut robot, 100.0, 1000, now), None);
    assert!(
        robot.problem.as_deref().unwrap().starts_with("the robot cannot rest where it is: "),
        "{:?}",
        robot.problem
    );
    assert_eq!(turn(&mut robot, 40.0, 1100, now), Some((1100, vec![40.0, 7.0])));
}
