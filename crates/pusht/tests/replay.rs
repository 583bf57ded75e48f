//! Holds the simulator to traces recorded from gym-pusht (`sims/traces/record.py`).

#![allow(clippy::unwrap_used, reason = "what fails in a helper fails the test")]

use std::fs::File;
use std::path::{Path, PathBuf};

use ndarray::Array1;
use ndarray_npy::NpzReader;
use parapolicy_pusht::geometry::{OUTLINE, Pose, TABLE_SIZE};
use parapolicy_pusht::{ReplayErrors, Trace, World, replay};

const TRACES: [&str; 4] = ["random_targets", "shoves", "long_pushes", "spins"];

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../sims/traces/{name}.npz"))
}

fn load(name: &str) -> Trace {
    Trace::load(&path(name)).unwrap()
}

/// How far the block is from the nearest wall's face, px; negative inside the wall.
fn distance_from_walls(block: &Pose) -> f64 {
    let corners = block.place(&OUTLINE);
    corners.as_flattened().iter().fold(f64::INFINITY, |least, x| least.min(x - 7.0).min(TABLE_SIZE - 8.0 - x))
}

/// Open loop until the block first meets a wall: where it is then, against where gym-pusht has it, px.
fn errors_before_the_walls(name: &str) -> Vec<f64> {
    let trace = load(name);
    let mut world = World::new();
    let error_of_episode = |episode: std::ops::Range<usize>| {
        let mut error = 0.0;
        world.set_state(&trace.state(episode.start)).unwrap();
        for row in episode.start..episode.end - 1 {
            world.step(trace.action(row)).unwrap();
            let (is, should) = (world.state(), trace.state(row + 1));
            assert!((is.agent - should.agent).norm() < 1e-9, "{name} row {row}: the agent is elsewhere");
            if distance_from_walls(&should.block) < 0.0 {
                break;
            }
            error = (is.block.position - should.block.position).norm();
        }
        error
    };
    trace.episodes().map(error_of_episode).collect()
}

/// Nothing adds up. What is left are contacts that are lost and found again at once (see the crate's README).
#[test]
fn open_loop_the_block_goes_where_gym_pusht_puts_it() {
    let mut errors: Vec<f64> = TRACES.into_iter().flat_map(errors_before_the_walls).collect();
    errors.sort_by(f64::total_cmp);
    println!("{errors:.5?}");
    let parted = errors.iter().filter(|&&error| error > 0.002).count();
    assert_eq!(errors.len(), 32);
    assert!(parted <= 4, "{parted} of 32 episodes parted: {errors:?}");
}

/// One step from a recorded state goes wrong about as often as gym-pusht itself does when it is restarted there.
#[test]
fn restarted_steps_part_no_more_than_gym_pushts_own() {
    const PARTED: f64 = 1e-3;
    for name in TRACES {
        let restart: Array1<f64> =
            NpzReader::new(File::open(path(name)).unwrap()).unwrap().by_name("restart_error").unwrap();
        let theirs = restart.iter().filter(|&&error| error > PARTED).count();
        let trace = load(name);
        let mut world = World::new();
        let mut ours = 0;
        for row in trace.episodes().flat_map(|episode| episode.start..episode.end - 1) {
            world.set_state_moving(&trace.state(row), trace.agent_velocity(row).unwrap()).unwrap();
            let outcome = world.step(trace.action(row)).unwrap();
            let error = (world.state().block.position - trace.state(row + 1).block.position).norm();
            ours += usize::from(error > PARTED);
            let reward_error = (outcome.reward - trace.reward(row).unwrap()).abs();
            assert!(error > PARTED || reward_error < 1e-4, "{name} row {row}: reward off by {reward_error}");
        }
        println!("{name}: {ours} steps part here, {theirs} in gym-pusht itself");
        assert!(ours <= theirs + theirs / 8 + 8, "{name}: {ours} steps part, of gym-pusht's own {theirs}");
    }
}

#[test]
fn reports_say_what_was_measured() {
    let trace = load("random_targets");
    let report = replay(&trace, false).unwrap();
    assert_eq!((report.episodes, report.control_steps), (8, 8 * 119));
    let json = serde_json::to_value(&report).unwrap();
    for field in ["final_position_error_px", "final_angle_error_rad", "final_reward_error"] {
        assert!(["p50", "p90", "max"].iter().all(|quantile| json[field][quantile].is_f64()), "{json}");
    }
    assert!(report.agent_max_error_px < 1e-9 && json["control_steps_per_second"].as_f64().unwrap() > 0.0);
    let ReplayErrors::OpenLoop { final_position_error_px, .. } = report.errors else { panic!("not open loop") };
    assert!(final_position_error_px.p50 < 1e-3, "{final_position_error_px:?}");

    let report = replay(&trace, true).unwrap();
    let ReplayErrors::Resync { step_position_error_px, .. } = report.errors else { panic!("not resynchronised") };
    assert!(step_position_error_px.p90 < 1e-4, "{step_position_error_px:?}");
}

/// The 206 human demonstrations, where there are any: `PUSHT_DEMOS=FILE cargo test -p parapolicy-pusht`.
#[test]
fn demonstrations_end_where_they_did() {
    let Some(path) = std::env::var_os("PUSHT_DEMOS") else { return };
    let report = replay(&Trace::load(Path::new(&path)).unwrap(), false).unwrap();
    let ReplayErrors::OpenLoop { final_position_error_px, .. } = report.errors else { panic!("not open loop") };
    assert!(report.agent_max_error_px <= 0.001, "{}", report.agent_max_error_px);
    assert!(final_position_error_px.p50 <= 0.001 && final_position_error_px.p90 <= 0.01, "{final_position_error_px:?}");
}
