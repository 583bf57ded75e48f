//! Costs and their gradients, and a robot's motion, against what they say they are.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use ndarray::{Array2, array};
use parapolicy_control::refine::{AccelerationLimit, Cost, KeepOut, Motion, SpeedLimit, Tracking};
use proptest::prelude::*;

const STOP: usize = 2;

/// A robot that is drawn to its targets like a mass on a spring, without overshooting them; ten substeps a control step of
/// 0.1 s.
fn tracking() -> Tracking {
    Tracking::new(100.0, 20.0, 0.01, 10).unwrap()
}

fn motion() -> Motion {
    Motion { position: vec![100.0, 100.0], velocity: vec![40.0, -25.0] }
}

fn costs() -> [Box<dyn Cost>; 3] {
    [
        Box::new(KeepOut::new(vec![130.0, 110.0], 25.0, 5.0).unwrap()),
        Box::new(SpeedLimit::new(65.0, 5.0).unwrap()),
        Box::new(AccelerationLimit::new(320.0, 20.0).unwrap()),
    ]
}

fn cost(cost: &dyn Cost, targets: &Array2<f64>) -> (f64, Array2<f64>) {
    let tracking = tracking();
    let way = tracking.way(&motion(), targets.view(), STOP);
    let mut gradient = Array2::zeros(way.positions.dim());
    let value = cost.add_gradient(&way, gradient.view_mut());
    (value, tracking.pull_back(gradient.view(), targets.nrows()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Every gradient, by way of the positions, is the cost's slope along any direction of the targets.
    #[test]
    fn gradients_are_those_of_central_differences(
        targets in prop::collection::vec(90.0..160.0f64, 10),
        direction in prop::collection::vec(-1.0..1.0f64, 10),
    ) {
        let [targets, direction] = [targets, direction].map(|values| Array2::from_shape_vec((5, 2), values).unwrap());
        for limit in &costs() {
            let (value, gradient) = cost(limit.as_ref(), &targets);
            let h = 1e-5;
            let [ahead, behind] = [h, -h].map(|h| cost(limit.as_ref(), &(&targets + h * &direction)).0);
            let (slope, expected) = ((gradient * &direction).sum(), (ahead - behind) / (2.0 * h));
            prop_assert!((slope - expected).abs() <= 1e-3 * (1.0 + expected.abs()), "{slope} is not {expected}");
            prop_assert!(value >= 0.0);
        }
    }

    /// Numbers that make no sense are refused by name.
    #[test]
    fn bad_numbers_are_named(bad in prop_oneof![-1e9..-1e-9, Just(f64::NAN), Just(f64::INFINITY), Just(-f64::INFINITY)]) {
        for number in [bad, 0.0] {
            let radius = KeepOut::new(vec![0.0], number, 1.0).unwrap_err().to_string();
            prop_assert!(radius.starts_with("radius is "), "{}", radius);
            let speed = SpeedLimit::new(number, 0.0).unwrap_err().to_string();
            prop_assert!(speed.starts_with("speed limit is "), "{}", speed);
            let acceleration = AccelerationLimit::new(number, 0.0).unwrap_err().to_string();
            prop_assert!(acceleration.starts_with("acceleration limit is "), "{}", acceleration);
            let stiffness = Tracking::new(number, 1.0, 0.1, 1).unwrap_err().to_string();
            prop_assert!(stiffness.starts_with("stiffness is "), "{}", stiffness);
            let substep = Tracking::new(1.0, 1.0, number, 1).unwrap_err().to_string();
            prop_assert!(substep.starts_with("substep is "), "{}", substep);
        }
        let margin = KeepOut::new(vec![0.0], 1.0, bad).unwrap_err().to_string();
        prop_assert!(margin.starts_with("margin is "), "{}", margin);
        let too_wide = SpeedLimit::new(1.0, 1.0).unwrap_err().to_string();
        prop_assert!(too_wide.starts_with("margin is "), "{}", too_wide);
        let drag = Tracking::new(1.0, bad, 0.1, 1).unwrap_err().to_string();
        prop_assert!(drag.starts_with("drag is "), "{}", drag);
    }
}

/// A target is reached from rest without overshooting it, and the way stops there.
#[test]
fn a_way_ends_at_its_last_target() {
    let way = tracking().way(&Motion::at_rest(vec![0.0]), array![[100.0], [100.0]].view(), 30);
    let last = way.positions[[way.positions.nrows() - 1, 0]];
    assert!((last - 100.0).abs() < 1e-6, "{last}");
    assert!(way.positions.iter().all(|&position| position <= 100.0 + 1e-9), "critically damped");
    assert_eq!((way.planned, way.at_control_rate().nrows()), (2, 3));
    assert!((way.period - 0.1).abs() < 1e-12);
}

#[test]
fn violations_are_in_the_limit_s_own_units() {
    let still = Motion::at_rest(vec![0.0, 0.0]);
    let mut way = tracking().way(&still, Array2::zeros((3, 2)).view(), 1);
    let disc = KeepOut::new(vec![0.0, 8.0], 10.0, 3.0).unwrap();
    assert!((disc.violation(&way) - 2.0).abs() < 1e-12, "two px inside, margin or not");
    for (row, mut position) in way.positions.rows_mut().into_iter().enumerate() {
        position[0] = 0.2 * row as f64; // 2 px a control step of 0.1 s
    }
    assert!((SpeedLimit::new(15.0, 2.0).unwrap().violation(&way) - 5.0).abs() < 1e-9);
    assert_eq!(SpeedLimit::new(25.0, 10.0).unwrap().violation(&way), 0.0);
    assert!(AccelerationLimit::new(1.0, 0.0).unwrap().violation(&way) < 1e-9, "at constant speed");
}
