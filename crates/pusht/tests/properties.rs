//! What holds for every state.

#![allow(clippy::unwrap_used, reason = "what fails in a helper fails the test")]

use std::f64::consts::{PI, TAU};

use parapolicy_pusht::geometry::{BLOCK_AREA, GOAL, Pose, angle_difference, wrap_angle};
use parapolicy_pusht::{ResetDistribution, ResetOrder, State, World, coverage};
use proptest::prelude::*;

fn pose() -> impl Strategy<Value = Pose> {
    (0.0..512.0, 0.0..512.0, -10.0..10.0).prop_map(|(x, y, angle)| Pose::new(x, y, angle))
}

fn state() -> impl Strategy<Value = State> {
    (prop::array::uniform4(0.0..512.0), -10.0..10.0)
        .prop_map(|([x, y, block_x, block_y], angle)| State::from_array([x, y, block_x, block_y, angle]))
}

#[test]
fn what_the_block_touches_is_noticed() {
    let mut world = World::new();
    let mut touched = |state, target: [f64; 2]| {
        world.set_state(&State::from_array(state)).unwrap();
        let put = world.touched();
        world.step(target).unwrap();
        [put, world.touched()]
    };
    assert_eq!(touched([60.0, 60.0, 256.0, 256.0, 0.0], [60.0, 60.0]), [false, false]);
    // The agent comes from the left, stands in the block, and leaves it; the block stands in a wall, and beyond it.
    assert_eq!(touched([170.0, 271.0, 256.0, 256.0, 0.0], [250.0, 271.0]), [false, true]);
    assert_eq!(touched([185.0, 271.0, 256.0, 256.0, 0.0], [185.0, 271.0]), [true, true]);
    assert_eq!(touched([181.5, 271.0, 256.0, 256.0, 0.0], [100.0, 271.0]), [true, false]);
    for x in [66.0, -90.0] {
        assert!(touched([400.0, 400.0, x, 256.0, 0.0], [400.0, 400.0])[0]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn coverage_is_a_share(pose in pose()) {
        prop_assert!((0.0..=1.0).contains(&coverage(&pose)));
    }

    #[test]
    fn whole_turns_do_not_change_coverage(pose in pose(), turns in -3..3) {
        let turned = Pose { angle: pose.angle + TAU * f64::from(turns), ..pose };
        prop_assert!((coverage(&pose) - coverage(&turned)).abs() < 1e-6);
    }

    /// A block moved by d loses at most d times its width across, the longest side that a move can sweep.
    #[test]
    fn coverage_falls_no_faster_than_the_block_sweeps(distance in 0.0..40.0, direction in 0.0..TAU) {
        let moved = Pose {
            position: GOAL.position + distance * nalgebra::Vector2::new(direction.cos(), direction.sin()),
            ..GOAL
        };
        let largest_loss = distance * 60.0_f64.hypot(120.0) * 2.0 / BLOCK_AREA;
        prop_assert!(coverage(&moved) >= 1.0 - largest_loss - 1e-6);
        prop_assert!(coverage(&moved) <= 1.0);
    }

    #[test]
    fn wrapped_angles_are_the_same_angle(angle in -1e3..1e3) {
        let wrapped = wrap_angle(angle);
        prop_assert!((0.0..TAU).contains(&wrapped));
        prop_assert!(angle_difference(angle, wrapped).abs() < 1e-9);
    }

    #[test]
    fn angle_differences_go_the_short_way(a in -20.0..20.0, b in -20.0..20.0) {
        let difference = angle_difference(a, b);
        prop_assert!(difference.abs() <= PI + 1e-12);
        prop_assert!((difference + angle_difference(b, a)).abs() % TAU < 1e-9);
    }

    #[test]
    fn states_survive_their_arrays(state in state()) {
        let again = State::from_array(state.to_array());
        prop_assert_eq!(state.agent, again.agent);
        prop_assert_eq!(state.block.position, again.block.position);
        prop_assert!(angle_difference(state.block.angle, again.block.angle).abs() < 1e-12);
    }

    #[test]
    fn observations_end_with_the_agent(state in state()) {
        prop_assert_eq!(&state.keypoints()[18..], state.agent.as_slice());
        prop_assert_eq!(&state.vertices()[16..], state.agent.as_slice());
    }

    #[test]
    fn resets_draw_from_their_ranges(seed: u32) {
        for distribution in [ResetDistribution::DiffusionPolicy, ResetDistribution::GymPusht] {
            let draw = distribution.draw(seed.into());
            prop_assert!(draw[..2].iter().all(|x| (50.0..450.0).contains(x) && x.fract() == 0.0));
            prop_assert!(draw[2..4].iter().all(|x| (100.0..400.0).contains(x) && x.fract() == 0.0));
            // Both orders put the centre of gravity 45 px from the block's origin, on a circle around it.
            let [legacy, plain] = [ResetOrder::Legacy, ResetOrder::Plain].map(|order| order.apply(draw).block);
            prop_assert!((legacy.position - plain.position).norm() <= 90.0 + 1e-9);
        }
    }

    /// Whatever the agent does, the world stays finite.
    #[test]
    fn the_world_stays_finite(start in state(), targets in prop::collection::vec(prop::array::uniform2(-200.0..700.0), 1..20)) {
        let mut world = World::new();
        world.set_state(&start).unwrap();
        for target in targets {
            let outcome = world.step(target).unwrap();
            prop_assert!(world.state().to_array().iter().all(|x| x.is_finite()));
            prop_assert!((0.0..=1.0).contains(&outcome.coverage));
            prop_assert_eq!(outcome.success, outcome.coverage > 0.95);
        }
    }
}
