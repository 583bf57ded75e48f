//! The observation history.

use ndarray::{array, aview1};
use parapolicy_policy::ObservationHistory;

#[test]
fn the_first_observation_is_repeated_and_the_oldest_dropped() {
    let mut history = ObservationHistory::new(3, 2);
    assert_eq!(history.view().dim(), (0, 2));

    history.push(aview1(&[1.0, 10.0]));
    assert_eq!(history.view(), array![[1.0, 10.0], [1.0, 10.0], [1.0, 10.0]]);
    history.push(aview1(&[2.0, 20.0]));
    assert_eq!(history.view(), array![[1.0, 10.0], [1.0, 10.0], [2.0, 20.0]]);
    history.push(aview1(&[3.0, 30.0]));
    history.push(aview1(&[4.0, 40.0]));
    assert_eq!(history.view(), array![[2.0, 20.0], [3.0, 30.0], [4.0, 40.0]]);
}

#[test]
fn a_reset_begins_an_episode() {
    let mut history = ObservationHistory::new(2, 1);
    history.push(aview1(&[1.0]));
    history.push(aview1(&[2.0]));
    history.reset();
    assert_eq!(history.view().nrows(), 0);
    history.push(aview1(&[9.0]));
    assert_eq!(history.view(), array![[9.0], [9.0]]);
}

#[test]
fn a_single_step_is_the_newest_observation() {
    let mut history = ObservationHistory::new(1, 1);
    history.push(aview1(&[1.0]));
    history.push(aview1(&[2.0]));
    assert_eq!(history.view(), array![[2.0]]);
}
