//! Holds the simulator to traces recorded from gym-pusht.

use std::path::{Path, PathBuf};

use parapolicy_pusht::{Quantiles, ReplayErrors, Trace, replay};

fn sims() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sims")
}

fn load(name: &str) -> Trace {
    Trace::load(&sims().join(format!("traces/{name}.npz"))).unwrap()
}

/// Position, angle and reward errors.
fn errors(trace: &Trace, resync: bool) -> [Quantiles; 3] {
    let report = replay(trace, resync).unwrap();
    assert!(report.agent_max_error_px < 1e-9, "agent off by {} px", report.agent_max_error_px);
    match report.errors {
        ReplayErrors::OpenLoop {
            final_position_error_px: position,
            final_angle_error_rad: angle,
            final_reward_error,
        } => {
            assert!(!resync);
            [position, angle, final_reward_error]
        }
        ReplayErrors::Resync { step_position_error_px: position, step_angle_error_rad: angle, step_reward_error } => {
            assert!(resync);
            [position, angle, step_reward_error]
        }
    }
}

#[test]
fn probe() {
    for name in ["random_targets", "shoves", "long_pushes", "spins"] {
        for resync in [false, true] {
            println!("{name} {resync} {:?}", errors(&load(name), resync));
        }
    }
}
