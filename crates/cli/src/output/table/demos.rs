//! Table of demonstrations.

use super::{finish, table};
use crate::commands::demos::Listed;

/// One line a demonstration.
pub fn render_demonstrations(listed: &[Listed]) -> String {
    let mut table = table(&["file", "seed", "control steps", "best reward"]);
    let unknown = || "–".to_owned();
    for Listed { file, seed, control_steps, best_reward } in listed {
        let seed = seed.map_or_else(unknown, |seed| seed.to_string());
        let reward = best_reward.map_or_else(unknown, |reward| format!("{reward:.3}"));
        table.add_row([file.clone(), seed, control_steps.to_string(), reward]);
    }
    finish(table)
}
