//! What keeps x̂0 within bounds, over a whole sample.

use crate::config::SchedulerConfig;

/// Bounds of x̂0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Limit {
    /// None.
    Open,
    /// Every value is clipped to ± the number.
    Clip(f32),
    /// Dynamic thresholding (Saharia et al. 2022, arXiv 2205.11487, section 2.3), as `diffusers` has it:
    ///
    /// ```text
    /// s  = quantile of |x̂0| over the sample, at least 1, at most `most`
    /// x̂0 ← clip(x̂0, −s, s) / s
    /// ```
    Threshold {
        /// Which quantile, interpolated linearly.
        ratio: f64,
        /// The largest s; where it is below 1, s itself.
        most: f32,
    },
}

impl Limit {
    /// That of the configuration, in solvers that clip or in others. Thresholding goes before clipping.
    pub fn of(config: &SchedulerConfig, clips: bool) -> Self {
        if config.thresholding {
            Self::Threshold { ratio: config.dynamic_thresholding_ratio, most: config.sample_max_value as f32 }
        } else if config.clip_sample && clips {
            Self::Clip(config.clip_sample_range as f32)
        } else {
            Self::Open
        }
    }

    /// Writes the limited values of a sample whose values are `raw`, `[D]`. Allocates nothing: the values are computed
    /// twice where the threshold depends on all of them.
    pub fn write(self, denoised: &mut [f32], raw: impl Fn(usize) -> f32) {
        let values = |denoised: &mut [f32], limited: &dyn Fn(f32) -> f32| {
            denoised.iter_mut().enumerate().for_each(|(i, value)| *value = limited(raw(i)));
        };
        match self {
            Self::Open => denoised.iter_mut().enumerate().for_each(|(i, value)| *value = raw(i)),
            Self::Clip(range) => {
                denoised.iter_mut().enumerate().for_each(|(i, value)| *value = raw(i).clamp(-range, range));
            }
            Self::Threshold { ratio, most } => {
                values(denoised, &f32::abs);
                let threshold = quantile(denoised, ratio).max(1.0).min(most);
                values(denoised, &|value| value.clamp(-threshold, threshold) / threshold);
            }
        }
    }
}

/// The quantile of `values`, at least one, interpolated linearly between the two values next to it. Reorders them.
fn quantile(values: &mut [f32], ratio: f64) -> f32 {
    let rank = ratio * (values.len() - 1) as f64;
    let (_, &mut lower, above) = values.select_nth_unstable_by(rank as usize, f32::total_cmp);
    let upper = above.iter().copied().min_by(f32::total_cmp).unwrap_or(lower);
    let share = rank.fract();
    if share == 0.0 { lower } else { (f64::from(lower) + share * (f64::from(upper) - f64::from(lower))) as f32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By `numpy.quantile([4, 1, 3, 2], q)`.
    #[test]
    fn quantiles_are_numpys() {
        for (ratio, expected) in [(0.0, 1.0), (0.5, 2.5), (0.9, 3.7), (1.0, 4.0)] {
            assert!((quantile(&mut [4.0, 1.0, 3.0, 2.0], ratio) - expected).abs() < 1e-6);
        }
        assert_eq!(quantile(&mut [5.0], 0.3), 5.0);
    }

    #[test]
    fn a_threshold_divides_by_itself() {
        let mut denoised = [0.0; 4];
        let raw = [4.0, -2.0, 0.0, 1.0];
        Limit::Threshold { ratio: 1.0, most: 2.0 }.write(&mut denoised, |i| raw[i]);
        assert_eq!(denoised, [1.0, -1.0, 0.0, 0.5]);
        Limit::Threshold { ratio: 0.0, most: 2.0 }.write(&mut denoised, |i| raw[i]);
        assert_eq!(denoised, [1.0, -1.0, 0.0, 1.0]);
    }
}
