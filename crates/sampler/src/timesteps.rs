//! Which training timesteps a sampler visits.

use crate::config::{SchedulerConfig, TimestepSpacing};
use crate::error::ConfigError;

/// How a solver spaces timesteps.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spacing {
    /// Timesteps of the schedule, counted from its end without noise: all that were trained, or fewer where DPM-Solver++
    /// does not begin in noise as strong (`lambda_min_clipped`).
    pub end: usize,
    /// Whether `leading` and `linspace` space one timestep more and drop the last of them, which would be 0: the final step
    /// of DPM-Solver++ goes to the end of the schedule from wherever it is.
    pub drop_last: bool,
}

/// `steps` descending training timesteps, chosen and rounded (half to even) as `diffusers` does.
///
/// # Errors
///
/// If `steps` is 0 or more than there are timesteps, or if the timesteps are not all different or not all trained on.
pub(crate) fn timesteps(config: &SchedulerConfig, steps: usize, spacing: Spacing) -> Result<Vec<usize>, ConfigError> {
    let trained = config.num_train_timesteps;
    check_steps(steps, trained)?;
    let count = steps + usize::from(spacing.drop_last);
    let chosen: Vec<i64> = match config.timestep_spacing {
        TimestepSpacing::Leading => leading(spacing.end, count, config.steps_offset),
        TimestepSpacing::Linspace => linspace(spacing.end, count),
        TimestepSpacing::Trailing => trailing(config, spacing.end, steps)?,
    };
    let chosen = &chosen[..steps];
    if chosen.windows(2).any(|pair| pair[0] <= pair[1]) || chosen[steps - 1] < 0 {
        let end = spacing.end;
        let expected = format!("fewer: {} spacing over {end} timesteps repeats some", config.timestep_spacing);
        return Err(ConfigError::out_of_range("steps", &steps, expected));
    }
    if chosen[0] >= trained as i64 {
        let expected = format!("smaller: the first timestep would be {} of {trained}", chosen[0]);
        return Err(ConfigError::out_of_range("steps_offset", &config.steps_offset, expected));
    }
    Ok(chosen.iter().map(|timestep| *timestep as usize).collect())
}

/// Refuses no steps, and more than timesteps that were trained.
pub(crate) fn check_steps(steps: usize, trained: usize) -> Result<(), ConfigError> {
    if (1..=trained).contains(&steps) {
        return Ok(());
    }
    let expected = format!("between 1 and num_train_timesteps ({trained})");
    Err(ConfigError::out_of_range("steps", &steps, expected))
}

/// t_i = i·⌊T/n⌋ + offset.
fn leading(end: usize, count: usize, offset: usize) -> Vec<i64> {
    let ratio = end / count;
    (0..count).rev().map(|i| (i * ratio).saturating_add(offset).min(i64::MAX as usize) as i64).collect()
}

/// t_i = round(i (T−1)/(n−1)).
fn linspace(end: usize, count: usize) -> Vec<i64> {
    let gap = if count > 1 { (end - 1) as f64 / (count - 1) as f64 } else { 0.0 };
    (0..count).rev().map(|i| (i as f64 * gap).round_ties_even() as i64).collect()
}

/// t_i = round(end − i T/n) − 1, as many as NumPy's `arange` has of them.
///
/// For some counts (29 of 100, say) rounding makes that one more than asked for, and `diffusers` then evaluates the network at
/// a timestep of −1; where the schedule is clipped it is fewer. Both are refused.
fn trailing(config: &SchedulerConfig, end: usize, count: usize) -> Result<Vec<i64>, ConfigError> {
    let (top, ratio) = (end as f64, config.num_train_timesteps as f64 / count as f64);
    let found = (top / ratio).ceil() as usize;
    if found != count {
        let expected =
            format!("another number: diffusers makes it {found} under trailing spacing over {end} timesteps");
        return Err(ConfigError::out_of_range("steps", &count, expected));
    }
    // As `arange` steps: by the rounded difference of its first two values.
    let gap = (top - ratio) - top;
    Ok((0..count).map(|i| (top + i as f64 * gap).round_ties_even() as i64 - 1).collect())
}
