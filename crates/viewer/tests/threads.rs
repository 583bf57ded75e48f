//! Nobody waits: a policy that hangs stops neither the table nor the frames, frames that are not drawn stop nobody.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

mod toy;

use std::time::Duration;

use crossbeam::channel::{Sender, bounded};
use parapolicy_viewer::order::Order;
use parapolicy_viewer::scene::Status;
use parapolicy_viewer::setup::Clock;
use parapolicy_viewer::table::Table;

use toy::{Toy, session, wait};

/// A running table whose policy hangs in its plans until it is told.
fn table(clock: Clock) -> (Table, Sender<()>) {
    let (tell, gate) = bounded(1000);
    let table = Table::start(session(Toy { gate: Some(gate), ..Toy::default() })).unwrap();
    [Order::Clock(clock), Order::Speed(20.0), Order::Pause(false)].into_iter().for_each(|order| table.order(order));
    (table, tell)
}

#[test]
fn the_table_goes_on_while_the_policy_hangs() {
    let (mut table, tell) = table(Clock::Real);
    wait(|| table.scene().settings.control_step >= 10);
    assert!(table.scene().plan.is_none());
    tell.send(()).unwrap();
    wait(|| table.scene().plan.is_some());
}

#[test]
fn frames_go_on_while_the_table_waits_for_the_policy() {
    let (mut table, tell) = table(Clock::Lockstep);
    wait(|| table.scene().status == Status::Planning);
    table.order(Order::Drive([50.0, 60.0]));
    wait(|| table.scene().settings.control_step >= 10);
    table.order(Order::HandBack);
    wait(|| table.scene().status == Status::Planning);
    let stands = table.scene().settings.control_step;
    std::thread::sleep(Duration::from_millis(20));
    assert_eq!(table.scene().settings.control_step, stands, "no step is taken without a plan");
    // The plan that it hangs in is for before; the next one is the one that is waited for.
    [(), ()].into_iter().for_each(|()| tell.send(()).unwrap());
    wait(|| table.scene().settings.control_step > stands);
}

#[test]
fn frames_that_are_not_drawn_stop_nobody() {
    let (mut table, tell) = table(Clock::Lockstep);
    for _ in 0..6 {
        tell.send(()).unwrap();
    }
    // Nobody looks until the policy has been asked for all of them.
    wait(|| tell.is_empty());
    wait(|| table.scene().plans == 6);
    assert!(table.scene().settings.control_step >= 40);
}

#[test]
fn a_table_can_be_left_while_the_policy_hangs() {
    let (mut table, tell) = table(Clock::Lockstep);
    wait(|| table.scene().status == Status::Planning);
    drop(table);
    drop(tell);
}
