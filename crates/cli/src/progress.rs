//! Bars on standard error; nothing is drawn where that is not a terminal.

use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{ProgressBar, ProgressStyle};
use parapolicy_eval::SamplerRun;
use parapolicy_policy::{InstallObserver, InstallStage};

use crate::stop::Stop;

/// The bar over all episodes of a run.
#[derive(Clone)]
pub struct RunProgress(ProgressBar);

impl RunProgress {
    pub fn new(episodes: u64) -> Self {
        Self(ProgressBar::new(episodes).with_style(style("{bar:30} {pos}/{len} episodes, {eta} left  {msg}")))
    }

    /// Shows what the sampler has earned and cost so far.
    pub fn episode_done(&self, run: &SamplerRun) {
        let latency = run.sampling.percentiles().p50;
        self.0.set_message(format!("{}: reward {:.3}, {latency:.1} ms a plan", run.name, run.reward_mean()));
        self.0.inc(1);
    }

    /// Counts an episode whose figures are not known yet.
    pub fn episode_over(&self, sampler: &str) {
        self.0.set_message(sampler.to_owned());
        self.0.inc(1);
    }

    pub fn finish(&self) {
        self.0.finish_and_clear();
    }
}

/// The bar over samples of a denoiser that is no policy.
pub struct SampleProgress(ProgressBar, AtomicU64);

impl SampleProgress {
    pub fn new(samples: u64) -> Self {
        let bar = ProgressBar::new(samples).with_style(style("{bar:30} {pos}/{len} samples  {msg}"));
        Self(bar, AtomicU64::new(0))
    }

    /// Counts rows of a batch.
    pub fn evaluated(&self, rows: usize) {
        let all = self.1.fetch_add(rows as u64, Ordering::Relaxed) + rows as u64;
        self.0.set_message(format!("{all} evaluations"));
    }

    /// Counts a sample that is drawn.
    pub fn drawn(&self) {
        self.0.inc(1);
    }

    pub fn finish(&self) {
        self.0.finish_and_clear();
    }
}

/// The bar over plans that candidates draw in turn.
pub struct PlanProgress(ProgressBar);

impl PlanProgress {
    pub fn new(plans: u64) -> Self {
        Self(ProgressBar::new(plans).with_style(style("{bar:30} {pos}/{len} plans, {eta} left")))
    }

    /// Counts a plan.
    pub fn drawn(&self) {
        self.0.inc(1);
    }

    pub fn finish(&self) {
        self.0.finish_and_clear();
    }
}

/// The bar of an installation of ONNX Runtime; none is shown while there is nothing to install.
pub struct InstallProgress(ProgressBar);

impl InstallProgress {
    pub fn new() -> Self {
        Self(ProgressBar::no_length().with_style(style("ONNX Runtime: {msg} {bar:30} {bytes}/{total_bytes}")))
    }
}

impl InstallObserver for InstallProgress {
    fn stage(&self, stage: InstallStage) {
        self.0.set_message(match stage {
            InstallStage::Waiting => "another process is installing it",
            InstallStage::Downloading => "downloading",
            InstallStage::Verifying => "verifying",
            InstallStage::Unpacking => "unpacking",
            InstallStage::Done => return self.0.finish_and_clear(),
        });
    }

    fn progress(&self, bytes: u64, total: u64) {
        self.0.set_length(total);
        self.0.set_position(bytes);
    }

    fn cancels(&self) -> bool {
        Stop::current().is_asked()
    }
}

/// A template that cannot be parsed falls back to the library's own; a test parses ours.
fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
