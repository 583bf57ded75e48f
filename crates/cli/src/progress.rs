use indicatif::{ProgressBar, ProgressStyle};
use parapolicy_control::SamplerRun;

/// The bar over all episodes of a run. Nothing is drawn where standard error is not a terminal.
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

    pub fn finish(&self) {
        self.0.finish_and_clear();
    }
}

pub fn style(template: &str) -> ProgressStyle {
    // A template that does not parse falls back to the default bar; the tests render every one of ours.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
