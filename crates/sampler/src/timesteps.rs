//! Which training timesteps a sampler visits.

use crate::config::{PredictionType, SchedulerConfig, TimestepSpacing};
use crate::error::ConfigError;

/// `steps` descending training timesteps, chosen and rounded (half to even) as `diffusers` does.
///
/// DPM-Solver++ (`drop_last`) spaces one timestep more under `leading` and `linspace` and drops the last of them, which
/// would be 0: its final step goes to the end of the schedule from wherever it is. A flow, whose timesteps are 1 to T, has
/// each of them one later; `linspace` is then `diffusers`' own for flows, `trailing` even steps from pure noise.
///
/// # Errors
///
/// If `steps` is 0 or more than there are timesteps, or if the timesteps are not all different or not all trained on.
pub(crate) fn timesteps(config: &SchedulerConfig, steps: usize, drop_last: bool) -> Result<Vec<i64>, ConfigError> {
    let trained = config.num_train_timesteps;
    if !(1..=trained).contains(&steps) {
        let expected = format!("between 1 and num_train_timesteps ({trained})");
        return Err(ConfigError::out_of_range("steps", &steps, expected));
    }
    let chosen: Vec<i64> = match config.timestep_spacing {
        TimestepSpacing::Leading => leading(config, steps + usize::from(drop_last)),
        TimestepSpacing::Linspace => linspace(trained, steps + usize::from(drop_last)),
        TimestepSpacing::Trailing => trailing(trained, steps),
    };
    let chosen = chosen[..steps].to_vec();
    if chosen.windows(2).any(|pair| pair[0] <= pair[1]) || chosen[steps - 1] < 0 {
        let expected = format!("fewer: {} spacing over {trained} timesteps repeats some", config.timestep_spacing);
        return Err(ConfigError::out_of_range("steps", &steps, expected));
    }
    if chosen[0] >= trained as i64 {
        let expected = format!("smaller: the first timestep would be {} of {trained}", chosen[0]);
        return Err(ConfigError::out_of_range("steps_offset", &config.steps_offset, expected));
    }
    let first = i64::from(config.prediction_type == PredictionType::Flow);
    Ok(chosen.iter().map(|timestep| timestep + first).collect())
}

/// t_i = i·⌊T/n⌋ + offset.
fn leading(config: &SchedulerConfig, count: usize) -> Vec<i64> {
    let ratio = config.num_train_timesteps / count;
    (0..count).rev().map(|i| (i * ratio).saturating_add(config.steps_offset).min(i64::MAX as usize) as i64).collect()
}

/// t_i = round(i (T−1)/(n−1)).
fn linspace(trained: usize, count: usize) -> Vec<i64> {
    let gap = if count > 1 { (trained - 1) as f64 / (count - 1) as f64 } else { 0.0 };
    (0..count).rev().map(|i| (i as f64 * gap).round_ties_even() as i64).collect()
}

/// t_i = round(T − i T/n) − 1.
///
/// For some counts (29 of 100, say) rounding makes `diffusers`' `arange` one longer, with a timestep of −1 at its end;
/// here there are always `count` steps.
fn trailing(trained: usize, count: usize) -> Vec<i64> {
    let top = trained as f64;
    // As NumPy's `arange` steps: by the rounded difference of its first two values.
    let gap = (top - top / count as f64) - top;
    (0..count).map(|i| (top + i as f64 * gap).round_ties_even() as i64 - 1).collect()
}
