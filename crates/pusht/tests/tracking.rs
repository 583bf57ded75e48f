//! The agent's motion, as it is foreseen, against the simulator's.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use ndarray::{Array2, array};
use parapolicy_control::refine::Tracker;
use parapolicy_pusht::{PushT, Scenario, Task};
use proptest::prelude::*;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The tracker, told positions and targets alone, knows the motion that the simulator has; and the way it foresees
    /// is the way the agent goes, whatever it pushes.
    #[test]
    fn the_agent_of_pusht_goes_where_its_tracking_says(
        seed in 0u64..1000,
        targets in prop::collection::vec(50.0..450.0f64, 12),
    ) {
        let targets = Array2::from_shape_vec((6, 2), targets).unwrap();
        let reset = "reset = { distribution = 'diffusion-policy', order = 'legacy' }";
        let scenario = format!("name = 'plain'\nmax_control_steps = 99\n{reset}");
        let mut task = Task::new(Scenario::parse(&scenario).unwrap());
        let mut tracker = Tracker::new(PushT::tracking().unwrap(), 1..3);
        let start = task.reset(seed as _).agent;
        tracker.observe(array![0.0, start.x, start.y].view());
        let way = PushT::tracking().unwrap().way(tracker.now().unwrap().0, targets.view(), 0);
        tracker.follow(targets.clone());
        for (step, target) in targets.rows().into_iter().enumerate() {
            let at = task.step([target[0], target[1]]).unwrap().observation.agent;
            let foreseen = way.at_control_rate().row(step + 1).to_owned();
            prop_assert!((foreseen[0] - at.x).abs() < 1e-9 && (foreseen[1] - at.y).abs() < 1e-9);
            tracker.observe(array![0.0, at.x, at.y].view());
            let (motion, hold) = tracker.now().unwrap();
            let (found, velocity) = (&motion.velocity, task.world().agent().velocity);
            prop_assert!((found[0] - velocity.x).abs() < 1e-9 && (found[1] - velocity.y).abs() < 1e-9);
            prop_assert_eq!(hold, target.to_slice().unwrap());
        }
    }
}
