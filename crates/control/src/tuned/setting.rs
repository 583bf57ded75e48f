//! Settings, and what was measured of them.

use std::fmt;

use parapolicy_policy::{Inference, UnknownPrecision};
use serde::{Deserialize, Serialize};

use super::Estimate;

/// How plans are drawn, and by how many threads in which precision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setting {
    /// Name of the solver.
    pub solver: String,
    /// Denoising steps.
    pub steps: usize,
    /// Name of the strategy.
    pub sampler: String,
    /// Its window, if it has one.
    pub window: Option<usize>,
    /// Its tolerance, if it has one.
    pub tolerance: Option<f64>,
    /// Precision of the network's products.
    pub precision: String,
    /// Threads of the network.
    pub threads: usize,
}

/// What is asked of a setting: where a network is loaded already, its precision and threads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// This precision; `None` for any.
    pub precision: Option<String>,
    /// So many threads; `None` for any number.
    pub threads: Option<usize>,
}

/// A setting and its figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Measured {
    /// The setting.
    pub setting: Setting,
    /// What a plan took.
    pub latency_ms: LatencySpan,
    /// The median time in one half of the plans over that in the other, the larger over the smaller: 1 on an idle machine.
    pub drift: f64,
    /// Energy distance of its plans' distribution from the reference's (normalised units); around 0 for the same distribution.
    pub distance: Estimate,
    /// What it earned; none where no episodes were played with it.
    pub reward: Option<Earned>,
    /// Why no episodes were played with it, though others were.
    pub dropped: Option<String>,
}

/// Quantiles of the time that a plan takes, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LatencySpan {
    /// Median.
    pub p50: f64,
    /// One in twenty takes longer.
    pub p95: f64,
}

/// Reward of a setting.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Earned {
    /// Mean over the episodes of each one's largest reward.
    pub mean: f64,
    /// Share of the episodes that succeeded.
    pub success: f64,
    /// Difference to the reference, paired by seed; none for the reference itself.
    pub difference: Option<Estimate>,
}

impl Setting {
    /// The same inference with this setting's precision and threads.
    ///
    /// # Errors
    /// There is no such precision.
    pub fn inference(&self, inference: &Inference) -> Result<Inference, UnknownPrecision> {
        Ok(Inference { precision: self.precision.parse()?, threads: self.threads, ..inference.clone() })
    }
}

impl Wanted {
    /// Whether a setting is what is asked for.
    #[must_use]
    pub fn admits(&self, setting: &Setting) -> bool {
        self.precision.as_ref().is_none_or(|precision| *precision == setting.precision)
            && self.threads.is_none_or(|threads| threads == setting.threads)
    }
}

/// `2 threads in bf16`.
impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.threads {
            Some(1) => f.write_str("1 thread")?,
            Some(threads) => write!(f, "{threads} threads")?,
            None => f.write_str("any threads")?,
        }
        self.precision.as_ref().map_or(Ok(()), |precision| write!(f, " in {precision}"))
    }
}

/// `picard on ddpm in 100 steps, window 20, 2 threads`; the precision is named where it is not f32.
impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { solver, steps, sampler, window, precision, threads, .. } = self;
        write!(f, "{sampler} on {solver} in {steps} steps")?;
        window.map_or(Ok(()), |window| write!(f, ", window {window}"))?;
        write!(f, ", {threads} thread{}", if *threads == 1 { "" } else { "s" })?;
        if precision == "f32" { Ok(()) } else { write!(f, ", {precision}") }
    }
}
