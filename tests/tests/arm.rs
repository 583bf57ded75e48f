//! A world that is not `PushT`, with a policy of its own: the arm reaches its targets.

#![allow(clippy::unwrap_used, reason = "a helper that fails is a test that fails")]

use std::path::Path;

use approx::assert_abs_diff_eq;
use ndarray::{Array1, array, aview1, s};
use parapolicy_arm::{Arm, LINKS, PERIOD, SPEED, STOP};
use parapolicy_control::{DiffusionPolicy, Environment as _, Policy as _};
use parapolicy_eval::run_episode;
use parapolicy_policy::{Inference, Network};
use parapolicy_sampler::{Sampler, Solver, Strategy, Table};

fn inference() -> Inference {
    Inference { threads: 1, ..Inference::default() }
}

#[test]
fn the_tip_is_where_the_law_of_cosines_has_it() {
    for (first, second) in [(0.0, 0.0), (0.4, 1.3), (-2.0, -2.5), (3.0, 0.7)] {
        let tip = Arm::new([first, second], [0.0; 2]).tip();
        let squared = LINKS[0].powi(2) + LINKS[1].powi(2) + 2.0 * LINKS[0] * LINKS[1] * f64::cos(second);
        assert_abs_diff_eq!(tip[0].hypot(tip[1]), squared.sqrt(), epsilon = 1e-12);
        // The shoulder's angle turns everything.
        let turned = Arm::new([first + 0.5, second], [0.0; 2]).tip();
        let (sine, cosine) = 0.5_f64.sin_cos();
        assert_abs_diff_eq!(turned[0], cosine * tip[0] - sine * tip[1], epsilon = 1e-12);
        assert_abs_diff_eq!(turned[1], sine * tip[0] + cosine * tip[1], epsilon = 1e-12);
    }
}

#[test]
fn servos_follow_as_their_equation_says() {
    let mut arm = Arm::new([0.0; 2], [0.0; 2]);
    arm.speeds = [0.7, -0.2];
    // θ'' = (u − θ') / τ in small steps.
    let (mut joints, mut speeds) = (arm.joints, arm.speeds);
    let commands = [[2.0, -1.0], [0.0, 1.5], [-2.0, 0.5]];
    const SMALL: usize = 20_000;
    for command in commands {
        for _ in 0..SMALL {
            for i in 0..2 {
                let change = (command[i] - speeds[i]) / 0.05 * PERIOD / SMALL as f64;
                joints[i] += (speeds[i] + change / 2.0) * PERIOD / SMALL as f64;
                speeds[i] += change;
            }
        }
        arm.advance(command);
    }
    for i in 0..2 {
        assert_abs_diff_eq!(arm.joints[i], joints[i], epsilon = 1e-5);
        assert_abs_diff_eq!(arm.speeds[i], speeds[i], epsilon = 1e-4);
    }
}

#[test]
fn the_second_joint_halts_at_its_stop_and_the_first_goes_round() {
    let mut arm = Arm::new([0.0; 2], [0.3, 0.4]);
    (0..100).for_each(|_| arm.advance([SPEED, SPEED]));
    assert_eq!((arm.joints[1], arm.speeds[1]), (STOP, 0.0));
    assert!(arm.joints[0] > std::f64::consts::TAU);
    let mut seen = [Array1::zeros(4), Array1::zeros(4)];
    arm.observe(seen[0].view_mut()).unwrap();
    arm.joints[0] += std::f64::consts::TAU;
    arm.observe(seen[1].view_mut()).unwrap();
    assert_abs_diff_eq!(seen[0].as_slice().unwrap(), seen[1].as_slice().unwrap(), epsilon = 1e-12);
}

#[test]
fn the_shipped_policy_reaches_most_targets() {
    const EPISODES: u64 = 20;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/arm");
    let mut network = Network::load(&folder, &inference().open(&()).unwrap()).unwrap();
    let table = Table::new(&network.manifest().scheduler, Solver::Ddim { eta: 0.0 }, 10).unwrap();
    let mut sampler = Sampler::new(table, Strategy::sequential(), network.manifest().sample_dim()).unwrap();
    let mut policy = DiffusionPolicy::new(&mut network, &mut sampler);
    let mut arm = Arm::default();
    let mut elbows = [0, 0];
    let mut reached = 0;
    for seed in 0..EPISODES {
        if run_episode(&mut policy, &mut arm, seed, &()).unwrap().success {
            reached += 1;
            elbows[usize::from(arm.joints[1] > 0.0)] += 1;
        }
    }
    assert!(reached >= EPISODES * 3 / 4, "{reached} of {EPISODES}");
    assert!(elbows.iter().all(|reached| *reached > 0), "with the elbow on either side: {elbows:?}");
}

#[test]
fn a_command_beyond_the_servos_is_a_violation() {
    let mut arm = Arm::default();
    arm.reset(1).unwrap();
    assert_eq!(arm.step(aview1(&[1.0, -SPEED])).unwrap().violation, 0.0);
    assert_abs_diff_eq!(arm.step(aview1(&[0.0, -SPEED - 0.5])).unwrap().violation, 0.5, epsilon = 1e-12);
}

#[test]
fn a_plan_begins_with_what_was_committed_and_the_next_one_does_not() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/arm");
    let mut network = Network::load(&folder, &inference().open(&()).unwrap()).unwrap();
    let table = Table::new(&network.manifest().scheduler, Solver::Ddpm, 50).unwrap();
    let committed = array![[0.5, -0.25], [0.75, -0.5], [1.0, -0.75]];
    for strategy in ["sequential", "picard"] {
        let strategy: Strategy = strategy.parse().unwrap();
        let mut sampler = Sampler::new(table.clone(), strategy, network.manifest().sample_dim()).unwrap();
        let mut policy = DiffusionPolicy::new(&mut network, &mut sampler);
        policy.observe(aview1(&[0.5, 0.8, 0.3, 0.4])).unwrap();
        policy.commit(committed.view(), aview1(&[1.0; 3])).unwrap();
        let [held, free] = [(); 2].map(|()| policy.plan().unwrap().actions);
        let [held, free] = [held, free].map(|plan| (&plan.slice(s![..3, ..]) - &committed).mapv(f64::abs));
        assert!(held.iter().all(|change| *change < 1e-6), "{held}");
        assert!(free.iter().any(|change| *change > 0.01), "{free}");
        let wrong = policy.commit(array![[0.5]].view(), aview1(&[1.0])).unwrap_err().to_string();
        assert_eq!(wrong, "a committed action has 1 numbers, but the policy's actions have 2");
    }
}
