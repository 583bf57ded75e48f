//! No thread waits for another: a policy that hangs stops neither the episode nor the frames, and frames that are not
//! drawn stop neither of them.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

#[path = "toy/policy.rs"]
mod toy;

use std::time::Duration;

use crossbeam::channel::{Sender, bounded};
use parapolicy_viewer::order::Order;
use parapolicy_viewer::play_thread::PlayThread;
use parapolicy_viewer::scene::Status;
use parapolicy_viewer::setup::Clock;

use toy::{Toy, session, wait};

/// A running episode whose policy hangs in its plans until it is told.
fn episode(clock: Clock) -> (PlayThread, Sender<()>) {
    let (tell, gate) = bounded(1000);
    let episode = PlayThread::start(session(Toy { gate: Some(gate), ..Toy::default() })).unwrap();
    [Order::Clock(clock), Order::Speed(20.0), Order::Pause(false)].into_iter().for_each(|order| episode.order(order));
    (episode, tell)
}

#[test]
fn the_episode_goes_on_while_the_policy_hangs() {
    let (mut episode, tell) = episode(Clock::Real);
    wait(|| episode.scene().settings.control_step >= 10);
    assert!(episode.scene().plan.is_none());
    tell.send(()).unwrap();
    wait(|| episode.scene().plan.is_some());
}

#[test]
fn frames_go_on_while_the_episode_waits_for_the_policy() {
    let (mut episode, tell) = episode(Clock::Lockstep);
    wait(|| episode.scene().status == Status::Planning);
    episode.order(Order::Drive([50.0, 60.0]));
    wait(|| episode.scene().settings.control_step >= 10);
    episode.order(Order::HandBack);
    wait(|| episode.scene().status == Status::Planning);
    let stands = episode.scene().settings.control_step;
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(episode.scene().settings.control_step, stands, "no step is taken without a plan");
    // The plan that it hangs in is for before; the next one is the one that is waited for.
    [(), ()].into_iter().for_each(|()| tell.send(()).unwrap());
    wait(|| episode.scene().settings.control_step > stands);
}

#[test]
fn frames_that_are_not_drawn_stop_nobody() {
    let (mut episode, tell) = episode(Clock::Lockstep);
    for _ in 0..6 {
        tell.send(()).unwrap();
    }
    // Nobody looks until the policy has been asked for all of them.
    wait(|| tell.is_empty());
    wait(|| episode.scene().plans == 6);
    assert!(episode.scene().settings.control_step >= 40);
}

#[test]
fn an_episode_can_be_left_while_the_policy_hangs() {
    let (mut episode, tell) = episode(Clock::Lockstep);
    wait(|| episode.scene().status == Status::Planning);
    drop(episode);
    drop(tell);
}
