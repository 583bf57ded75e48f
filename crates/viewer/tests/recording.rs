//! What a person drives is written, whole, when a stretch of it ends; what others do is not.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

#[path = "toy/policy.rs"]
mod toy;

use std::path::Path;

use parapolicy_pusht::geometry::Pose;
use parapolicy_pusht::{Demonstration, Trace, replay};
use parapolicy_viewer::order::Order;
use parapolicy_viewer::session::Session;
use parapolicy_viewer::{Play as _, Progress};

use toy::{Toy, session_in, wait};

fn steps(session: &mut Session, count: usize) {
    for _ in 0..count {
        wait(|| session.advance() == Progress::Stepped);
    }
}

fn read(folder: &Path, name: &str) -> Demonstration {
    let mut demonstrations = Demonstration::load(&folder.join(name)).unwrap();
    assert_eq!(demonstrations.len(), 1);
    demonstrations.remove(0)
}

#[test]
fn every_stretch_is_a_demonstration() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("demos");
    let mut session = session_in(Toy::default(), &folder);
    [Order::Pause(false), Order::Record(true)].into_iter().for_each(|order| session.order(order));
    steps(&mut session, 4);
    assert_eq!(session.scene().recording, Some(0), "the policy drives");

    session.order(Order::Drive([200.0, 300.0]));
    steps(&mut session, 5);
    session.order(Order::Drive([210.0, 310.0]));
    steps(&mut session, 2);
    assert_eq!(session.scene().recording, Some(7));
    session.order(Order::HandBack);
    let first = read(&folder, "demo-100003.npz");
    assert_eq!((first.seed, first.steps.len()), (Some(100_003), 7));
    assert_eq!((first.steps[0].action, first.steps[6].action), ([200.0, 300.0], [210.0, 310.0]));
    let rewards = session.scene().rewards;
    assert!(first.steps.iter().zip(&rewards[4..]).all(|(step, reward)| step.reward == Some(*reward)));

    session.order(Order::Drive([100.0, 100.0]));
    steps(&mut session, 3);
    session.order(Order::Hold(Pose::new(200.0, 200.0, 0.0)));
    session.order(Order::LetGo);
    steps(&mut session, 2);
    session.order(Order::Reset(100_004));
    steps(&mut session, 6);
    session.order(Order::Record(false));
    steps(&mut session, 3);
    session.order(Order::HandBack);
    let lengths =
        ["demo-100003-2.npz", "demo-100003-3.npz", "demo-100004.npz"].map(|name| read(&folder, name).steps.len());
    assert_eq!(lengths, [3, 2, 6]);
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 4);
    assert_eq!(session.scene().notice, None);

    for name in ["demo-100003.npz", "demo-100004.npz"] {
        let report = replay(&Trace::load(&folder.join(name)).unwrap(), false).unwrap();
        assert!(report.agent_max_error_px < 1e-9, "{name} replays: {report:?}");
    }
}

#[test]
fn nothing_is_written_unless_it_is_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = session_in(Toy::default(), folder.path());
    [Order::Pause(false), Order::Drive([200.0, 300.0])].into_iter().for_each(|order| session.order(order));
    steps(&mut session, 5);
    session.order(Order::HandBack);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_folder_that_cannot_be_written_to_is_told_of() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut session = session_in(Toy::default(), file.path());
    let orders = [Order::Pause(false), Order::Record(true), Order::Drive([200.0, 300.0])];
    orders.into_iter().for_each(|order| session.order(order));
    steps(&mut session, 2);
    session.order(Order::HandBack);
    let notice = session.scene().notice.unwrap();
    assert!(notice.contains("could not be written"), "{notice}");
    steps(&mut session, 1);
}
