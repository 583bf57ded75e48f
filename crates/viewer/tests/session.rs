//! What a session does when it is told to, with policies that are easy to foresee.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

#[path = "toy/policy.rs"]
mod toy;

use std::time::Duration;

use parapolicy_pusht::Kick;
use parapolicy_pusht::geometry::Pose;
use parapolicy_sampler::{Solver, Strategy};
use parapolicy_viewer::order::Order;
use parapolicy_viewer::scene::Status;
use parapolicy_viewer::session::Session;
use parapolicy_viewer::setup::Clock;
use parapolicy_viewer::{Play as _, Progress};

use toy::{Toy, session};

/// Goes on until a control step was taken.
fn step(session: &mut Session) {
    toy::wait(|| session.advance() == Progress::Stepped);
}

fn running(toy: Toy) -> Session {
    let mut session = session(toy);
    session.order(Order::Pause(false));
    session
}

#[test]
fn a_plan_is_executed_action_by_action() {
    let mut session = running(Toy::default());
    let start = session.scene().state.agent;
    for taken in 1..=10_u8 {
        step(&mut session);
        let (scene, done) = (session.scene(), if taken <= 8 { taken } else { taken - 8 });
        assert_eq!(scene.plan.as_ref().unwrap().done, usize::from(done));
        assert_eq!((scene.path.len(), scene.rewards.len()), (usize::from(taken) + 1, usize::from(taken)));
        assert_eq!(scene.settings.control_step, usize::from(taken));
    }
    let scene = session.scene();
    assert_eq!(scene.plans, 2, "one for every eight actions");
    assert_eq!(scene.latencies, [7.0, 7.0]);
    assert!(scene.state.agent.x > start.x, "the toy goes right");
}

#[test]
fn paused_it_stands_still_and_can_be_stepped() {
    let mut session = session(Toy::default());
    assert_eq!((session.advance(), session.status()), (Progress::Idle, Status::Paused));
    session.order(Order::Step);
    step(&mut session);
    assert_eq!(session.advance(), Progress::Idle);
    assert_eq!(session.scene().settings.control_step, 1);
}

#[test]
fn the_same_seed_begins_the_same_episode() {
    let mut session = running(Toy::default());
    let start = session.scene().state;
    (0..3).for_each(|_| step(&mut session));
    session.order(Order::Reset(4));
    assert_ne!(session.scene().state, start);
    session.order(Order::Reset(toy::SEED));
    let scene = session.scene();
    assert_eq!((scene.state, scene.path.len(), scene.plan), (start, 1, None));
}

#[test]
fn rounds_are_shown_one_by_one() {
    let mut session = running(Toy { rounds: 3, ..Toy::default() });
    session.order(Order::SlowRounds(true));
    let mut shown = Vec::new();
    toy::wait(|| match session.advance() {
        Progress::Round => {
            shown.push(session.scene().plan.unwrap().iterates.len());
            false
        }
        progress => progress == Progress::Stepped,
    });
    assert_eq!(shown, [1, 2, 3]);
    step(&mut session);
    assert_eq!(session.scene().plan.unwrap().iterates.len(), 3, "the plan is not shown forming again");
}

#[test]
fn ways_are_found_for_what_is_seen_now() {
    let mut session = running(Toy::default());
    step(&mut session);
    assert!(session.scene().ways.is_empty() && !session.scene().settings.ways);
    session.order(Order::Ways(true));
    session.play_until(2).unwrap();
    let scene = session.scene();
    let shares: Vec<f64> = scene.ways.iter().map(|way| way.share).collect();
    assert_eq!(shares, [0.75, 0.25]);
    let agent = scene.state.agent;
    for (way, side) in scene.ways.iter().zip([1.0, -1.0]) {
        assert_eq!(way.plans.len() as f64, 40.0 * way.share);
        assert!(way.plans.iter().all(|plan| side * (plan[14][0] - agent.x) > 0.0 && plan.len() == 15));
    }
    session.order(Order::Reset(4));
    assert!(session.scene().ways.is_empty(), "they are of the episode before");
    // Where it stands still, too.
    session.order(Order::Pause(true));
    toy::wait(|| {
        session.advance();
        !session.scene().ways.is_empty()
    });
    assert_eq!(session.scene().settings.control_step, 0);
    session.order(Order::Ways(false));
    session.play_until(3).unwrap();
    assert!(session.scene().ways.is_empty() && !session.scene().settings.ways);
}

#[test]
fn a_person_drives_and_hands_back() {
    let mut session = running(Toy::default());
    step(&mut session);
    session.order(Order::Drive([100.0, 9999.0]));
    for _ in 0..30 {
        assert_eq!(session.advance(), Progress::Stepped, "nobody waits for a policy that does not drive");
    }
    let scene = session.scene();
    assert!(scene.settings.driven && scene.plan.is_none());
    assert!(
        (scene.state.agent.x - 100.0).abs() < 0.1 && (scene.state.agent.y - 512.0).abs() < 0.1,
        "{:?}",
        scene.state
    );
    session.order(Order::HandBack);
    step(&mut session);
    let scene = session.scene();
    assert!(!scene.settings.driven && scene.plan.unwrap().done == 1, "it plans from where it finds the agent");
}

#[test]
fn the_block_is_held_and_let_go() {
    let mut session = running(Toy::default());
    step(&mut session);
    session.order(Order::Hold(Pose::new(200.0, 300.0, 1.0)));
    assert_eq!((session.advance(), session.status()), (Progress::Idle, Status::Held));
    assert_eq!(session.scene().state.block, Pose::new(200.0, 300.0, 1.0));
    session.order(Order::LetGo);
    step(&mut session);
    assert_eq!(session.scene().plan.unwrap().done, 1, "a plan for what is there now");
}

#[test]
fn a_kick_moves_the_block() {
    let mut session = running(Toy { reach: 0.0, ..Toy::default() });
    session.order(Order::Hold(Pose::new(256.0, 256.0, 0.0)));
    session.order(Order::LetGo);
    session.order(Order::Kick(Kick { displacement: [0.0, 30.0].into(), turn: 0.0 }));
    step(&mut session);
    step(&mut session);
    let block = session.scene().state.block;
    assert!((block.position.y - 286.0).abs() < 1e-9, "once, by as much as it says: {block:?}");
}

#[test]
fn another_sampler_goes_on_with_the_episode() {
    let mut session = running(Toy::default());
    (0..3).for_each(|_| step(&mut session));
    session.order(Order::Strategy(Strategy::sequential()));
    step(&mut session);
    let scene = session.scene();
    assert_eq!((scene.settings.strategy, scene.settings.control_step), (Strategy::sequential(), 4));
    assert_eq!((scene.plan.unwrap().done, scene.latencies.len()), (1, 1), "it planned anew, and its times are its own");
}

#[test]
fn a_solver_that_the_network_cannot_be_sampled_with_is_refused() {
    let mut session = running(Toy::default());
    step(&mut session);
    session.order(Order::Solver(Solver::Euler));
    let scene = session.scene();
    assert!(scene.notice.unwrap().starts_with("solver: `euler` is not supported"));
    assert_eq!((scene.settings.solver, scene.plan.unwrap().done), (Solver::Ddpm, 1), "everything stays as it is");
    step(&mut session);
}

#[test]
fn a_policy_that_fails_is_told_of_and_asked_again() {
    let mut session = running(Toy { fails: true, ..Toy::default() });
    toy::wait(|| session.advance() == Progress::Idle);
    let scene = session.scene();
    assert_eq!((scene.status, scene.settings.control_step), (Status::Paused, 0));
    assert_eq!(scene.notice.unwrap(), "the policy failed: out of ideas");
    session.order(Order::Strategy(Strategy::sequential()));
    session.order(Order::Pause(false));
    step(&mut session);
    assert_eq!(session.scene().notice, None);
}

/// On the real clock the world goes on without a plan.
#[test]
fn a_world_that_does_not_wait_does_not() {
    let mut session = running(Toy { takes: Duration::from_millis(200), ..Toy::default() });
    session.order(Order::Clock(Clock::Real));
    for _ in 0..5 {
        assert_eq!(session.advance(), Progress::Stepped);
    }
    assert!(session.scene().plan.is_none());
    std::thread::sleep(Duration::from_millis(400));
    step(&mut session);
    let scene = session.scene();
    assert_eq!(scene.plan.unwrap().done, 6, "the plan is for the moment of its observation");
}

#[test]
fn an_episode_ends() {
    let mut session = running(Toy { reach: 0.0, ..Toy::default() });
    for _ in 0..300 {
        step(&mut session);
    }
    assert_eq!((session.advance(), session.status()), (Progress::Idle, Status::OutOfTime));
    session.order(Order::Hold(Pose::new(0.0, 0.0, 0.0)));
    assert_eq!(session.status(), Status::OutOfTime);
    session.order(Order::Reset(1));
    step(&mut session);
}
